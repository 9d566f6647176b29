"""Looking back: the audit, and the report that a patient gets."""
