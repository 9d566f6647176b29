"""`manage.py load_identities`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import BulkLoad, Loaded, name_rejected, open_csv
from aggregator.mpi.identity_file import COLUMNS
from aggregator.services.load_identities import load_identities
from aggregator.services.relationships.load_relationships import load_relationships


class Command(BulkLoad):
    help = (
        "Load the people that a source holds from a CSV with a heading: local_id (default nhs_number), nhs_number, "
        "nhs_number_status, family, given, birth_date, gender, postcode, address_line, phone, deceased, death_date, "
        "restricted. Safe to run again."
    )
    columns = COLUMNS

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="short name of the source")
        super().add_arguments(parser)
        parser.add_argument(
            "--relationships",
            metavar="FILE",
            help="a CSV of local_id, kind (registered, attended or referred), from_date, until_date",
        )

    def load(self, options: Mapping[str, Any]) -> Loaded:
        with open_csv(options["file"]) as lines:
            loaded = load_identities(
                requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
            )
        counts = {
            "joined": loaded.joined,
            "new people": loaded.new_people,
            "updated": loaded.updated,
            "reviews": loaded.reviews,
            "invalid numbers": loaded.invalid_numbers,
            "rejected": len(loaded.rejected),
        }
        return Loaded(counts=counts, rejected=loaded.rejected)

    def load_more(self, options: Mapping[str, Any]) -> Mapping[str, int]:
        if not options["relationships"]:
            return {}
        with open_csv(options["relationships"]) as lines:
            related = load_relationships(
                requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
            )
        name_rejected(rejected=related.rejected, to=self.stderr, of="the relationships' ")
        return {
            "relationships": related.recorded,
            "relationships rejected": len(related.rejected),
            "relationships of unknown people": related.unknown,
        }
