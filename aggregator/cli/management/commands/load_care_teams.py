"""`manage.py load_care_teams`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import check_rejects_path, open_csv, tell_loaded
from aggregator.errors import LongviewError
from aggregator.relationships.care_team_file import COLUMNS
from aggregator.services.care_teams.load_care_teams import load_care_teams


class Command(BaseCommand):
    help = (
        "Load care teams from a CSV with a heading: organisation_ods, team, username of a member, or source and "
        "local_id of a patient, from_date, until_date (the last day). Teams that are not there are made; lines that "
        "cannot be loaded are rejected one by one. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV")
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="write the rejected lines to this CSV")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rejects: Path | None = options["rejects"]
        if rejects:
            check_rejects_path(path=rejects, source=options["file"])
        try:
            with open_csv(options["file"]) as lines:
                loaded = load_care_teams(requester=operator(), lines=lines, now=timezone.now())
        except LongviewError as error:
            raise CommandError(str(error)) from None
        counts = {
            "recorded": loaded.recorded,
            "teams added": loaded.added,
            "ended": loaded.ended,
            "rejected": len(loaded.rejected),
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
