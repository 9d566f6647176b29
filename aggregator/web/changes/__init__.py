"""Changes of access that wait to be confirmed."""
