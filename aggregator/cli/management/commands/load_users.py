"""`manage.py load_users`."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.user_file import COLUMNS
from aggregator.cli.bulk_files import check_rejects_path, new_private_file, open_csv, tell_loaded
from aggregator.csv_rows import as_cell
from aggregator.errors import LongviewError
from aggregator.services.users.load_users import load_users


class Command(BaseCommand):
    help = (
        "Load accounts and roles from a CSV with a heading: username, title, given, family, role, organisation_ods, "
        "from_date, until_date (its last day), email. Accounts that are not there are made; lines that cannot be "
        "loaded are rejected one by one. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV")
        parser.add_argument(
            "--passwords",
            type=Path,
            required=True,
            metavar="FILE",
            help="write new accounts' passwords to this CSV",
        )
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="write the rejected lines to this CSV")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rejects: Path | None = options["rejects"]
        if rejects:
            check_rejects_path(path=rejects, source=options["file"])
        try:
            with open_csv(options["file"]) as lines, new_private_file(options["passwords"]) as passwords:
                loaded = load_users(requester=operator(), lines=lines, now=timezone.now())
                rows = ((as_cell(username), password) for username, password in loaded.passwords)
                csv.writer(passwords).writerows([("username", "password"), *rows])
        except LongviewError as error:
            raise CommandError(str(error)) from None
        counts = {
            "recorded": loaded.recorded,
            "accounts added": loaded.added,
            "roles ended": loaded.ended,
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
