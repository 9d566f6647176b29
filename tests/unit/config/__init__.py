"""The reader of settings, the logs and the static files, without any service."""
