"""Parses one entry, and checks what no FHIR model checks. Pure.

A fault costs only that entry.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from decimal import Decimal
from typing import Any, Never

from fhir_data.errors import EntryFault, UnreadableEntry
from fhir_data.limits import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_EXPONENT,
    MAX_LIST_ITEMS,
    MAX_NUMBER_CHARACTERS,
    MAX_STRING_CHARACTERS,
)


def read_entry(*, entry: bytes) -> dict[str, Any]:
    """Parse one resource, with every number exact, and check what no FHIR model checks.

    Raises: UnreadableEntry.
    """
    try:
        resource = _STRICT.decode(entry.decode())
    except RecursionError:
        raise UnreadableEntry(fault=EntryFault.TOO_DEEP) from None
    except ValueError:
        raise UnreadableEntry(fault=EntryFault.INVALID) from None
    if not isinstance(resource, dict):
        raise UnreadableEntry(fault=EntryFault.INVALID)
    _walk(resource=resource)
    # Null characters and lone surrogates can only be escapes here: the text itself is strict UTF-8 and strict JSON.
    if b"\\u" in entry and _HIDDEN_TEXT.search(entry):
        _check_text(resource=resource)
    return resource


def _float(text: str) -> Decimal:
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(text) > MAX_NUMBER_CHARACTERS or len(exponent) > 2 or int(exponent or "0") > MAX_EXPONENT:
        raise UnreadableEntry(fault=EntryFault.BAD_NUMBER)
    return Decimal(text)


def _int(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise UnreadableEntry(fault=EntryFault.BAD_NUMBER)
    return int(text)


def _constant(text: str) -> Never:
    raise UnreadableEntry(fault=EntryFault.BAD_NUMBER)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableEntry(fault=EntryFault.DUPLICATE_KEY)
    return members


_STRICT = json.JSONDecoder(
    parse_float=_float, parse_int=_int, parse_constant=_constant, object_pairs_hook=_object, strict=True
)

_HIDDEN_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

# Elements that are numbers in every resource that has them. The models turn a text into a number there, and "1e1000000"
# then takes minutes. `value` is a number only beside a unit.
_NUMBER_FIELD_NAMES = (
    "valueDecimal valueInteger valuePositiveInt valueUnsignedInt factor count countMax duration durationMax frequency"
    " frequencyMax periodMax rank seriesDoses doseSequence doseNumberPositiveInt seriesDosesPositiveInt"
    " numberOfRepeatsAllowed numberOfSeries numberOfInstances minutesDuration"
)
_NUMBER_FIELDS = frozenset(_NUMBER_FIELD_NAMES.split())
_QUANTITY_MARKS = frozenset({"unit", "comparator"})


def _is_number_text(*, name: str, value: object, parent: dict[str, Any], within: str) -> bool:
    if not isinstance(value, str):
        return False
    if name == "value":
        return within.endswith("Quantity") or not _QUANTITY_MARKS.isdisjoint(parent)
    return name in _NUMBER_FIELDS


def _walk(*, resource: dict[str, Any]) -> None:
    """Check a resource without recursion: depth, long lists, long strings, numbers as text, times as numbers."""
    stack: list[tuple[Any, int, str]] = [(resource, 1, "")]
    while stack:
        node, depth, within = stack.pop()
        if depth > MAX_DEPTH:
            raise UnreadableEntry(fault=EntryFault.TOO_DEEP)
        if isinstance(node, dict):
            for name, value in node.items():
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, name))
                elif isinstance(value, str):
                    _check_string(name=name, value=value, parent=node, within=within)
                elif isinstance(value, (int, Decimal)) and _is_time(name=name, within=within):
                    raise UnreadableEntry(fault=EntryFault.INVALID, detail="date")
        else:
            if len(node) > MAX_LIST_ITEMS:
                raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
            for value in node:
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, within))
                elif isinstance(value, str) and len(value) > MAX_STRING_CHARACTERS:
                    raise UnreadableEntry(fault=EntryFault.TOO_LARGE)


def _is_time(*, name: str, within: str) -> bool:
    """Whether an element is a time. A model turns a number there into a moment of 1970."""
    if name in ("start", "end"):
        return within.lower().endswith("period")
    return name.endswith(("DateTime", "Date", "Instant")) or name in ("issued", "authoredOn", "date")


def _check_string(*, name: str, value: str, parent: dict[str, Any], within: str) -> None:
    if name == "data" or (name == "content" and parent.get("resourceType") == "Binary"):  # STU3's Binary calls it so
        _check_document(data=value, media_type=str(parent.get("contentType", "")))
    elif len(value) > MAX_STRING_CHARACTERS:
        raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
    elif _is_number_text(name=name, value=value, parent=parent, within=within):
        raise UnreadableEntry(fault=EntryFault.BAD_NUMBER, detail=name)
    elif name == "url" and "contentType" in parent and value.lower().lstrip().startswith(_ACTIVE_SCHEMES):
        raise UnreadableEntry(fault=EntryFault.BAD_DOCUMENT, detail="url")


_ACTIVE_SCHEMES = ("javascript:", "data:", "vbscript:", "file:")
_MAGIC = {
    "application/pdf": (b"%PDF",),
    "image/png": (b"\x89PNG",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF8",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}


def _check_document(*, data: str, media_type: str) -> None:
    if len(data) > MAX_DOCUMENT_BYTES * 4 // 3 + 4:
        raise UnreadableEntry(fault=EntryFault.BAD_DOCUMENT, detail="data")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableEntry(fault=EntryFault.BAD_DOCUMENT, detail="data") from None
    expected = _MAGIC.get(media_type.partition(";")[0].strip().lower())
    if expected and not content.startswith(expected):
        raise UnreadableEntry(fault=EntryFault.BAD_DOCUMENT, detail="contentType")


def _check_text(*, resource: dict[str, Any]) -> None:
    text = json.dumps(resource, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableEntry(fault=EntryFault.BAD_TEXT) from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise UnreadableEntry(fault=EntryFault.BAD_TEXT)
