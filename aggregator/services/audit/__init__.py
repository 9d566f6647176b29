"""Looking back: the audit, searched and exported, and what a patient is told of it."""
