"""`manage.py end_client`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.clients.end_client import end_client


class Command(BaseCommand):
    help = "End the registration of a system: its tokens count no more, and it gets no other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", help="its client_id")
        parser.add_argument("--reason", required=True, help="why")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            end_client(
                requester=operator(), oauth_id=options["client_id"], reason=options["reason"], now=timezone.now()
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['client_id']} is ended.")
