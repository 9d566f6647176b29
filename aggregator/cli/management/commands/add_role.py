"""`manage.py add_role`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.errors import LongviewError
from aggregator.services.changes.propose_change import propose_change


class Command(BaseCommand):
    help = "Give somebody who has an account a further role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=[role.value for role in MEMBERSHIP_ROLES])
        parser.add_argument("--ods", required=True, help="ODS code of the organisation")
        parser.add_argument("--from", default="", dest="from_date", metavar="DATE", help="from which day, 2024-08-14")
        parser.add_argument("--reason", required=True, help="why")

    def handle(self, *args: Any, **options: Any) -> None:
        terms = {
            "username": options["username"],
            "role": options["role"],
            "organisation_ods": options["ods"],
            "from_date": options["from_date"],
        }
        try:
            propose_change(
                requester=operator(), kind="add-membership", terms=terms, reason=options["reason"], now=timezone.now()
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Done.")
