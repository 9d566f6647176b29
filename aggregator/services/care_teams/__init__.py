"""Care teams, their members and their patients."""
