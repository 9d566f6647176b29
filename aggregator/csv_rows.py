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
# What `write_rejected` adds to a line.
_ABOUT_REJECTED = frozenset({"line", "reason"})
# What a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """A line of a file. `line` counts from 1, the heading included; `values` are by column, in lower case, stripped.

    `surplus`: the fields that stand below no column.
    """

    line: int
    values: Mapping[str, str]
    surplus: tuple[str, ...] = ()

    def rejected(self, *, reason: str) -> Rejected:
        """Return the line as one that could not be loaded."""
        return Rejected(line=self.line, reason=reason, values=self.values, surplus=self.surplus)


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A line that could not be loaded. `line` counts from 1, the heading included; `reason` quotes no value.

    `surplus`: its fields below no column.
    """

    line: int
    reason: str
    values: Mapping[str, str] = field(default_factory=dict)
    surplus: tuple[str, ...] = ()


def read_rows(
    *, lines: Iterable[str], required: Sequence[Collection[str]], known: Collection[str] | None = None
) -> Iterator[CsvRow | Rejected]:
    """Yield the rows of a CSV with a heading, and the lines that cannot be read as any.

    A stray quotation mark swallows the lines after it into one field: where that shows, the line is rejected, so that
    they are not lost unnoticed. Of each group of `required` columns the heading must have one. `known` are all columns
    that it may name, None: any. A misspelt one would pass for one that is not there: an end of access, say.
    Raises: ValueError, before anything is yielded, when it has not, names a column that is not known, or names one
    twice: which of both is meant?
    """
    reader = csv.DictReader((f"{line.rstrip(_LINE_ENDS)}\n" for line in lines), restkey=_SURPLUS)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    heading = set(names)
    # A value below no name is one field too many, like one behind the last.
    reader.fieldnames = [name or f"{_SURPLUS}{at}" for at, name in enumerate(names)]
    if len(names) - names.count("") > len(heading - {""}):
        raise ValueError("the first line names a column twice")
    for columns in required:
        if not heading.intersection(columns):
            raise ValueError(f"the first line must be a heading that names {' or '.join(sorted(columns))}")
    if known is not None and heading - {"", *known, *_ABOUT_REJECTED}:
        raise ValueError(f"the first line names a column that is not known; the columns are {', '.join(known)}")
    return _rows(reader)


def write_rejected(*, file: TextIO, columns: Sequence[str], rejected: Iterable[Rejected]) -> None:
    """Write the lines that could not be loaded, each with its number and its reason, as a CSV that can be loaded again.

    A cell that a spreadsheet would take for a formula gets a leading apostrophe, which is taken off when it is loaded.
    A line with more fields than columns keeps them behind all others, so that it is not loaded as it is.
    """
    writer = csv.writer(file)
    writer.writerow([*columns, "line", "reason"])
    for line in rejected:
        values = (as_cell(line.values.get(column, "")) for column in columns)
        writer.writerow([*values, line.line, line.reason, *map(as_cell, line.surplus)])


def _rows(reader: csv.DictReader[str]) -> Iterator[CsvRow | Rejected]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Rejected(line=reader.reader.line_num, reason="it cannot be read as CSV")
            continue
        longer: Iterable[str] = row.pop(_SURPLUS, None) or ()  # a list, whatever the type says
        surplus = tuple(_from_cell(value.strip()) for value in longer)
        values = {name: _from_cell((value or "").strip()) for name, value in row.items()}
        below_no_name = [values.pop(name) for name in tuple(values) if name.startswith(_SURPLUS)]
        if any(below_no_name):
            surplus = (*below_no_name, *surplus)
        read = CsvRow(line=reader.line_num, values=values, surplus=surplus)
        if any(_CONTROL.search(value) for value in (*values.values(), *surplus)):
            yield read.rejected(reason="a line break or another control character inside a field")
        else:
            yield read


def as_cell(value: str, /) -> str:
    """Return a value so that no spreadsheet takes it for a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _from_cell(value: str) -> str:
    """Return a value without the apostrophe that `as_cell` gave it: it is no part of a name or a number."""
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA_STARTS) else value
