"""How the service starts: settings, processes, routes. Imports everything, imported by nothing."""
