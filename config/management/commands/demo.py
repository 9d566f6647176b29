"""Start everything on this machine with a synthetic region, show one patient's record, and stay up."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demonstration import Demonstration
from config.env import SettingError
from config.processes import StartError, Stopped, stoppable


class Command(BaseCommand):
    """`manage.py demo [--once]`."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--once`."""
        parser.add_argument("--once", action="store_true", help="stop after the summary; exit 0 only if all worked")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; end in one line whatever happens."""
        demonstration = Demonstration(folder=settings.DATA_FOLDER, say=self._say)
        try:
            with stoppable():
                demonstration.run(once=options["once"])
        except (StartError, SettingError) as error:
            raise CommandError(str(error)) from None
        except Stopped:
            self._say("\nStopped.\n")
            if options["once"] or not demonstration.up:
                sys.exit(130)

    def _say(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
