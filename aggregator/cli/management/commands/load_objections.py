"""`manage.py load_objections`."""

from __future__ import annotations

import csv
import io
import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.consent.objection_file import Objection, load_id_of, read_objections
from aggregator.csv_rows import Rejected, as_cell
from aggregator.errors import LongviewError
from aggregator.services.load_objections import load_objections
from aggregator.services.undo_objections import undo_objections

BATCH = 500
REJECTED_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Record that the people of a CSV object to the shared record. Its heading names nhs_number and, if they are "
        "there, birth_date, objected_on and note. Safe to run again, also after it was stopped half way; --undo takes "
        "back what this very file brought. This is the programme's own list, not the National Data Opt-out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV")
        parser.add_argument("--undo", action="store_true", help="take back the objections that this file brought")
        parser.add_argument(
            "--rejects", type=Path, metavar="FILE", help="write the lines that were rejected to a CSV, with the reason"
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = options["file"].read_bytes()
            load_id = load_id_of(content=content)
            counts = self._undo(load_id) if options["undo"] else self._load(content, load_id, options["rejects"])
        except LongviewError as error:
            raise CommandError(str(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file cannot be read: {type(error).__name__}.") from None
        except ValueError as error:
            raise CommandError(f"The file cannot be read: {error}.") from None
        self.stdout.write(
            json.dumps(counts)
            if options["json"]
            else "\n".join(f"{name:<12}{count:>8}" for name, count in counts.items())
        )

    def _load(self, content: bytes, load_id: UUID, rejects: Path | None) -> dict[str, int]:
        lines = content.decode("utf-8-sig").splitlines(keepends=True)
        counts = {"recorded": 0, "already": 0, "rejected": 0}
        rejected: list[Rejected] = []
        for read in _batches(read_objections(lines=lines)):
            objections = [line for line in read if isinstance(line, Objection)]
            loaded = load_objections(requester=operator(), objections=objections, load_id=load_id, now=timezone.now())
            rejected += [*(line for line in read if isinstance(line, Rejected)), *loaded.rejected]
            counts["recorded"] += loaded.recorded
            counts["already"] += loaded.already
            counts["rejected"] = len(rejected)
            self.stderr.write(f"line {read[-1].line} of {len(lines)}")
        self._tell(sorted(rejected, key=lambda line: line.line), lines=lines, rejects=rejects)
        return counts

    def _undo(self, load_id: UUID) -> dict[str, int]:
        taken_back = 0
        while ended := undo_objections(requester=operator(), load_id=load_id, most=BATCH, now=timezone.now()):
            taken_back += ended
            self.stderr.write(f"{taken_back} taken back")
        return {"taken back": taken_back}

    def _tell(self, rejected: Sequence[Rejected], *, lines: Sequence[str], rejects: Path | None) -> None:
        for each in rejected[:REJECTED_SHOWN]:
            self.stderr.write(f"line {each.line} was not loaded: {each.reason}")
        if len(rejected) > REJECTED_SHOWN:
            self.stderr.write(f"... and {len(rejected) - REJECTED_SHOWN} more")
        if rejects is not None:
            written = io.StringIO()
            writer = csv.writer(written)
            writer.writerow(["line", "reason", "sent"])
            writer.writerows([each.line, each.reason, as_cell(lines[each.line - 1].strip("\r\n"))] for each in rejected)
            rejects.write_text(written.getvalue(), encoding="utf-8")


def _batches(lines: Iterable[Objection | Rejected], /) -> Iterator[list[Objection | Rejected]]:
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        yield batch
