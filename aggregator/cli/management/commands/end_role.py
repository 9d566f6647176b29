"""`manage.py end_role`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.directory import UserLine
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.errors import LongviewError
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.list_users import list_users


class Command(BaseCommand):
    help = "End a role of somebody, or with --all close their account. Their sessions end with it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=[role.value for role in MEMBERSHIP_ROLES])
        parser.add_argument("--ods", help="ODS code of the organisation")
        parser.add_argument("--all", action="store_true", help="close the account")
        parser.add_argument(
            "--last-day", type=date.fromisoformat, metavar="DATE", help="as 2024-08-14; at once without"
        )
        parser.add_argument("--reason", required=True, help="why")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["all"] == bool(options["role"] or options["ods"]) or bool(options["role"]) != bool(options["ods"]):
            raise CommandError("Name either --role and --ods, or --all.")
        how = {"last_day": options["last_day"], "reason": options["reason"], "now": timezone.now()}
        try:
            user = _user(options["username"])
            if options["all"]:
                close_account(requester=operator(), user_id=user.user_id, **how)
                self.stdout.write("The account is closed.")
                return
            live = [
                line.membership_id
                for line in user.memberships
                if (line.role.value, line.organisation_ods) == (options["role"], options["ods"])
            ]
            if not live:
                raise CommandError("This user has no such role at present.")
            for membership_id in live:
                end_membership(requester=operator(), membership_id=membership_id, **how)
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("The role has ended.")


def _user(username: str) -> UserLine:
    """Return the open account of this name that has a role.

    Raises: CommandError.
    """
    found = list_users(requester=operator(), search=username, now=timezone.now()).users
    for line in found:
        if line.username == username:
            return line
    raise CommandError("Nobody of this user name has a role.")
