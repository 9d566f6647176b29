"""A database of its own, as it was before a migration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from config import database_roles as roles


@contextmanager
def scratch_database(*, migrated_to: tuple[str, str]) -> Iterator[BaseDatabaseWrapper]:
    """Make a database with all migrations up to one, used as its owner, and drop it at the end."""
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
        MigrationExecutor(scratch).migrate([migrated_to])
        yield scratch
    finally:
        del connections["scratch"]
        scratch.close()
        rows(owner, f"DROP DATABASE {name}")
        owner.close()


def rows(database: BaseDatabaseWrapper, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with database.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found
