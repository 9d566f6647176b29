"""`manage.py add_source`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.accounts.requester import operator
from aggregator.cli.arguments import option_pairs
from aggregator.errors import LongviewError
from aggregator.services.add_source import NewSource, add_source
from aggregator.terminology.sensitivity import Sensitivity
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory


class Command(BaseCommand):
    help = "Register a source by hand, or change the one with that short name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name: lower-case letters, digits and hyphens")
        parser.add_argument("base_url", help="the address of its FHIR server, up to the FHIR base")
        parser.add_argument("--kind", required=True, help="its kind, such as fhir_r4 or gp_connect")
        parser.add_argument("--ods", required=True, help="ODS code of its organisation")
        parser.add_argument("--name", default="", help="name shown to users (default: the short name)")
        parser.add_argument("--organisation", default="", help="name of its organisation (default: the name on record)")
        parser.add_argument(
            "--identifier-system",
            default="",
            help="system of its patients' identifiers (fhir_r4 only; default: its FHIR ids)",
        )
        parser.add_argument("--time-limit", type=float, default=9.0, metavar="SECONDS")
        parser.add_argument(
            "--requests-per-minute",
            type=int,
            metavar="N",
            help="how often it may be asked for a record (default: as often as needed)",
        )
        parser.add_argument(
            "--freshness",
            type=int,
            default=NewSource.freshness_s,
            metavar="SECONDS",
            help="how long its answers are used again in place of asking it, 0 for never (default: %(default)s)",
        )
        parser.add_argument("--rank", type=int, default=100, help="whose demographics are preferred, lower first")
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of its kind, such as to_asid=999000000101; may be repeated",
        )
        parser.add_argument(
            "--holds",
            action="append",
            default=[],
            metavar="CATEGORY",
            help="a category of content that it may hold, such as problems; may be repeated"
            " (default: what it states itself, or else everything that its kind can provide)",
        )
        parser.add_argument(
            "--discloses",
            choices=[matter.value for matter in Sensitivity],
            help="the sensitive matter that its name alone tells of whoever is known there: it is then named to nobody "
            "who may not see that",
        )
        parser.add_argument(
            "--no-check", action="store_true", help="register it without first checking that it answers"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            added = add_source(
                requester=operator(),
                source=NewSource(
                    slug=options["slug"],
                    name=options["name"] or options["slug"],
                    kind=options["kind"],
                    base_url=options["base_url"],
                    organisation_ods=options["ods"].strip().upper(),
                    organisation_name=options["organisation"],
                    identifier_system=options["identifier_system"],
                    time_limit_s=options["time_limit"],
                    requests_per_minute=options["requests_per_minute"],
                    freshness_s=options["freshness"],
                    rank=options["rank"],
                    options=option_pairs(options["option"]),
                    holds=_categories(options["holds"]),
                    discloses=Sensitivity(options["discloses"]) if options["discloses"] else None,
                ),
                check=not options["no_check"],
            )
        except LongviewError as error:
            hint = " To register it anyway, use --no-check." if error.code == "check-failed" else ""
            raise CommandError(f"{error}{hint}") from None
        description = f": {added.description}" if added.description else ""
        self.stdout.write(f"{options['slug']} is {'registered' if added.created else 'changed'}{description}.")


def _categories(names: list[str]) -> frozenset[RecordCategory] | None:
    known = sorted(CLINICAL_CATEGORIES)
    if unknown := sorted(set(names) - set(known)):
        raise CommandError(f"--holds takes {', '.join(known)}; not {', '.join(unknown)}.")
    return frozenset(map(RecordCategory, names)) or None
