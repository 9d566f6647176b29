"""How the service is configured and started: settings, processes, routes."""
