"""The language that the service and every connector share. Each name is imported from the module in which it stands."""
