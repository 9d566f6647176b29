"""`manage.py webhooks`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.alerts.terms import AlertKind, NewWebhook
from aggregator.cli.arguments import identifier
from aggregator.errors import LongviewError
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.list_webhooks import list_webhooks
from aggregator.services.alerts.register_webhook import register_webhook
from aggregator.services.alerts.try_webhook import try_webhook

KINDS = [kind.value for kind in AlertKind if kind.is_registrable]


class Command(BaseCommand):
    help = "List the webhooks that are told of alerts; register one, send one a test, end one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="list | register | test | end", required=True)
        listing = acts.add_parser("list", help="list the webhooks, of now and of before")
        listing.add_argument("--json", action="store_true", help="print JSON")
        register = acts.add_parser("register", help="register a webhook, and print its secret this once")
        register.add_argument("url", metavar="ADDRESS", help="where alerts are posted, https://...")
        register.add_argument("--name", required=True, help="what people call it")
        register.add_argument("--kind", required=True, action="append", choices=KINDS, help="what it is told of")
        whose = register.add_mutually_exclusive_group(required=True)
        whose.add_argument("--ods", default="", help="ODS code of the organisation whose alerts it is told of")
        whose.add_argument("--every-organisation", action="store_true", help="it is told of every organisation's")
        test = acts.add_parser("test", help="send a webhook a test")
        test.add_argument("webhook", metavar="ID")
        end = acts.add_parser("end", help="end a webhook: it is told nothing more")
        end.add_argument("webhook", metavar="ID")
        end.add_argument("--reason", required=True, help="why")

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {"list": self._list, "register": self._register, "test": self._test, "end": self._end}
        try:
            acts[options["act"]](options)
        except LongviewError as error:
            raise CommandError(str(error)) from None

    def _list(self, options: dict[str, Any]) -> None:
        lines = [
            {
                "id": str(line.webhook_id),
                "name": line.name,
                "organisation": line.organisation_name or "every organisation",
                "url": line.url,
                "kinds": " ".join(line.kinds),
                "state": f"ended {line.ended_at:%Y-%m-%d}" if line.ended_at else "is told",
            }
            for line in list_webhooks(requester=operator(), now=timezone.now())
        ]
        if options["json"]:
            self.stdout.write(json.dumps(lines, indent=2))
        else:
            self.stdout.write("\n".join("  ".join(line.values()) for line in lines))

    def _register(self, options: dict[str, Any]) -> None:
        webhook = NewWebhook(
            name=options["name"],
            url=options["url"],
            kinds=tuple(options["kind"]),
            organisation_ods=options["ods"],
            is_for_every_organisation=options["every_organisation"],
        )
        registered = register_webhook(requester=operator(), webhook=webhook, now=timezone.now())
        self.stdout.write(f"{registered.webhook_id} is registered. Its secret is {registered.secret}")

    def _test(self, options: dict[str, Any]) -> None:
        try_webhook(requester=operator(), webhook_id=identifier(options["webhook"]), now=timezone.now())
        self.stdout.write("A test is on its way: `list_alerts` says whether it was delivered.")

    def _end(self, options: dict[str, Any]) -> None:
        end_webhook(
            requester=operator(),
            webhook_id=identifier(options["webhook"]),
            reason=options["reason"],
            now=timezone.now(),
        )
        self.stdout.write(f"{options['webhook']} is ended.")
