"""Who went past the gates in an emergency, what a privacy officer made of it, and which person a user is."""
