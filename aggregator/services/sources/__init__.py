"""How sources are, and what their operators do about it."""
