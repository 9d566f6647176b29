"""`manage.py change_source`."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import source_named
from aggregator.errors import LongviewError
from aggregator.services.add_source import add_source
from aggregator.services.sources.read_source import read_source
from aggregator.services.sources.registering import mark_of


class Command(BaseCommand):
    help = "Change how a source is asked, once it has answered so. What is not given stays, but what it may hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name of the source")
        parser.add_argument("--base-url", help="the address of its FHIR server")
        parser.add_argument("--name", help="name shown to users")
        parser.add_argument("--identifier-system", help="system of its patients' identifiers")
        parser.add_argument("--time-limit", type=float, metavar="SECONDS")
        parser.add_argument(
            "--requests-per-minute", type=int, metavar="N", help="how often it may be asked for a record"
        )
        parser.add_argument(
            "--freshness",
            type=int,
            metavar="SECONDS",
            help="how long its answers are used again in place of asking it, 0 for never",
        )
        parser.add_argument("--rank", type=int)
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of its kind; NAME= takes it away; may be repeated",
        )
        parser.add_argument("--no-check", action="store_true", help="change it without first checking that it answers")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {
            "base_url": options["base_url"],
            "name": options["name"],
            "identifier_system": options["identifier_system"],
            "time_limit_s": options["time_limit"],
            "requests_per_minute": options["requests_per_minute"],
            "freshness_s": options["freshness"],
            "rank": options["rank"],
        }
        try:
            view = read_source(requester=operator(), source_id=source_named(options["slug"]), now=timezone.now())
            kept = dict(view.settings.options)
            for option in options["option"]:
                name, equals, value = option.partition("=")
                if not name or not equals:
                    raise CommandError(f"--option takes NAME=VALUE, not {option!r}.")
                kept[name] = value
            changed = replace(
                view.settings,
                **{name: value for name, value in given.items() if value is not None},
                options={name: value for name, value in kept.items() if value},
                # Without a check nobody says anew what it holds.
                holds=view.settings.holds if options["no_check"] else None,
            )
            added = add_source(
                requester=operator(),
                source=changed,
                check=not options["no_check"],
                replaces=mark_of(view.settings),
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        description = f": {added.description}" if added.description else ""
        self.stdout.write(f"{options['slug']} is changed{description}.")
