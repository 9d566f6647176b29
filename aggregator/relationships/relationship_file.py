"""Which people an organisation cares for, from a CSV. Pure.

Columns: local_id (the source's own identifier of the person), kind (registered, attended or referred), from_date and
until_date (its last day; empty: it has not ended), dates as 2024-08-14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from aggregator.csv_rows import CsvRow, Rejected, read_rows
from aggregator.mpi.demographics import whole_date
from aggregator.relationships.terms import OF_ORGANISATIONS, RelationshipKind

COLUMNS = ("local_id", "kind", "from_date", "until_date")
REQUIRED = (("local_id",), ("kind",), ("from_date",))


@dataclass(frozen=True, kw_only=True)
class RelationshipLine:
    """One relationship of a source's own organisation with a person, by the source's identifier.

    `line` is where it stood in its file.
    """

    identifier_value: str
    kind: RelationshipKind
    from_date: date
    until_date: date | None
    line: int = 0


def read_relationships(*, lines: Iterable[str]) -> tuple[list[RelationshipLine], list[Rejected]]:
    """Return the relationships of a CSV with a heading, and the lines that were rejected.

    Raises: ValueError when the heading lacks a column, or names one that is not known.
    """
    relationships: list[RelationshipLine] = []
    rejected: list[Rejected] = []
    for row in read_rows(lines=lines, required=REQUIRED, known=COLUMNS):
        read = row if isinstance(row, Rejected) else _read(row)
        if isinstance(read, Rejected):
            rejected.append(read)
        else:
            relationships.append(read)
    return relationships, rejected


def as_values(*, relationship: RelationshipLine) -> Mapping[str, str]:
    """Return a line by its columns, as it may be loaded again."""
    until_date = relationship.until_date
    return {
        "local_id": relationship.identifier_value,
        "kind": relationship.kind.value,
        "from_date": relationship.from_date.isoformat(),
        "until_date": until_date.isoformat() if until_date else "",
    }


def _read(row: CsvRow) -> RelationshipLine | Rejected:
    from_date = whole_date(text=row.values["from_date"])
    until_text = row.values.get("until_date", "")
    until_date = whole_date(text=until_text)
    if row.surplus:
        return row.rejected(reason="it has more fields than the heading")
    if not row.values["local_id"]:
        return row.rejected(reason="no local_id")
    if row.values["kind"] not in OF_ORGANISATIONS:
        return row.rejected(reason=f"kind is none of {', '.join(OF_ORGANISATIONS)}")
    if from_date is None:
        return row.rejected(reason="from_date is not a date such as 2024-08-14")
    if until_text and until_date is None:
        return row.rejected(reason="until_date is not a date such as 2024-08-14")
    if until_date and until_date < from_date:
        return row.rejected(reason="until_date is before from_date")
    return RelationshipLine(
        identifier_value=row.values["local_id"],
        kind=RelationshipKind(row.values["kind"]),
        from_date=from_date,
        until_date=until_date,
        line=row.line,
    )
