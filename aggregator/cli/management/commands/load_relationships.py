"""`manage.py load_relationships`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import BulkLoad, Loaded, open_csv
from aggregator.relationships.relationship_file import COLUMNS
from aggregator.services.relationships.load_relationships import load_relationships


class Command(BulkLoad):
    help = (
        "Load which people a source's organisation cares for from a CSV with a heading: local_id, kind (registered, "
        "attended or referred), from_date, until_date (empty: it has not ended). Lines that cannot be loaded are "
        "rejected one by one. Safe to run again."
    )
    columns = COLUMNS

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="short name of the source")
        super().add_arguments(parser)

    def load(self, options: Mapping[str, Any]) -> Loaded:
        with open_csv(options["file"]) as lines:
            loaded = load_relationships(
                requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
            )
        counts = {
            "recorded": loaded.recorded,
            "of them ended here": loaded.ended,
            "rejected": len(loaded.rejected),
            "of them unknown people": loaded.unknown,
        }
        return Loaded(counts=counts, rejected=loaded.rejected)
