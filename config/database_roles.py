"""Two database roles: the owner migrates, and the application's role serves with no more rights than it needs.

Nobody who serves may delete what was decided or found, or write to the audit but through its function. With
DATABASE_URL alone, one role does both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from config.env import database_parts, read_environment
from config.private_services import addresses

log = structlog.get_logger("longview.start")

CHANGED = ("USER", "PASSWORD", "OPTIONS")

# All else is ended by a row or a date and stays: who belonged where, what a person decided, how a source ended.
MAY_DELETE = ("django_session", "link_review")
READ_ONLY = ("access_end", "audit_event", "django_migrations")


def owner_url() -> str:
    """Return the address of the database as its owner, "" when there is one role only.

    It is looked up when somebody migrates: no setting holds it, and a process that serves refuses to start with it.
    """
    environment = read_environment()
    named = environment.database_owner_url.get_secret_value()
    if named or not settings.PRIVATE_SERVICES:
        return named
    services = (addresses(folder=settings.DATA_FOLDER) or {}).get("services", {})
    is_used = services.get("database_url") == environment.database_url.get_secret_value()
    return services["database_owner_url"] if services and is_used else ""


def single_role() -> bool:
    """Return whether one role both owns the tables and serves users."""
    return not owner_url()


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
    owner = database_parts(owner_url())
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "options"}
    use(connection=connection, parameters={"USER": owner["USER"], "PASSWORD": owner["PASSWORD"], "OPTIONS": options})


def use(*, connection: BaseDatabaseWrapper, parameters: dict[str, Any]) -> None:
    """Change how this connection logs in, from its next use on."""
    connection.close()
    connection.settings_dict.update(parameters)


def grant_future_tables(*, connection: BaseDatabaseWrapper, role: str) -> None:
    """Let `role` use the tables that migrations are about to create; `settle_rights` says afterwards what it keeps."""
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {name}")
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {name}")
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO {name}")


def settle_rights(*, connection: BaseDatabaseWrapper, role: str) -> None:
    """Give `role` what serving takes and nothing else, in one transaction, whatever it had before."""
    name = connection.ops.quote_name(role)
    tables = set(connection.introspection.table_names())
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}",
        # Numbers come from identity columns, which need no right to their sequence.
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name}",
        f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {name}",
        *(f"GRANT DELETE ON {table} TO {name}" for table in MAY_DELETE if table in tables),
        *(f"REVOKE INSERT, UPDATE ON {table} FROM {name}" for table in READ_ONLY if table in tables),
    ]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


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


def excessive_rights() -> tuple[str, ...]:
    """Return what the role that serves may do and need not: "delete from policy", for a check before serving."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT lower(kind) || ' ' || relname FROM pg_class, unnest(ARRAY['DELETE', 'TRUNCATE']) AS kind
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
              AND has_table_privilege(oid, kind) AND NOT (kind = 'DELETE' AND relname = ANY(%s))
            UNION ALL
            SELECT 'use ' || relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
              AND CASE WHEN relkind = 'S' THEN has_sequence_privilege(oid, 'USAGE') ELSE false END
            ORDER BY 1
            """,
            [list(MAY_DELETE)],
        )
        return tuple(row[0] for row in cursor.fetchall())
