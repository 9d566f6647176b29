"""`manage.py access_report`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import identifier
from aggregator.errors import LongviewError
from aggregator.services.audit.report_access import report_access


class Command(BaseCommand):
    help = "Report who looked at a person's record: from where, when and why, in words for that person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON", help="the person's id")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = report_access(requester=operator(), person_id=identifier(options["person"]), now=timezone.now())
        except LongviewError as error:
            raise CommandError(str(error)) from None
        lines = [
            {
                "from": timezone.localtime(look.first_at).isoformat(timespec="minutes"),
                "until": timezone.localtime(look.last_at).isoformat(timespec="minutes"),
                "who": report.who(look),
                "role": look.role.words,
                "where": report.where(look),
                "what": look.words,
                "why": report.why(look),
            }
            for look in report.looks
        ]
        if options["json"]:
            self.stdout.write(json.dumps(lines, indent=2))
            return
        for line in lines:
            where = ", ".join(filter(None, (line["role"], line["where"])))
            self.stdout.write(f"{line['from']}  {line['who']} ({where}) {line['what']}, {line['why']}")
        if not lines:
            self.stdout.write("Nobody has looked at this record in this service.")
