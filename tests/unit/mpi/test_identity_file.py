"""The people that a source holds, from a CSV: what can be taken is, and the rest is named by line."""

from __future__ import annotations

from datetime import date

import pytest

from aggregator.csv_rows import Rejected
from aggregator.mpi import identity_file
from aggregator.mpi.demographics import Demographics, Identity
from aggregator.mpi.queries import max_lengths

HEADING = "local_id,nhs_number,nhs_number_status,family,given,birth_date,gender,postcode,address_line,phone"


def read_identities(*, lines: list[str]) -> tuple[list[Identity], list[Rejected]]:
    return identity_file.read_identities(lines=lines, max_lengths=max_lengths())


def test_a_whole_line_is_taken_whole() -> None:
    line = '7,999 000 1006,01,O\'Neill,"Mary, Ann",1951-05-04,FEMALE,TM1 1AA,"4 Mill Lane, Town",01632 960001'
    (found,), rejected = read_identities(lines=[HEADING, line])
    assert rejected == []
    assert found.identifier_value == "7"
    assert found.demographics == Demographics(
        nhs_number="9990001006",
        nhs_number_status="01",
        family="O'Neill",
        given="Mary, Ann",
        birth_date=date(1951, 5, 4),
        sex="female",
        postcode="TM1 1AA",
        address_line="4 Mill Lane, Town",
        phone="01632 960001",
    )


def test_what_a_file_has_no_column_for_is_not_known() -> None:
    (found,), rejected = read_identities(lines=["local_id", "7"])
    assert (found.identifier_value, found.demographics, rejected) == ("7", Demographics(), [])
    (found,), rejected = read_identities(lines=["local_id,death_date", "7,1948"])
    assert (found.demographics, rejected) == (Demographics(deceased=True, death_date="1948"), [])
    taken, (problem,) = read_identities(lines=["local_id,family", ",Ferris"])
    assert (taken, problem.reason) == ([], "no identifier")


def test_the_number_is_the_identifier_where_there_is_no_other() -> None:
    (found,), _ = read_identities(lines=["NHS_Number , family", "999 000 1006,Ferris"])
    assert found.identifier_value == "9990001006"
    assert found.demographics.family == "Ferris"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",,,Ferris", "no identifier"),
        (" , ,,Ferris", "no identifier"),
        ("1,,,Again", "the same identifier is on an earlier line"),
        ("2,,,,,04/05/1951", "birth_date is not a date such as 1980-08-14"),
        ("2,,,,,1951-02-30", "birth_date is not a date such as 1980-08-14"),
        ("2,,,,,1951", "birth_date is not a date such as 1980-08-14"),
        ("2,,,Fer\0ris", "a line break or another control character inside a field"),
        ("2,,,Fer\tris", "a line break or another control character inside a field"),
    ],
)
def test_a_line_that_cannot_be_taken_is_named_and_the_rest_is_taken(line: str, reason: str) -> None:
    taken, rejected = read_identities(lines=[HEADING, "1,,,Ferris", line, "3,,,Holt"])
    assert [one.identifier_value for one in taken] == ["1", "3"]
    assert [(one.line, one.reason) for one in rejected] == [(3, reason)]


@pytest.mark.parametrize("name", max_lengths())
def test_a_field_that_is_too_long_is_refused_and_never_cut(name: str) -> None:
    columns = [name] if name in {"local_id", "nhs_number"} else ["local_id", name]
    limit = max_lengths()[name]
    whole, long = ([*(["1"] if len(columns) > 1 else []), "x" * length] for length in (limit, limit + 1))
    taken, rejected = read_identities(lines=[",".join(columns), ",".join(whole)])
    assert (len(taken), rejected) == (1, [])
    taken, rejected = read_identities(lines=[",".join(columns), ",".join(long)])
    assert (taken, [one.reason for one in rejected]) == ([], [f"{name} is longer than {limit} characters"])


def test_a_quotation_mark_out_of_place_hides_no_line() -> None:
    taken, rejected = read_identities(lines=[HEADING, "1,,,Ferris", '2,,,"Holt', "3,,,Lane", '4,,,Moss"', "5,,,Reed"])
    assert [one.identifier_value for one in taken] == ["1", "5"]
    assert [one.line for one in rejected] == [5]


