"""Limits of what people write, read from the tables where a table has one: what does not fit is refused, never cut.

What sources say of themselves is kept as far as it can be printed.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Field, Model

from aggregator.errors import Invalid

# Notes stand in columns without a limit: what a reader may be expected to read.
MAX_NOTE_LENGTH = 2000
# Control and formatting characters (such as turn the direction of writing), those that end a line, and half characters.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_length(*, model: type[Model], field: str, value: str, label: str, as_field: str = "") -> None:
    """Check that a text fits into its column. `as_field` is the input's name where that is not the column's.

    Raises: Invalid naming the input.
    """
    longest = max_length_of(model=model, field=field)
    if longest is not None and len(value) > longest:
        raise Invalid(f"{label} must be {longest:,} characters or fewer.", field=as_field or field)


def max_length_of(*, model: type[Model], field: str) -> int | None:
    """Return how many characters a column holds; None where it has no limit."""
    return _column(model, field).max_length


def check_range(*, model: type[Model], field: str, value: int, label: str) -> None:
    """Check that a number fits into its column.

    Raises: Invalid naming the input.
    """
    validators = _column(model, field).validators
    least = max(limit.limit_value for limit in validators if isinstance(limit, MinValueValidator))
    most = min(limit.limit_value for limit in validators if isinstance(limit, MaxValueValidator))
    if not least <= value <= most:
        raise Invalid(f"{label} must be a whole number from {least} to {most}.", field=field)


def check_line(*, value: str, label: str, as_field: str) -> None:
    """Check that a text is one line, of characters that show as what they are.

    Raises: Invalid naming the input.
    """
    if any(unicodedata.category(sign) in UNSEEN for sign in value):
        raise Invalid(f"{label} must be one line, without characters that do not show.", field=as_field)


def printable(text: str, /) -> str:
    """Return what a source says of itself without what no page, terminal or table should hold: characters that control.

    Among them are those that turn the direction of writing, and with it what stands beside the text. What breaks a line
    becomes a space.
    """
    return "".join(filter(str.isprintable, " ".join(text.split())))


def _column(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)  # noqa: S101  no relation: for the type checker
    return field


def checked_note(*, text: str, ask: str, field: str) -> str:
    """Return a note as it is kept; `ask` is the sentence that asks for one, without its full stop.

    Raises: Invalid for none, and for one that nobody would read.
    """
    if not text.strip() or len(text) > MAX_NOTE_LENGTH:
        raise Invalid(f"{ask}, in {MAX_NOTE_LENGTH:,} characters or fewer", code=field, field=field)
    if any(sign == "\0" or unicodedata.category(sign) == "Cs" for sign in text):
        raise Invalid(f"{ask}, in characters that can be read", code=field, field=field)  # and that can be kept
    return text.strip()
