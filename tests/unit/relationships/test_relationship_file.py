"""Relationships from a CSV: what can be taken is, and each other line is named with its reason and no value."""

from __future__ import annotations

from datetime import date

import pytest

from aggregator.relationships.relationship_file import (
    COLUMNS,
    RelationshipLine,
    as_values,
    read_relationships,
)
from aggregator.relationships.terms import RelationshipKind

HEADING = ",".join(COLUMNS)
GOOD = RelationshipLine(
    identifier_value="7",
    kind=RelationshipKind.REFERRED,
    from_date=date(2024, 1, 2),
    until_date=date(2024, 1, 2),
    line=2,
)


def test_a_whole_line_is_taken_whole_and_written_as_it_was_read() -> None:
    line = "7,referred,2024-01-02,2024-01-02"
    assert read_relationships(lines=[HEADING, line]) == ([GOOD], [])
    assert ",".join(as_values(relationship=GOOD).values()) == line


def test_without_a_last_day_it_has_not_ended() -> None:
    (open_ended,), _ = read_relationships(lines=["local_id,kind,from_date", "7,registered,2024-01-02"])
    assert open_ended.until_date is None
    assert as_values(relationship=open_ended)["until_date"] == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "no local_id"),
        (" ,registered,2024-01-02,", "no local_id"),
        ("1,Registered,2024-01-02,", "kind is none of registered, attended, referred"),
        ("1,care-team,2024-01-02,", "kind is none of registered, attended, referred"),
        ("1,self-claimed,2024-01-02,", "kind is none of registered, attended, referred"),
        ("1,registered,,", "from_date is not a date such as 2024-08-14"),
        ("1,registered,2024-02-30,", "from_date is not a date such as 2024-08-14"),
        ("1,registered,2024,", "from_date is not a date such as 2024-08-14"),
        ("1,registered,2024-01-02,02/01/2025", "until_date is not a date such as 2024-08-14"),
        ("1,registered,2024-01-02,2024-01-01", "until_date is before from_date"),
        ("1,registered,2024-01-02,,,", "it has more fields than the heading"),
        ("1\0,registered,2024-01-02,", "a line break or another control character inside a field"),
    ],
)
def test_a_line_of_junk_is_rejected_alone(line: str, reason: str) -> None:
    taken, (rejected,) = read_relationships(lines=[HEADING, line or ",,,", "7,referred,2024-01-02,2024-01-02"])
    assert [each.identifier_value for each in taken] == ["7"]
    assert (rejected.line, rejected.reason) == (2, reason)


@pytest.mark.parametrize("missing", ["local_id", "kind", "from_date"])
def test_a_heading_without_a_column_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        read_relationships(lines=[",".join(column for column in COLUMNS if column != missing)])


@pytest.mark.parametrize("misspelt", ["untill_date", "until", "to_date"])
def test_a_misspelt_last_day_is_not_taken_for_none(misspelt: str) -> None:
    with pytest.raises(ValueError, match="until_date"):
        read_relationships(lines=[f"local_id,kind,from_date,{misspelt}", "7,registered,2024-01-02,2024-02-03"])


def test_a_last_day_below_no_name_is_not_taken_for_none() -> None:
    taken, rejected = read_relationships(lines=["local_id,kind,from_date,", "7,registered,2024-01-02,2024-02-03"])
    assert (taken, len(rejected)) == ([], 1)
