"""`manage.py list_users`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.directory import UserLine
from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.users.list_users import list_users


class Command(BaseCommand):
    help = "List the accounts, with their roles and when they last signed in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--search", default="", help="a part of a name or user name")
        parser.add_argument("--unused", action="store_true", help="only those who have not signed in for 90 days")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            users = list(_all(search=options["search"], is_unused=options["unused"]))
        except LongviewError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(line) for line in users]))
            return
        for line in users:
            last = f"{line.last_sign_in_at:%Y-%m-%d}" if line.last_sign_in_at else "never"
            roles = "; ".join(f"{each.role.value} at {each.organisation_ods}" for each in line.memberships) or "no role"
            self.stdout.write(f"{line.username:<24}{last:<12}{line.name}: {roles}")


def _all(*, search: str, is_unused: bool) -> Iterator[UserLine]:
    page = pages = 1
    while page <= pages:
        found = list_users(requester=operator(), search=search, is_unused=is_unused, page=page, now=timezone.now())
        yield from found.users
        page, pages = page + 1, found.pages


def _as_json(line: UserLine) -> dict[str, Any]:
    return {
        "username": line.username,
        "name": line.name,
        "last_signed_in": line.last_sign_in_at.isoformat() if line.last_sign_in_at else None,
        "roles": [
            {"role": each.role.value, "organisation": each.organisation_ods, "from": each.from_at.isoformat()}
            for each in line.memberships
        ],
    }
