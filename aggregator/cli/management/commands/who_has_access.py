"""`manage.py who_has_access`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import identifier
from aggregator.errors import LongviewError
from aggregator.services.relationships.list_access import AccessList, list_access


class Command(BaseCommand):
    help = "List who could open a person's record now, in which role and by which relationship."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON", help="the person's id")
        parser.add_argument("--page", type=int, default=1)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            listed = list_access(
                requester=operator(),
                person_id=identifier(options["person"]),
                page=options["page"],
                now=timezone.now(),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(listed), indent=2))
            return
        for user in listed.users:
            because = "; ".join(kind.why for kind in user.kinds)
            self.stdout.write(f"{user.user_name}, {user.role.words}, {user.organisation_name}: {because}")
        for system in listed.systems:
            because = system.reason or "; ".join(kind.why for kind in system.kinds)
            self.stdout.write(f"System {system.oauth_id}, {system.organisation_name}, {system.scopes}: {because}")
        for each in listed.emergencies:
            until = timezone.localtime(each.ends_at)
            self.stdout.write(
                f"In an emergency: {each.user_name}, {each.organisation_name}, until {until:%H:%M}: {each.reason}"
            )
        for refused in listed.refused:
            role = refused.role
            self.stdout.write(
                f"Kept out: {role.users} as {role.role.words}, {role.organisation_name}. {refused.reason}"
            )
        self.stdout.write(f"{listed.count} in all, each counted once per role. Page {listed.page} of {listed.pages}.")


def _as_json(listed: AccessList) -> dict[str, Any]:
    return {
        "count": listed.count,
        "page": listed.page,
        "pages": listed.pages,
        "systems": [
            {
                "client_id": system.oauth_id,
                "name": system.name,
                "organisation": system.organisation_name,
                "scopes": system.scopes,
                "relationships": list(system.kinds),
                "reason": system.reason,
            }
            for system in listed.systems
        ],
        "users": [
            {
                "user": str(user.user_id),
                "name": user.user_name,
                "organisation": user.organisation_name,
                "role": user.role,
                "relationships": list(user.kinds),
            }
            for user in listed.users
        ],
        "emergencies": [
            {
                "name": each.user_name,
                "organisation": each.organisation_name,
                "reason": each.reason,
                "ends_at": each.ends_at.isoformat(),
            }
            for each in listed.emergencies
        ],
        "refused": [
            {
                "organisation": refused.role.organisation_name,
                "role": refused.role.role,
                "users": refused.role.users,
                "reason": refused.reason,
            }
            for refused in listed.refused
        ],
    }
