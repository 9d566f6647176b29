"""Settings: base.py is the service, local.py, test.py and production.py differ from it by a few lines each."""
