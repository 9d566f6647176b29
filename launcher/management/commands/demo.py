"""Start everything on this machine with a synthetic region, show one patient's record, and keep running."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from launcher.handover import hand_over


class Command(BaseCommand):
    """`manage.py demo [--once] [--faults]`."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--once` and `--faults`."""
        parser.add_argument(
            "--once", action="store_true", help="stop after the summary; exit 0 only if everything worked"
        )
        parser.add_argument("--faults", action="store_true", help="have some sources fail and heal by themselves")

    def handle(self, *args: Any, **options: Any) -> None:
        """Become the launcher, which starts the services before any settings are read."""
        hand_over("demo", *(f"--{name}" for name in ("once", "faults") if options[name]))