def test_a_field_beyond_what_csv_reads_costs_its_line_only() -> None:
    taken, rejected = read_identities(lines=[HEADING, f"1,,,{'x' * 200_000}", "2,,,Holt"])
    assert [one.identifier_value for one in taken] == ["2"]
    assert [(one.line, one.reason) for one in rejected] == [(2, "it cannot be read as CSV")]


def test_a_short_line_is_taken_for_what_it_names() -> None:
    taken, rejected = read_identities(lines=[HEADING, "1"])
    assert [(one.identifier_value, one.demographics.family) for one in taken] == [("1", "")]
    assert rejected == []


def test_a_line_with_a_comma_too_many_gives_nobody_what_stands_in_the_next_column() -> None:
    lines = ["local_id,family,address_line,phone", "1,Holt,1 High Street, Teston,01632 960001", "2,Lane,2 High Street,"]
    taken, rejected = read_identities(lines=lines)
    assert [one.identifier_value for one in taken] == ["2"]
    assert [(one.line, one.reason) for one in rejected] == [(2, "it has more fields than the heading")]


@pytest.mark.parametrize("lines", [[], [""], ["family,given", "Ferris,Joan"]])
def test_a_file_without_an_identifier_in_its_heading_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="local_id or nhs_number"):
        read_identities(lines=lines)


def test_a_reason_holds_no_value_of_the_line() -> None:
    _, rejected = read_identities(lines=[HEADING, "1,,,Secretname,,1951-99-99"])
    assert "Secretname" not in rejected[0].reason
    assert "1951-99-99" not in rejected[0].reason


@pytest.mark.parametrize(
    ("deceased", "death_date", "read"),
    [
        ("", "", (None, "")),
        ("yes", "", (True, "")),
        ("TRUE", "", (True, "")),
        ("no", "", (False, "")),
        ("False", "", (False, "")),
        ("", "1948", (True, "1948")),
        ("yes", "1948-03", (True, "1948-03")),
        ("Yes", "1948-03-01", (True, "1948-03-01")),
        ("", f"1948-03-01T10:00:00.{'0' * 19}Z", (True, f"1948-03-01T10:00:00.{'0' * 19}Z")),
    ],
)
def test_a_death_is_taken_as_sent(deceased: str, death_date: str, read: tuple[bool | None, str]) -> None:
    (found,), rejected = read_identities(lines=["local_id,Deceased,death_date", f"1,{deceased},{death_date}"])
    assert rejected == []
    assert (found.demographics.deceased, found.demographics.death_date) == read


@pytest.mark.parametrize(
    ("deceased", "death_date", "reason"),
    [
        ("perhaps", "", "deceased is neither yes nor no"),
        ("1948", "", "deceased is neither yes nor no"),
        ("no", "1948", "deceased says no beside a death_date"),
        ("yes", "01/03/1948", "death_date is not a date such as 1980-08-14, 1980-08 or 1980"),
        ("", f"1948-03-01T10:00:00.{'0' * 20}Z", "death_date is not a date such as 1980-08-14, 1980-08 or 1980"),
        ("", "1948-02-30", "death_date is not a date such as 1980-08-14, 1980-08 or 1980"),
    ],
)
def test_a_death_that_cannot_be_read_refuses_its_line(deceased: str, death_date: str, reason: str) -> None:
    taken, (rejected,) = read_identities(lines=["local_id,deceased,death_date", f"1,{deceased},{death_date}", "2,,"])
    assert ([one.identifier_value for one in taken], rejected.reason) == (["2"], reason)


@pytest.mark.parametrize("misspelt", ["date_of_birth", "deceassed", "nhs_number_stauts"])
def test_a_misspelt_column_is_not_taken_for_one_that_is_not_there(misspelt: str) -> None:
    with pytest.raises(ValueError, match="death_date") as refused:
        read_identities(lines=[f"local_id,{misspelt}", "7,yes"])
    assert misspelt not in str(refused.value)
