"""Reading values out of JSON that somebody else wrote: what is missing or of the wrong type is absent. Pure.

Every reader of a resource that no model has accepted goes through these, so that a member of the wrong type costs that
member and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]


def mapping(value: object, /) -> dict[str, Any]:
    """Return an object as it is, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object, /) -> list[dict[str, Any]]:
    """Return the objects in a list; none for anything else."""
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []


def text(value: object, /) -> str:
    """Return a string as it is, "" for anything else."""
    return value if isinstance(value, str) else ""


def texts(value: object, /) -> list[str]:
    """Return the strings in a list; none for anything else."""
    return [element for element in value if isinstance(element, str)] if isinstance(value, list) else []


def listed(value: object, /) -> list[Any]:
    """Return a list as it is, a single value as a list of one: many systems write one where a list belongs."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
