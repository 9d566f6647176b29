"""Django's migrate, run as the role that owns the tables; the application's role is granted their use."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from config.database_roles import as_owner, grant_future_tables, settle_rights, single_role


class Command(Migrate):
    """`manage.py migrate`."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate as the owner; if there is only one role, say what that means for the audit."""
        connection: BaseDatabaseWrapper = connections[options["database"]]
        with as_owner(connection=connection) as app_role:
            changes = bool(app_role) and not (options["plan"] or options["check_unapplied"])
            if changes:
                grant_future_tables(connection=connection, role=app_role)
            super().handle(*args, **options)
            if changes:
                settle_rights(connection=connection, role=app_role)
        if single_role() and options["verbosity"] > 0:
            self.stdout.write(
                "One database role owns the tables and serves users (DATABASE_OWNER_URL is not set): "
                "only a trigger protects the audit, and that role could drop it."
            )
