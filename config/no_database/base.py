"""See the package's docstring; Django imports this module by name."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.utils import OperationalError

WHAT_TO_DO = (
    "no PostgreSQL is named and none of ours runs: set DATABASE_URL and REDIS_URL, "
    "or start the private ones in another terminal with `make demo` or `manage.py services`"
)


class DatabaseWrapper(PostgresWrapper):
    """PostgreSQL without an address."""

    def get_connection_params(self) -> dict[str, Any]:
        """Refuse, saying what to do."""
        return _refuse()


def _refuse() -> NoReturn:
    raise OperationalError(WHAT_TO_DO)
