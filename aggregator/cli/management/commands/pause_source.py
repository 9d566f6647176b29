"""`manage.py pause_source`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import source_named
from aggregator.errors import LongviewError
from aggregator.services.sources.pause_source import pause_source
from aggregator.services.sources.resume_source import resume_source


class Command(BaseCommand):
    help = "Pause a source, so that no record is asked of it; or have it asked again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name of the source")
        parser.add_argument("--reason", required=True, help="why; name no patient")
        parser.add_argument("--resume", action="store_true", help="have it asked again")

    def handle(self, *args: Any, **options: Any) -> None:
        act = resume_source if options["resume"] else pause_source
        try:
            act(
                requester=operator(),
                source_id=source_named(options["slug"]),
                reason=options["reason"],
                now=timezone.now(),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['slug']} is {'asked again' if options['resume'] else 'paused'}.")
