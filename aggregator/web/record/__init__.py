"""A person's record."""
