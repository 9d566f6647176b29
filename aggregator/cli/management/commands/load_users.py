"""`manage.py load_users`."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.user_file import COLUMNS
from aggregator.cli.bulk_files import BulkLoad, Loaded, new_private_file, open_csv
from aggregator.csv_rows import as_cell
from aggregator.services.users.load_users import load_users


class Command(BulkLoad):
    help = (
        "Load accounts and roles from a CSV with a heading: username, title, given, family, role, organisation_ods, "
        "from_date, until_date (its last day), email. Accounts that are not there are made; lines that cannot be "
        "loaded are rejected one by one. Safe to run again."
    )
    columns = COLUMNS

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--passwords",
            type=Path,
            required=True,
            metavar="FILE",
            help="write new accounts' passwords to this CSV",
        )

    def load(self, options: Mapping[str, Any]) -> Loaded:
        with open_csv(options["file"]) as lines, new_private_file(options["passwords"]) as passwords:
            loaded = load_users(requester=operator(), lines=lines, now=timezone.now())
            rows = ((as_cell(username), password) for username, password in loaded.passwords)
            csv.writer(passwords).writerows([("username", "password"), *rows])
        counts = {
            "recorded": loaded.recorded,
            "accounts added": loaded.added,
            "roles ended": loaded.ended,
            "rejected": len(loaded.rejected),
        }
        return Loaded(counts=counts, rejected=loaded.rejected)
