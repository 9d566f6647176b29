"""`manage.py load_care_teams`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import BulkLoad, Loaded, open_csv
from aggregator.relationships.care_team_file import COLUMNS
from aggregator.services.care_teams.load_care_teams import load_care_teams


class Command(BulkLoad):
    help = (
        "Load care teams from a CSV with a heading: organisation_ods, team, username of a member, or source and "
        "local_id of a patient, from_date, until_date (the last day). Teams that are not there are made; lines that "
        "cannot be loaded are rejected one by one. Safe to run again."
    )
    columns = COLUMNS

    def load(self, options: Mapping[str, Any]) -> Loaded:
        with open_csv(options["file"]) as lines:
            loaded = load_care_teams(requester=operator(), lines=lines, now=timezone.now())
        counts = {
            "recorded": loaded.recorded,
            "teams added": loaded.added,
            "ended": loaded.ended,
            "rejected": len(loaded.rejected),
        }
        return Loaded(counts=counts, rejected=loaded.rejected)
