"""`manage.py report_token`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import source_named
from aggregator.errors import LongviewError
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.make_report_token import make_report_token


class Command(BaseCommand):
    help = "Make the token with which a source reports how it is, and print it this once; or end it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name of the source")
        parser.add_argument("--end", metavar="REASON", help="end the token in place of making another")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source_id = source_named(options["slug"])
            if options["end"] is not None:
                end_report_token(requester=operator(), source_id=source_id, reason=options["end"], now=timezone.now())
                self.stdout.write(f"{options['slug']} can report no more.")
                return
            self.stdout.write(make_report_token(requester=operator(), source_id=source_id, now=timezone.now()))
        except LongviewError as error:
            raise CommandError(str(error)) from None
