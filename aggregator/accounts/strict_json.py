"""Reads a JSON object that a stranger sent and that decides who they are: nothing in it may mean two things. Pure."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def read_object(text: bytes, /) -> dict[str, Any]:
    """Return the object that UTF-8 text is.

    Raises: ValueError for anything else, for a name that stands twice in one object, for a number that is none (NaN),
    and for what is nested too deeply.
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_with_each_name_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _with_each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not a number")
