"""A database of its own, as it was at some migration, used as its owner: for tests of migrating what holds rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from config import database_roles as roles


@contextmanager
def scratch_database(*, at: Sequence[tuple[str, str]]) -> Iterator[BaseDatabaseWrapper]:
    """Make a database that is migrated up to `at`, and drop it afterwards."""
    application = connection.settings_dict["USER"]
    owner, scratch = connection.copy("owner"), connection.copy("scratch")
    name = f"scratch_{uuid4().hex}"
    for copied in (owner, scratch):
        roles.use_owner(connection=copied)
    scratch.settings_dict["NAME"] = name
    rows(owner, f"CREATE DATABASE {name}")
    connections["scratch"] = scratch
    try:
        roles.grant_future_tables(connection=scratch, role=application)
        migrate(scratch, to=at)
        yield scratch
    finally:
        del connections["scratch"]
        scratch.close()
        rows(owner, f"DROP DATABASE {name}")
        owner.close()


def migrate(database: BaseDatabaseWrapper, *, to: Sequence[tuple[str, str]]) -> None:
    """Migrate a database forwards or back."""
    MigrationExecutor(database).migrate(list(to))


def rows(database: BaseDatabaseWrapper, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query, none for a statement that gives none."""
    with database.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found
