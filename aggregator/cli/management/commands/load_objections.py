"""`manage.py load_objections`."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.cli.bulk_files import BulkLoad, Loaded
from aggregator.consent.objection_file import COLUMNS, Objection, load_id_of, read_objections
from aggregator.csv_rows import Rejected
from aggregator.services.load_objections import load_objections
from aggregator.services.undo_objections import undo_objections

BATCH = 500


class Command(BulkLoad):
    help = (
        "Record that the people of a CSV object to the shared record. Its heading names nhs_number and, if they are "
        "there, birth_date, objected_on and note. Safe to run again, also after it was stopped half way; --undo takes "
        "back what this very file brought. This is the programme's own list, not the National Data Opt-out."
    )
    columns = COLUMNS

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--undo", action="store_true", help="take back the objections that this file brought")

    def load(self, options: Mapping[str, Any]) -> Loaded:
        try:
            content = Path(options["file"]).read_bytes()
            if options["undo"]:
                return self._undo(load_id_of(content=content))
            return self._load(
                io.StringIO(content.decode("utf-8-sig"), newline="").readlines(), load_id_of(content=content)
            )
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file cannot be read: {type(error).__name__}.") from None
        except ValueError as error:
            raise CommandError(f"The file cannot be read: {error}.") from None

    def _load(self, lines: Sequence[str], load_id: UUID) -> Loaded:
        counts = {"recorded": 0, "already": 0}
        rejected: list[Rejected] = []
        for read in _batches(read_objections(lines=lines)):
            objections = [line for line in read if isinstance(line, Objection)]
            loaded = load_objections(requester=operator(), objections=objections, load_id=load_id, now=timezone.now())
            rejected += [*(line for line in read if isinstance(line, Rejected)), *loaded.rejected]
            counts["recorded"] += loaded.recorded
            counts["already"] += loaded.already
            self.stderr.write(f"line {read[-1].line} of {len(lines)}")
        return Loaded(
            counts=counts | {"rejected": len(rejected)}, rejected=sorted(rejected, key=lambda line: line.line)
        )

    def _undo(self, load_id: UUID) -> Loaded:
        taken_back = 0
        while ended := undo_objections(requester=operator(), load_id=load_id, most=BATCH, now=timezone.now()):
            taken_back += ended
            self.stderr.write(f"{taken_back} taken back")
        return Loaded(counts={"taken back": taken_back}, rejected=())


def _batches(lines: Iterable[Objection | Rejected], /) -> Iterator[list[Objection | Rejected]]:
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        yield batch
