"""Settings: base.py is the service; local.py, test.py and production.py each change a few lines of it."""
