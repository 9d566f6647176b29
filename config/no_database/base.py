"""See the package's docstring; Django imports this module by name."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.utils import OperationalError

from config.env import SettingError

WHAT_TO_DO = (
    "No PostgreSQL is configured and no private one is running: set DATABASE_URL and REDIS_URL, "
    "or start the private ones in another terminal with `make demo` or `manage.py services`."
)


class NoDatabase(OperationalError, SettingError):
    """No database is configured. As an OperationalError, `makemigrations` ignores it; as a SettingError, it ends
    `manage.py` in one line."""


class DatabaseWrapper(PostgresWrapper):
    """PostgreSQL without an address."""

    def get_connection_params(self) -> dict[str, Any]:
        """Refuse, saying what to do."""
        raise NoDatabase(WHAT_TO_DO)
