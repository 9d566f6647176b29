"""Care teams with their members and patients, from a CSV. Pure.

Columns: organisation_ods, team (its name), then either username, of a member, or source and local_id, of a patient (the
source's short name and its own identifier of the person), from_date and until_date (the last day; empty: it has not
ended), dates as 2024-08-14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from aggregator.csv_rows import CsvRow, Rejected, read_rows
from aggregator.mpi.demographics import whole_date

COLUMNS = ("organisation_ods", "team", "username", "source", "local_id", "from_date", "until_date")
REQUIRED = (("organisation_ods",), ("team",), ("username", "local_id"), ("from_date",))


@dataclass(frozen=True, kw_only=True)
class CareTeamLine:
    """A member of a care team, by `username`, or a patient, by `source` and `local_id`. `line`: where it stood."""

    organisation_ods: str
    team: str
    username: str
    source: str
    local_id: str
    from_date: date
    until_date: date | None
    line: int

    def as_values(self) -> Mapping[str, str]:
        """Return the line by its columns, as it may be loaded again."""
        values = asdict(self)
        return {column: "" if values[column] is None else str(values[column]) for column in COLUMNS}


def read_care_teams(*, lines: Iterable[str]) -> tuple[list[CareTeamLine], list[Rejected]]:
    """Return the members and patients of a CSV with a heading, and the lines that were rejected.

    Raises: ValueError when the heading lacks a column, or names one that is not known.
    """
    members: list[CareTeamLine] = []
    rejected: list[Rejected] = []
    for row in read_rows(lines=lines, required=REQUIRED, known=COLUMNS):
        read = row if isinstance(row, Rejected) else _read(row)
        if isinstance(read, Rejected):
            rejected.append(read)
        else:
            members.append(read)
    return members, rejected


def _read(row: CsvRow) -> CareTeamLine | Rejected:
    texts = {column: row.values.get(column, "") for column in COLUMNS}
    from_date, until_date = whole_date(text=texts["from_date"]), whole_date(text=texts["until_date"])
    problem = _problem(row, texts=texts)
    if problem or from_date is None:
        return row.rejected(reason=problem or "from_date is not a date such as 2024-08-14")
    if texts["until_date"] and until_date is None:
        return row.rejected(reason="until_date is not a date such as 2024-08-14")
    if until_date and until_date < from_date:
        return row.rejected(reason="until_date is before from_date")
    named = {column: texts[column] for column in COLUMNS[:5]}
    return CareTeamLine(**named, from_date=from_date, until_date=until_date, line=row.line)


def _problem(row: CsvRow, *, texts: Mapping[str, str]) -> str:
    """Return what keeps a line from being read, but for its dates; "" for nothing."""
    if row.surplus:
        return "it has more fields than the heading"
    for column in ("organisation_ods", "team"):
        if not texts[column]:
            return f"{column} is empty"
    names_patient = bool(texts["source"] and texts["local_id"])
    if bool(texts["username"]) == names_patient or bool(texts["source"]) != bool(texts["local_id"]):
        return "it names neither a member by username, nor a patient by source and local_id, or both"
    return ""
