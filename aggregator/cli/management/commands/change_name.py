"""`manage.py change_name`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import account_named
from aggregator.errors import LongviewError
from aggregator.services.users.change_name import change_name


class Command(BaseCommand):
    help = "Change the name of an account; the one that it had is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--prefix", default="", help="such as Dr")
        parser.add_argument("--given", required=True)
        parser.add_argument("--family", required=True)
        parser.add_argument("--reason", required=True, help="why it changes, for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            user_id = account_named(options["username"])
            change_name(
                requester=operator(),
                user_id=user_id,
                title=options["prefix"],
                given=options["given"],
                family=options["family"],
                reason=options["reason"],
                now=now,
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done.")
