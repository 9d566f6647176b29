"""Run the private PostgreSQL and Redis until Ctrl-C, for commands in other terminals."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.embedded import embedded_services, held_folder
from config.processes import StartError, Stopped, stoppable, watch


class Command(BaseCommand):
    """`manage.py services`."""

    help = "Run the private PostgreSQL and Redis of this data folder until Ctrl-C; other commands find them."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, say so, wait, stop."""
        folder = settings.DATA_FOLDER
        try:
            with (
                stoppable(),
                held_folder(folder=folder),
                embedded_services(folder=folder, say=lambda part: self.stdout.write(f"  starting {part}")) as running,
            ):
                self.stdout.write(
                    "PostgreSQL and Redis run; `manage.py migrate` and the like find them. Ctrl-C stops them."
                )
                self.stdout.flush()
                watch(children=running.children)
        except StartError as error:
            raise CommandError(str(error)) from None
        except Stopped:
            self.stdout.write("Stopped.")
