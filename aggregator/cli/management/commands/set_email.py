"""`manage.py set_email`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.users.list_users import list_users
from aggregator.services.users.set_email import set_email


class Command(BaseCommand):
    help = "Say where alerts to somebody are sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("email", metavar="ADDRESS", help='their email address; "" for none')

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            found = list_users(requester=operator(), search=options["username"], now=now)
            user_id = next((user.user_id for user in found.users if user.username == options["username"]), None)
            if user_id is None:
                raise CommandError("There is no open account of this name that has a role.")
            set_email(requester=operator(), user_id=user_id, email=options["email"], now=now)
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done.")
