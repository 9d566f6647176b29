"""`manage.py export_audit`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import new_private_file
from aggregator.errors import LongviewError
from aggregator.services.audit.export_audit import export_audit


class Command(BaseCommand):
    help = "Export the audit as FHIR AuditEvents, one per line (NDJSON), oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to make")
        parser.add_argument("--first-day", type=date.fromisoformat, metavar="DATE", help="such as 2026-04-01")
        parser.add_argument("--last-day", type=date.fromisoformat, metavar="DATE", help="such as 2027-03-31")

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        try:
            with new_private_file(options["file"]) as file:
                for line in export_audit(
                    requester=operator(), first_day=options["first_day"], last_day=options["last_day"]
                ):
                    file.write(f"{line}\n")
                    count += 1
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} events.")
