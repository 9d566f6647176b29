"""Files in bulk: what can be read is, each other line is named, and what is written of it can be loaded again."""

from __future__ import annotations

from io import StringIO

import pytest

from aggregator.csv_rows import CsvRow, Rejected, read_rows, write_rejected

REQUIRED = [("a", "b"), ("c",)]


def read(*lines: str) -> list[CsvRow | Rejected]:
    return list(read_rows(lines=lines, required=REQUIRED))


@pytest.mark.parametrize(("heading", "missing"), [("x,c", "a or b"), ("a", "names c"), ("", "a or b")])
def test_a_heading_without_what_a_record_takes_is_refused_before_anything_is_read(heading: str, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        read_rows(lines=[heading, "1,2"], required=REQUIRED)


@pytest.mark.parametrize("heading", ["a,c,c", "a,c, C ", "a,A,c"])
def test_a_heading_that_names_a_column_twice_is_refused(heading: str) -> None:
    with pytest.raises(ValueError, match="a column twice"):
        read_rows(lines=[heading, "1,2,3"], required=REQUIRED)


def test_columns_without_a_name_are_passed_over() -> None:
    assert read("a,c,,", "1,2,,") == [CsvRow(line=2, values={"a": "1", "c": "2"})]


def test_a_value_below_no_name_is_one_field_too_many() -> None:
    before, between = read("a,c,", "1,2,2024-08-14")[0], read("a,,c", "1,x,2")[0]
    assert (before, between) == (
        CsvRow(line=2, values={"a": "1", "c": "2"}, surplus=("2024-08-14",)),
        CsvRow(line=2, values={"a": "1", "c": "2"}, surplus=("x",)),
    )


@pytest.mark.parametrize("heading", ["a,c,untill_date", "a,c,until date", "a,c,\ufeffuntil_date", "a,c;until_date"])
def test_a_column_that_is_not_known_is_refused_with_those_that_are_and_not_quoted(heading: str) -> None:
    with pytest.raises(ValueError, match="a, c, until_date") as refused:
        read_rows(lines=[heading, "1,2,3"], required=[("a",)], known=("a", "c", "until_date"))
    assert heading.split(",")[-1] not in str(refused.value).replace("a, c, until_date", "")


def test_what_was_rejected_is_of_known_columns_with_its_line_and_reason() -> None:
    (row,) = read_rows(lines=["a,c,line,reason", "1,2,7,no b"], required=REQUIRED, known=("a", "b", "c"))
    assert isinstance(row, CsvRow)
    assert (row.values["a"], row.values["c"]) == ("1", "2")


def test_columns_are_found_whatever_their_case_and_a_line_says_when_it_has_more_of_them() -> None:
    short, long = read(" A , C\r\n", " 1 \r\n", "1,2,3\n")
    assert short == CsvRow(line=2, values={"a": "1", "c": ""})
    assert long == CsvRow(line=3, values={"a": "1", "c": "2"}, surplus=("3",))


def test_a_column_called_like_the_surplus_is_a_column() -> None:
    (row,) = read("a,c,more fields", "1,2,3")
    assert isinstance(row, CsvRow)
    assert not row.surplus


@pytest.mark.parametrize("field", ["x\0y", "x\ty", '"x', "x" * 200_000])
def test_a_line_that_cannot_be_read_costs_itself_only(field: str) -> None:
    junk, *rest = read("a,c", f"{field},1", '2,3"', "4,5")
    assert isinstance(junk, Rejected)
    assert rest[-1] == CsvRow(line=4, values={"a": "4", "c": "5"})


def test_what_was_rejected_is_written_with_its_reason_and_can_be_loaded_again() -> None:
    file = StringIO()
    lost = Rejected(line=7, reason="no b", values={"a": '=cmd("x")', "c": "2", "unknown": "left out"})
    write_rejected(file=file, columns=["a", "c"], rejected=[lost])
    assert file.getvalue().splitlines() == ["a,c,line,reason", '"\'=cmd(""x"")",2,7,no b']
    (again,) = read(*file.getvalue().splitlines())
    assert isinstance(again, CsvRow)
    assert again.values["c"] == "2"
    assert again.values["a"] == '=cmd("x")'


@pytest.mark.parametrize("line", ["1,2,3,", "1,2,,x", '1,2,,"=x"'])
def test_a_line_with_too_many_fields_is_written_so_that_it_is_not_loaded_without_them(line: str) -> None:
    (row,) = read("a,c,", line)
    assert isinstance(row, CsvRow)
    file = StringIO()
    write_rejected(file=file, columns=["a", "c"], rejected=[row.rejected(reason="too long")])
    (again,) = read(*file.getvalue().splitlines())
    assert isinstance(again, CsvRow)
    assert again.surplus == row.surplus != ()


@pytest.mark.parametrize("value", ["+44 7700 900123", "-x", "@x", "'t Hooft", "d'Arcy"])
def test_a_value_is_the_same_when_it_is_loaded_again(value: str) -> None:
    file = StringIO()
    write_rejected(file=file, columns=["a", "c"], rejected=[Rejected(line=2, reason="", values={"a": value})])
    (again,) = read(*file.getvalue().splitlines())
    assert isinstance(again, CsvRow)
    assert again.values["a"] == value
