"""`manage.py check_sources`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import source_named
from aggregator.errors import LongviewError
from aggregator.services.sources.check_sources import check_sources
from aggregator.services.sources.list_sources import list_sources


class Command(BaseCommand):
    help = "List how every source is; with short names, have those checked within seconds by the upkeep worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="slug", help="have this source checked now")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            for slug in options["slugs"]:
                check_sources(requester=operator(), source_id=source_named(slug), now=now)
            lines = list_sources(requester=operator(), now=now)
        except LongviewError as error:
            raise CommandError(str(error)) from None
        for line in lines:
            if options["slugs"] and line.slug not in options["slugs"]:
                continue
            health = line.health
            if health is None:
                state, why, since = "unknown", "", ""
            else:
                state = health.judgement.condition.value
                why = "; ".join(reason.words for reason in health.judgement.reasons)
                since = f"{timezone.localtime(health.since):%Y-%m-%d %H:%M}"
            state = state if line.enabled else "paused"
            self.stdout.write(f"{line.slug}  {state}  {since}  {why}".rstrip())
