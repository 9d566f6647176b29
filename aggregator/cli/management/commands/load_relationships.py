"""`manage.py load_relationships`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import check_rejects_path, open_csv, tell_loaded
from aggregator.errors import LongviewError
from aggregator.relationships.relationship_file import COLUMNS
from aggregator.services.relationships.load_relationships import load_relationships


class Command(BaseCommand):
    help = (
        "Load which people a source's organisation cares for from a CSV with a heading: local_id, kind (registered, "
        "attended or referred), from_date, until_date (empty: it has not ended). Lines that cannot be loaded are "
        "rejected one by one. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="short name of the source")
        parser.add_argument("file", help="the CSV")
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="write the rejected lines to this CSV")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rejects: Path | None = options["rejects"]
        if rejects:
            check_rejects_path(path=rejects, source=options["file"])
        try:
            with open_csv(options["file"]) as lines:
                loaded = load_relationships(
                    requester=operator(), source_slug=options["source"], lines=lines, now=timezone.now()
                )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        counts = {
            "recorded": loaded.recorded,
            "of them ended here": loaded.ended,
            "rejected": len(loaded.rejected),
            "of them unknown people": loaded.unknown,
        }
        tell_loaded(
            counts=counts,
            rejected=loaded.rejected,
            columns=COLUMNS,
            rejects=rejects,
            as_json=options["json"],
            out=self.stdout,
            err=self.stderr,
        )
