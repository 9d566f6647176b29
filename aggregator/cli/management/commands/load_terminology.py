"""`manage.py load_terminology`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import name_rejected
from aggregator.errors import LongviewError
from aggregator.services.terminology.load_terminology import TerminologyFile, load_terminology
from aggregator.terminology.sensitivity import Sensitivity


class Command(BaseCommand):
    help = (
        "Load value sets of sensitive codes into the file that TERMINOLOGY_FILE names: FHIR ValueSet JSON, or a CSV "
        "with the columns system and code. One that goes by the same name is replaced. Without files: list them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, help="ValueSet JSON, or CSV")
        parser.add_argument(
            "--sensitivity",
            choices=[each.value for each in Sensitivity],
            help="what these codes are about",
        )
        parser.add_argument("--remove", action="append", default=[], metavar="NAME", help="take a value set out")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        sensitivity = Sensitivity(options["sensitivity"]) if options["sensitivity"] else None
        try:
            files = [TerminologyFile(name=path.name, content=path.read_bytes()) for path in options["files"]]
        except OSError as error:
            raise CommandError(f"A file cannot be read: {error.strerror}.") from None
        try:
            loaded = load_terminology(
                requester=operator(), files=files, sensitivity=sensitivity, removed=options["remove"]
            )
        except LongviewError as error:
            raise CommandError(str(error)) from None
        name_rejected(rejected=loaded.rejected, to=self.stderr)
        lines = [
            {"name": each.url, "sensitivity": each.sensitivity.value, "codes": len(each.codes)}
            for each in loaded.value_sets
        ]
        if options["json"]:
            self.stdout.write(json.dumps(lines))
            return
        for line in lines:
            self.stdout.write(f"{line['sensitivity']:<16}{line['codes']:>8}  {line['name']}")
