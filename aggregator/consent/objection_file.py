"""The people who object to the shared record, from the programme's own list, a CSV. Pure.

Columns: nhs_number; birth_date (1951-05-04), which the index must not contradict; objected_on, the day on which the
patient said so; note. Only the number is needed. This is not the National Data Opt-out, which is not about direct care.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from aggregator.csv_rows import Rejected
from aggregator.mpi.demographics import valid_nhs_number, whole_date

MAX_NOTE_CHARACTERS = 500
COLUMNS = ("nhs_number", "birth_date", "objected_on", "note")
_LINE_ENDS = "\r\n"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Objection:
    """One line: `line` counts from 1, the heading included."""

    line: int
    nhs_number: str
    birth_date: date | None
    objected_on: date | None
    note: str

    @property
    def reason(self) -> str:
        """What is kept as how and when the patient said so."""
        said = [f"objected on {self.objected_on.isoformat()}" if self.objected_on else "", self.note]
        return ": ".join(["On the programme's list of people who object", "; ".join(filter(None, said))]).rstrip(": ")


def load_id_of(*, content: bytes) -> UUID:
    """Return the id of a load: the same file is the same load, however often it is loaded."""
    return UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)


def read_objections(*, lines: Iterable[str]) -> Iterator[Objection | Rejected]:
    """Yield the objections of a CSV with a heading, and the lines that are rejected.

    Raises: ValueError when the heading names no nhs_number, or a column that is not known.
    """
    reader = csv.DictReader(f"{line.rstrip(_LINE_ENDS)}\n" for line in lines)
    heading = [name.strip().lower() for name in reader.fieldnames or ()]
    if "nhs_number" not in heading or not set(heading) <= set(COLUMNS) or len(set(heading)) < len(heading):
        raise ValueError(f"the first line must be a heading of {', '.join(COLUMNS)}, of which the first is needed")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Rejected(line=reader.reader.line_num, reason="it cannot be read as CSV")
            continue
        # A field too many is under None.
        values = {name.strip().lower(): (value or "").strip() for name, value in row.items() if name}
        yield _objection(values, line=reader.line_num, is_longer=None in row)


def _objection(values: dict[str, str], *, line: int, is_longer: bool) -> Objection | Rejected:
    number = valid_nhs_number(text=values.get("nhs_number", ""))
    dates = {name: values.get(name, "") for name in ("birth_date", "objected_on")}
    wrong = [name for name, text in dates.items() if text and whole_date(text=text) is None]
    reason = ""
    if is_longer:
        reason = "it has more fields than the heading"
    elif any(_CONTROL.search(value) for value in values.values()):
        reason = "a line break or another control character inside a field"
    elif not number:
        reason = "nhs_number is not a valid NHS number"
    elif wrong:
        reason = f"{wrong[0]} is not a date such as 1980-08-14"
    elif len(values.get("note", "")) > MAX_NOTE_CHARACTERS:
        reason = f"note is longer than {MAX_NOTE_CHARACTERS} characters"
    if reason:
        return Rejected(line=line, reason=reason)
    return Objection(
        line=line,
        nhs_number=number,
        birth_date=whole_date(text=dates["birth_date"]),
        objected_on=whole_date(text=dates["objected_on"]),
        note=values.get("note", ""),
    )
