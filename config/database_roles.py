"""Two database roles: the owner migrates; the application can write to the audit only through its function.

With DATABASE_URL alone, one role does both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from config.env import database_parts

log = structlog.get_logger("longview.start")

CHANGED = ("USER", "PASSWORD", "OPTIONS")


def single_role() -> bool:
    """Return whether one role both owns the tables and serves users."""
    return not settings.DATABASE_OWNER_URL


@contextmanager
def as_owner(*, connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Use this connection as the owner; yield the name of the application's role, or "" if there is only one role."""
    if single_role():
        yield ""
        return
    before = dict(connection.settings_dict)
    use_owner(connection=connection)
    try:
        yield settings.DATABASE_APP_ROLE
    finally:
        # NAME is kept: Django's test runner changes it in between.
        use(connection=connection, parameters={name: before[name] for name in CHANGED})


def use_owner(*, connection: BaseDatabaseWrapper) -> None:
    """Use this connection as the owner from now on, without the time limits for pages: migrations may take longer."""
    owner = database_parts(settings.DATABASE_OWNER_URL)
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "options"}
    use(connection=connection, parameters={"USER": owner["USER"], "PASSWORD": owner["PASSWORD"], "OPTIONS": options})


def use(*, connection: BaseDatabaseWrapper, parameters: dict[str, Any]) -> None:
    """Change how this connection logs in, from its next use on."""
    connection.close()
    connection.settings_dict.update(parameters)


def grant_future_tables(*, connection: BaseDatabaseWrapper, role: str) -> None:
    """Let `role` use every table that the current role creates from now on; migrations revoke exceptions."""
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} TO {name}")


def serves_as_owner() -> bool:
    """Return whether the role that serves users owns the audit table, and so could drop its trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE relname = 'audit_event'")
        row = cursor.fetchone()
    return bool(row and row[0])


def warn_if_owner() -> None:
    """Log a warning at start if only a trigger protects the audit."""
    try:
        if serves_as_owner():
            log.warning("one database role owns the tables and serves users: only a trigger protects the audit")
    except DatabaseError:
        log.warning("the database does not answer")
    finally:
        connection.close()
