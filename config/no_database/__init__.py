"""A database backend for when none is named: it can make migrations and checks, and says what to do on connecting."""
