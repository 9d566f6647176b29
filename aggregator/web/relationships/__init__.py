"""Who cares for a patient, who has access to their record, and whom a user can reach."""
