"""`manage.py load_identities`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import name_rejected, open_csv
from aggregator.errors import LongviewError
from aggregator.services.load_identities import load_identities
from aggregator.services.relationships.load_relationships import load_relationships


class Command(BaseCommand):
    help = (
        "Load the people that a source holds from a CSV with a heading: local_id (default nhs_number), nhs_number, "
        "nhs_number_status, family, given, birth_date, gender, postcode, address_line, phone, deceased, death_date, "
        "restricted. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="short name of the source")
        parser.add_argument("file", help="the CSV")
        parser.add_argument(
            "--relationships",
            metavar="FILE",
            help="a CSV of local_id, kind (registered, attended or referred), from_date, until_date",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with open_csv(options["file"]) as lines:
                loaded = load_identities(
                    requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
                )
            counts = {
                "joined": loaded.joined,
                "new_people": loaded.new_people,
                "updated": loaded.updated,
                "reviews": loaded.reviews,
                "invalid_numbers": loaded.invalid_numbers,
                "rejected": len(loaded.rejected),
            }
            name_rejected(rejected=loaded.rejected, to=self.stderr)
            if options["relationships"]:
                with open_csv(options["relationships"]) as lines:
                    related = load_relationships(
                        requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
                    )
                counts |= {
                    "relationships": related.recorded,
                    "relationships_rejected": len(related.rejected),
                    "relationships_of_unknown_people": related.unknown,
                }
                name_rejected(rejected=related.rejected, to=self.stderr, of="the relationships' ")
        except LongviewError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(counts) if options["json"] else _table(counts))


def _table(counts: dict[str, int]) -> str:
    return "\n".join(f"{name.replace('_', ' '):<34}{count:>8}" for name, count in counts.items())
