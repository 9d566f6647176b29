"""Who went past the gates in an emergency, and what a privacy officer made of it."""
