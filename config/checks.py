"""Checks for `manage.py check --database default`, which need a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from config.database_roles import serves_as_owner


@checks.register(checks.Tags.database)
def check_roles(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn if the role that serves users also owns the tables."""
    if not databases or not serves_as_owner():
        return []
    hint = "Put the role that owns the tables in DATABASE_OWNER_URL, for `migrate`, and another in DATABASE_URL."
    words = (
        "One database role owns the tables and serves users: only a trigger protects the audit, and that role could "
        "drop it."
    )
    return [checks.Warning(words, hint=hint, id="config.W001")]
