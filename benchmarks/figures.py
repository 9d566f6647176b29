"""Figures of several rounds, and the tables that show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

HEADINGS = ("figure", "unit", "this project", "beside it", "ratio", "aim")
_RIGHT_ALIGNED = frozenset({"this project", "beside it", "ratio"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, a value a round. `beside` is the peer's or the bound's, empty where there is none.

    A round with errors is infinite: then so is the figure.
    """

    name: str
    unit: str
    ours: tuple[float, ...]
    beside: tuple[float, ...] = ()
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the median of the rounds' ratios, None without a peer or bound.

        A round's two sides run one after the other: what else the machine does touches both.
        """
        if not self.beside:
            return None
        rounds = zip(self.ours, self.beside, strict=True)
        return middle(values=[ours / beside if 0 < beside < math.inf else math.inf for ours, beside in rounds])

    def as_json(self) -> dict[str, object]:
        """Return the row for a file; JSON has no infinity, so it is a text."""
        return {
            "figure": self.name,
            "unit": self.unit,
            "this project": [_plain(value) for value in self.ours],
            "beside it": [_plain(value) for value in self.beside],
            "ratio": None if self.ratio is None else _plain(self.ratio),
            "aim": self.aim,
        }


@dataclass(frozen=True, kw_only=True)
class Table:
    """`beside` says what the figures are beside."""

    title: str
    beside: str
    rows: tuple[Row, ...]

    def as_text(self) -> str:
        """Return the table as text."""
        cells = [HEADINGS, *(_cells(row=row) for row in self.rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
        lines = [_line(cells=line, widths=widths) for line in cells]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, f"Beside it: {self.beside}", "", lines[0], rule, *lines[1:], ""])

    def as_json(self) -> dict[str, object]:
        """Return the table for a file."""
        return {"title": self.title, "beside": self.beside, "rows": [row.as_json() for row in self.rows]}


def middle(*, values: Sequence[float]) -> float:
    """Return the median, infinite when one value is: a figure with an error in it is no figure."""
    return math.inf if any(math.isinf(value) for value in values) else median(values)


def share_below(*, values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _cells(*, row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else _short(row.ratio)
    return (row.name, row.unit, _spread(values=row.ours), _spread(values=row.beside), ratio, row.aim)


def _spread(*, values: Sequence[float]) -> str:
    """The median, and the least and the most of the rounds."""
    if not values:
        return ""
    shown = _short(middle(values=values))
    return f"{shown} ({_short(min(values))} to {_short(max(values))})" if len(values) > 1 else shown


def _short(value: float) -> str:
    if math.isinf(value):
        return "inf"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _plain(value: float) -> float | str:
    return "inf" if math.isinf(value) else round(value, 4)


def _line(*, cells: Sequence[str], widths: Sequence[int]) -> str:
    placed = [
        cell.rjust(width) if heading in _RIGHT_ALIGNED else cell.ljust(width)
        for cell, width, heading in zip(cells, widths, HEADINGS, strict=True)
    ]
    return "  ".join(placed).rstrip()
