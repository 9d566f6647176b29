"""What an entry says it is, read without reading the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Container

import msgspec


class _Type(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")


class _Name(_Type):
    id: str = ""


_TYPES = msgspec.json.Decoder(_Type)
_NAMES = msgspec.json.Decoder(_Name)
# For an entry that msgspec cannot read. A type that is named deeper down is no worse than none.
_TYPE_TEXT = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')


def type_of(*, entry: bytes) -> str:
    """Return the type that an entry says it has, "" when it does not say. It need not be usable otherwise."""
    try:
        return _TYPES.decode(entry).resource_type
    except (msgspec.MsgspecError, RecursionError, ValueError):
        match = _TYPE_TEXT.search(entry)
        return match[1].decode() if match else ""


def may_be(*, entry: bytes, types: Container[str]) -> bool:
    """Return whether an entry may be of one of these types: it is, unless it says clearly that it is of another."""
    try:
        said = _TYPES.decode(entry).resource_type
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return True
    return not said or said in types


def entry_name(*, entry: bytes) -> str:
    """Return the `Type/id` by which a resource is known, "" where it has none or cannot be read."""
    try:
        name = _NAMES.decode(entry)
    except (msgspec.MsgspecError, ValueError):
        return ""
    return f"{name.resource_type}/{name.id}" if name.id else ""
