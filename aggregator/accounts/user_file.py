"""Who may sign in and as what, from a CSV. Pure.

Columns: username, title, given, family, role (as in docs/roles.md, by its code), organisation_ods, from_date,
until_date (its last day; empty: it has not ended), dates as 2024-08-14, and email (empty: whatever it was). Who has
several roles has several lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.csv_rows import CsvRow, Rejected, read_rows

COLUMNS = ("username", "title", "given", "family", "role", "organisation_ods", "from_date", "until_date", "email")
REQUIRED = (("username",), ("given",), ("family",), ("role",), ("organisation_ods",))
ROLES = {role.value for role in MEMBERSHIP_ROLES}


@dataclass(frozen=True, kw_only=True)
class UserLine:
    """One role of one user. Dates are in ISO 8601, "" for none; `line` is where it stood in its file."""

    username: str
    title: str
    given: str
    family: str
    role: str
    organisation_ods: str
    from_date: str
    until_date: str
    email: str
    line: int

    def as_values(self) -> Mapping[str, str]:
        """Return the line by its columns, as it may be loaded again."""
        values = asdict(self)
        return {column: values[column] for column in COLUMNS}


def read_users(*, lines: Iterable[str]) -> tuple[list[UserLine], list[Rejected]]:
    """Return the roles of a CSV with a heading, and the lines that were rejected.

    Raises: ValueError when the heading lacks a column, or names one that is not known.
    """
    users: list[UserLine] = []
    rejected: list[Rejected] = []
    for row in read_rows(lines=lines, required=REQUIRED, known=COLUMNS):
        problem = "" if isinstance(row, Rejected) else _problem(row)
        if isinstance(row, Rejected):
            rejected.append(row)
        elif problem:
            rejected.append(row.rejected(reason=problem))
        else:
            users.append(UserLine(**{column: row.values.get(column, "") for column in COLUMNS}, line=row.line))
    return users, rejected


def _problem(row: CsvRow) -> str:
    """Return what keeps a line from being read, "" for nothing."""
    if row.surplus:
        return "it has more fields than the heading"
    for column in ("username", "given", "family"):
        if not row.values.get(column):
            return f"{column} is empty"
    if row.values.get("role") not in ROLES:
        return "no such role"
    for column in ("from_date", "until_date"):
        if row.values.get(column) and _day(row.values[column]) is None:
            return f"{column} is no date as 2024-08-14"
    return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2024-08-14") else None
    except ValueError:
        return None
