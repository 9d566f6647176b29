"""`manage.py join_user`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.queries import user_id_for
from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.users.end_user_join import end_user_join
from aggregator.services.users.join_user import join_user


class Command(BaseCommand):
    help = (
        "Join a user to the person whose account it is, or end that. The NHS number and the date of birth, as "
        "1980-08-14, are read from standard input, a line each, so that they stand in no list of commands."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--end", action="store_true", help="end that the user is joined; nothing is read")
        parser.add_argument(
            "--other-name", action="store_true", help="the record is known to have another name than the account"
        )
        parser.add_argument("--note", required=True, help="how it is known who they are, or why it ends")

    def handle(self, *args: Any, **options: Any) -> None:
        user_id = user_id_for(username=options["username"])
        if user_id is None:
            raise CommandError("Nobody has this user name.")
        try:
            if options["end"]:
                end_user_join(requester=operator(), user_id=user_id, reason=options["note"], now=timezone.now())
                self.stdout.write("The user is joined to nobody.")
                return
            join_user(
                requester=operator(),
                user_id=user_id,
                nhs_number=sys.stdin.readline(),
                birth_date=_date(sys.stdin.readline()),
                has_other_name=options["other_name"],
                note=options["note"],
                now=timezone.now(),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("The user is joined.")


def _date(text: str, /) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise CommandError("The second line must be a date of birth such as 1980-08-14.") from None
