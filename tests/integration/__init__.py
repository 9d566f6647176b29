"""Rooms and processes with the real PostgreSQL and Redis."""
