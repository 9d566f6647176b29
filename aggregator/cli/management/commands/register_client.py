"""`manage.py register_client`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.key_sets import MAX_KEY_SET_BYTES
from aggregator.accounts.registration import NewClient
from aggregator.accounts.requester import operator
from aggregator.errors import LongviewError
from aggregator.services.clients.register_client import register_client


class Command(BaseCommand):
    help = "Register a system that may read records by itself, as its organisation (SMART Backend Services)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", help="its client_id: lower-case letters, digits, full stops, - and _")
        parser.add_argument("--name", required=True, help="what people call it")
        parser.add_argument("--ods", required=True, help="ODS code of the organisation that it asks for")
        parser.add_argument("--organisation", default="", help="its name (default: the name on record)")
        parser.add_argument("--scopes", required=True, help='what it may read, such as "system/*.rs"')
        keys = parser.add_mutually_exclusive_group(required=True)
        keys.add_argument("--key-set", type=Path, metavar="FILE", help="its public keys: a JWK Set")
        keys.add_argument("--key-set-url", default="", metavar="ADDRESS", help="where it publishes its public keys")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            register_client(
                requester=operator(),
                client=NewClient(
                    oauth_id=options["client_id"],
                    name=options["name"],
                    organisation_ods=options["ods"],
                    organisation_name=options["organisation"],
                    key_set=_text_of(options["key_set"]),
                    key_set_url=options["key_set_url"],
                    scopes=options["scopes"],
                ),
                now=timezone.now(),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{options['client_id']} is registered.")


def _text_of(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_SET_BYTES + 1).decode()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is no text.") from None
