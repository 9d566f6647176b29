"""How the service starts and stops."""
