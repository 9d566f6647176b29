"""A database backend for when none is configured: makemigrations and checks work; connecting says what to do."""
