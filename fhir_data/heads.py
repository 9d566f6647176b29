"""What an entry says it is, read without reading the rest. Pure."""

from __future__ import annotations

import re

import msgspec


class _Head(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")


_HEAD = msgspec.json.Decoder(_Head)


def type_of(*, entry: bytes) -> str:
    """Return the type that an entry which could not be used says it has, "" when it does not say."""
    try:
        return _HEAD.decode(entry).resource_type
    except (msgspec.MsgspecError, RecursionError, ValueError):
        match = _TYPE_TEXT.search(entry)
        return match[1].decode() if match else ""


# For an entry that msgspec cannot read; a type named deeper down is no worse than none.
_TYPE_TEXT = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')


class _Name(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    id: str = ""


_NAMES = msgspec.json.Decoder(_Name)


def entry_name(*, entry: bytes) -> str:
    """Return the `Type/id` that a resource goes by, "" where it has none or cannot be read."""
    try:
        name = _NAMES.decode(entry)
    except (msgspec.MsgspecError, ValueError):
        return ""
    return f"{name.resource_type}/{name.id}" if name.id else ""
