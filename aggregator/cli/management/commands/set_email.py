"""`manage.py set_email`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import account_named
from aggregator.errors import LongviewError
from aggregator.services.users.set_email import set_email


class Command(BaseCommand):
    help = "Say where alerts to somebody are sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("email", metavar="ADDRESS", help='their email address; "" for none')

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            user_id = account_named(options["username"])
            set_email(requester=operator(), user_id=user_id, email=options["email"], now=now)
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done.")
