"""`manage.py list_clients`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.services.clients.list_clients import ClientLine, list_clients


class Command(BaseCommand):
    help = "List the systems that may read records by themselves, and those that no longer may."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = list_clients(requester=operator(), now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(line) for line in lines], indent=2))
            return
        for line in lines:
            state = f"ended {line.ended_at:%Y-%m-%d}" if line.ended_at else "may ask"
            self.stdout.write(f"{line.oauth_id}  {line.organisation_ods}  {line.scopes}  {state}  {line.name}")
        self.stdout.write(f"{sum(line.ended_at is None for line in lines)} may ask, {len(lines)} in all.")


def _as_json(line: ClientLine) -> dict[str, Any]:
    return {
        "client_id": line.oauth_id,
        "name": line.name,
        "organisation": line.organisation_ods,
        "scopes": str(line.scopes),
        "key_set_url": line.key_set_url,
        "registered_at": line.registered_at.isoformat(),
        "last_asked_at": line.last_asked_at.isoformat() if line.last_asked_at else None,
        "ended_at": line.ended_at.isoformat() if line.ended_at else None,
    }
