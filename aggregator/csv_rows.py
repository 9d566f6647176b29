"""CSV files in bulk, line by line: what can be read is, and each other line is named with its reason. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

_LINE_ENDS = "\r\n"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURPLUS = "\n"  # no heading can hold it
# What a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """A line of a file. `line` counts from 1, the heading included; `values` are by column, in lower case, stripped."""

    line: int
    values: Mapping[str, str]
    has_surplus_fields: bool = False


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A line that could not be loaded. `line` counts from 1, the heading included; `reason` quotes no value."""

    line: int
    reason: str
    values: Mapping[str, str] = field(default_factory=dict)


def read_rows(*, lines: Iterable[str], required: Sequence[Collection[str]]) -> Iterator[CsvRow | Rejected]:
    """Yield the rows of a CSV with a heading, and the lines that cannot be read as any.

    A stray quotation mark swallows the lines after it into one field: where that shows, the line is rejected, so that
    they are not lost unnoticed. Of each group of `required` columns the heading must have one.
    Raises: ValueError, before anything is yielded, when it has not, or names a column twice: which of both is meant?
    """
    reader = csv.DictReader((f"{line.rstrip(_LINE_ENDS)}\n" for line in lines), restkey=_SURPLUS)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    heading = set(names)
    if len(names) - names.count("") > len(heading - {""}):
        raise ValueError("the first line names a column twice")
    for columns in required:
        if not heading.intersection(columns):
            raise ValueError(f"the first line must be a heading that names {' or '.join(sorted(columns))}")
    return _rows(reader)


def write_rejected(*, file: TextIO, columns: Sequence[str], rejected: Iterable[Rejected]) -> None:
    """Write the lines that could not be loaded, each with its number and its reason, as a CSV that can be loaded again.

    A cell that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    writer = csv.writer(file)
    writer.writerow([*columns, "line", "reason"])
    for line in rejected:
        writer.writerow([*(_as_cell(line.values.get(column, "")) for column in columns), line.line, line.reason])


def _rows(reader: csv.DictReader[str]) -> Iterator[CsvRow | Rejected]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Rejected(line=reader.reader.line_num, reason="it cannot be read as CSV")
            continue
        has_surplus = row.pop(_SURPLUS, None) is not None
        values = {name.strip().lower(): (value or "").strip() for name, value in row.items() if name}
        if any(_CONTROL.search(value) for value in values.values()):
            reason = "a line break or another control character inside a field"
            yield Rejected(line=reader.line_num, reason=reason, values=values)
            continue
        yield CsvRow(line=reader.line_num, values=values, has_surplus_fields=has_surplus)


def _as_cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
