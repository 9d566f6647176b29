"""`manage.py list_alerts`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.alerts.list_alerts import list_alerts


class Command(BaseCommand):
    help = "List alerts, the latest first, and how each was delivered."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--failing", action="store_true", help="only those of which somebody was not told")
        parser.add_argument("--page", type=int, default=1)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = list_alerts(
                requester=operator(), is_failing=options["failing"], page=options["page"], now=timezone.now()
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        lines = [
            {
                "at": alert.created_at.isoformat(timespec="seconds"),
                "alert": str(alert.id),
                "kind": alert.kind.value,
                "organisation": alert.organisation_name or "every organisation",
                "recipient": each.recipient if each else "nobody",
                "medium": each.medium.value if each else "",
                "state": each.state.value if each else "",
                "fault": each.fault.value if each and each.fault else "",
            }
            for alert in found.alerts
            for each in alert.deliveries or (None,)
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"untried": found.untried, "lines": lines}, indent=2))
            return
        self.stdout.write("\n".join("  ".join(filter(None, line.values())) for line in lines))
        self.stdout.write(f"{found.count} alerts, page {found.page} of {found.pages}.")
        if found.untried:
            self.stdout.write(f"{found.untried} deliveries are due and nothing attempts them: does upkeep run?")
