"""`manage.py add_user`."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Role
from aggregator.errors import LongviewError
from aggregator.services.add_user import NewUser, add_user


class Command(BaseCommand):
    help = "Create a local account with a generated password, or give an existing account a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--family", required=True, help="surname")
        parser.add_argument("--given", required=True, help="first name")
        parser.add_argument("--prefix", default="", help="title, such as Dr")
        parser.add_argument("--email", default="", help="where alerts are sent, for whoever is told of something")
        parser.add_argument("--ods", required=True, help="ODS code of the user's organisation")
        parser.add_argument("--role", required=True, choices=[role.value for role in MEMBERSHIP_ROLES])

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        try:
            add_user(
                requester=operator(),
                user=NewUser(
                    username=options["username"],
                    password=password,
                    family=options["family"],
                    given=options["given"],
                    prefix=options["prefix"],
                    email=options["email"],
                    organisation_ods=options["ods"],
                    role=Role(options["role"]),
                ),
                now=timezone.now(),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['username']} can sign in with the password {password}")
