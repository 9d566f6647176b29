"""What an entry says it is, read without reading the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Container

import msgspec


class Head(msgspec.Struct, frozen=True):
    """The type that an entry says it has and its id, "" for what it does not say.

    `is_clear`: the type was read as it should be. Else it was found by looking through the entry, and may be another's.
    """

    said_type: str
    id: str = ""
    is_clear: bool = True

    @property
    def name(self) -> str:
        """The `Type/id` by which a resource is known, "" where it has none or cannot be read."""
        return f"{self.said_type}/{self.id}" if self.id else ""


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


def head_of(*, entry: bytes) -> Head:
    """Return what `type_of` and `entry_name` say of an entry, read at once."""
    try:
        read = _NAMES.decode(entry)
        return Head(read.resource_type, read.id)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        return Head(_TYPES.decode(entry).resource_type)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return Head(type_of(entry=entry), is_clear=False)


def may_be(head: Head, /, *, types: Container[str]) -> bool:
    """Return whether an entry may be of one of these types: it is, unless it says clearly that it is of another."""
    return not head.is_clear or not head.said_type or head.said_type in types


def entry_name(*, entry: bytes) -> str:
    """Return the `Type/id` by which a resource is known, "" where it has none or cannot be read."""
    try:
        name = _NAMES.decode(entry)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    return f"{name.resource_type}/{name.id}" if name.id else ""
