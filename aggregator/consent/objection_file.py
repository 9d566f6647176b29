"""The people who object to the shared record, from the programme's own list, a CSV. Pure.

Columns: nhs_number; birth_date (1951-05-04), which the index must not contradict; objected_on, the day on which the
patient said so; note. Only the number is needed. This is not the National Data Opt-out, which is not about direct care.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from aggregator.csv_rows import CsvRow, Rejected, read_rows
from aggregator.mpi.demographics import valid_nhs_number, whole_date

MAX_NOTE_CHARACTERS = 500
COLUMNS = ("nhs_number", "birth_date", "objected_on", "note")


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

    def as_values(self) -> Mapping[str, str]:
        """Return the line by its columns, as it may be loaded again."""
        values = asdict(self)
        return {column: "" if values[column] is None else str(values[column]) for column in COLUMNS}


def load_id_of(*, content: bytes) -> UUID:
    """Return the id of a load: the same file is the same load, however often it is loaded."""
    return UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)


def read_objections(*, lines: Iterable[str]) -> Iterator[Objection | Rejected]:
    """Yield the objections of a CSV with a heading, and the lines that are rejected.

    Raises: ValueError, before anything is yielded, when the heading names no nhs_number, or a column that is not known.
    """
    rows = read_rows(lines=lines, required=[["nhs_number"]], known=COLUMNS)
    return (row if isinstance(row, Rejected) else _objection(row) for row in rows)


def _objection(row: CsvRow) -> Objection | Rejected:
    texts = {column: row.values.get(column, "") for column in COLUMNS}
    number = valid_nhs_number(text=texts["nhs_number"])
    wrong = [name for name in ("birth_date", "objected_on") if texts[name] and whole_date(text=texts[name]) is None]
    reason = ""
    if row.surplus:
        reason = "it has more fields than the heading"
    elif not number:
        reason = "nhs_number is not a valid NHS number"
    elif wrong:
        reason = f"{wrong[0]} is not a date such as 1980-08-14"
    elif len(texts["note"]) > MAX_NOTE_CHARACTERS:
        reason = f"note is longer than {MAX_NOTE_CHARACTERS} characters"
    if reason:
        return row.rejected(reason=reason)
    return Objection(
        line=row.line,
        nhs_number=number,
        birth_date=whole_date(text=texts["birth_date"]),
        objected_on=whole_date(text=texts["objected_on"]),
        note=texts["note"],
    )
