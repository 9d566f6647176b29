"""Starts the service on a developer's machine: private PostgreSQL and Redis, child processes, the demonstration."""
