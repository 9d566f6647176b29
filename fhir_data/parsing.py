"""Parses one entry, and checks what no FHIR model checks. Pure.

A fault costs only that entry.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Never

import msgspec

from fhir_data import exact_json
from fhir_data.access import JsonObject
from fhir_data.errors import EntryFault, UnreadableEntry
from fhir_data.limits import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_EXPONENT,
    MAX_LIST_ITEMS,
    MAX_NUMBER_CHARACTERS,
    MAX_STRING_CHARACTERS,
    MAX_VALUES,
)
from fhir_data.size import holds_more_values
from fhir_data.splitting import members

Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedEntry:
    """A parsed resource. `is_misread`: a model would take something in it for what it is not; see `misread_places`."""

    resource: dict[str, Any]
    is_misread: bool


def read_entry(*, entry: bytes) -> dict[str, Any]:
    """Parse one resource, with every number exact, and check what no FHIR model checks.

    Raises: UnreadableEntry.
    """
    return parse_entry(entry=entry).resource


def parse_entry(*, entry: bytes) -> ParsedEntry:
    """Parse one resource as `read_entry` does, and say whether a model would misread it.

    Raises: UnreadableEntry.
    """
    if holds_more_values(body=entry, than=MAX_VALUES):
        raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
    try:
        resource = _STRICT.decode(entry.decode())
    except RecursionError:
        raise UnreadableEntry(fault=EntryFault.TOO_DEEP) from None
    except ValueError:
        raise UnreadableEntry(fault=EntryFault.INVALID) from None
    if not isinstance(resource, dict):
        raise UnreadableEntry(fault=EntryFault.INVALID)
    is_misread = _walk(resource)
    # Null characters and lone surrogates can only be escapes here: the text itself is strict UTF-8 and strict JSON.
    if b"\\u" in entry and _HIDDEN_TEXT.search(entry):
        _check_text(resource=resource)
    return ParsedEntry(resource=resource, is_misread=is_misread)


def parse_quickly(*, entry: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Parse one resource in which `parse_entry` finds no fault; return it, and it in our own spelling.

    None where there is a fault, or where it would take longer to be sure that there is none. Two faults are not looked
    for, since no struct accepts what has them: a whole number of more than MAX_NUMBER_CHARACTERS, and lists within
    lists that are too deep.
    """
    if holds_more_values(body=entry, than=MAX_VALUES):
        return None
    try:
        resource = _QUICK.decode(entry)
        body = exact_json.encode(resource)
    except (UnreadableEntry, msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    if b"\\u" in entry and (_HIDDEN_QUOTE in entry or _NULL in body):
        return None
    # Of two members of one name the first is lost, and with it the marks around its name.
    if not isinstance(resource, dict) or body.count(b'"') != entry.count(b'"'):
        return None
    try:
        if len(body) > MAX_LIST_ITEMS or "contained" in resource or b'"data"' in body or b'"contentType"' in body:
            _walk(resource)  # there may be long lists or texts, or documents; STU3's Binary has its own in `content`
        elif body.count(b"{") > MAX_DEPTH // 2:  # each may stand in a list
            _check_depth(resource)
    except UnreadableEntry:
        return None
    return resource, body


def is_named_otherwise(*, name: str, types: Collection[type]) -> bool:
    """Return whether `misread_places` takes what an element may hold for a mistake, by the name of the element."""
    if bool in types:
        return name in _NUMBER_FIELDS or _is_time(name=name, within="")
    if str in types:
        return name in _NUMBER_FIELDS or name in _TRUTH_FIELDS
    return int in types and (name in _TRUTH_FIELDS or _is_time(name=name, within=""))


def read_by_member(*, entry: bytes) -> tuple[dict[str, Any], list[str]] | None:
    """Return what can be read of an entry member by member, and the names of the rest; None when it is no object."""
    try:
        return read_entry(entry=entry), []  # nearly always all of it can
    except UnreadableEntry:
        pass
    try:
        parts = members(body=entry)
    except (UnreadableEntry, ValueError, RecursionError):
        return None
    kept: dict[str, Any] = {}
    lost: list[str] = []
    for name, value in parts.items():
        try:
            kept.update(read_entry(entry=b"{%s:%s}" % (json.dumps(name).encode(), value)))
        except UnreadableEntry:
            lost.append(name)
    return kept, lost


def misread_places(*, resource: dict[str, Any]) -> Iterator[Place]:
    """Yield where a resource holds what a model would take for what it is not: a text for a number, a 1 for true."""
    stack: list[tuple[Any, Place, str]] = [(resource, (), "")]
    while stack:
        node, place, within = stack.pop()
        is_object = isinstance(node, dict)
        parts: list[tuple[str | int, Any]] = list(node.items() if is_object else enumerate(node))
        for part, value in parts:
            name = str(part) if is_object else within
            if isinstance(value, (dict, list)):
                stack.append((value, (*place, part), name))
            elif _may_be_json(value) or (is_object and _is_misread(name=name, value=value, parent=node, within=within)):
                yield (*place, part)


def _float(text: str) -> Decimal:
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(text) > MAX_NUMBER_CHARACTERS or len(exponent) > 2 or int(exponent or "0") > MAX_EXPONENT:
        raise UnreadableEntry(fault=EntryFault.BAD_NUMBER)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UnreadableEntry(fault=EntryFault.BAD_NUMBER) from None


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

# It refuses what `_STRICT` refuses, save members that are there twice, NUL and long whole numbers.
_QUICK = msgspec.json.Decoder(float_hook=_float)
# A quotation mark that is spelt otherwise would make up for one that is lost.
_HIDDEN_QUOTE = b"\\u0022"
_NULL = b"\\u0000"
_HIDDEN_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

# Elements that are numbers in every resource that has them. The models turn a text into a number there, and "1e1000000"
# then takes minutes. `value` is a number only beside a unit.
_NUMBER_FIELD_NAMES = (
    "valueDecimal valueInteger valuePositiveInt valueUnsignedInt factor count countMax duration durationMax frequency"
    " frequencyMax periodMax rank seriesDoses doseSequence doseNumberPositiveInt seriesDosesPositiveInt"
    " numberOfRepeatsAllowed numberOfSeries numberOfInstances minutesDuration"
)
_NUMBER_FIELDS = frozenset(_NUMBER_FIELD_NAMES.split())
_NUMBER_TEXT = re.compile(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*\Z", re.ASCII)
_QUANTITY_MARKS = frozenset({"unit", "comparator"})


# Elements that are true or false in every resource that has them. The models also take 1 and "true" there.
_TRUTH_FIELDS = frozenset(
    "active notGiven wasNotGiven notDone notPerformed wasNotTaken doNotPerform wasSubstituted isSubpotent inactive"
    " asNeededBoolean userSelected primarySource reportedBoolean preferred valueBoolean answerBoolean deceasedBoolean"
    " multipleBirthBoolean".split()
)


# Where a text may be read as something else. `value` is a number only beside a unit.
_NO_TEXT_FIELDS = _NUMBER_FIELDS | _TRUTH_FIELDS | {"value"}


def _is_misread(*, name: str, value: object, parent: dict[str, Any], within: str) -> bool:
    """Return whether a model would take a value for a number, a time or a truth, which it is not."""
    if isinstance(value, bool):
        return name in _NUMBER_FIELDS or _is_time(name=name, within=within)
    if isinstance(value, str):
        is_number = name in _NUMBER_FIELDS or (name == "value" and _is_of_quantity(parent=parent, within=within))
        return is_number or name in _TRUTH_FIELDS
    return isinstance(value, (int, Decimal)) and (name in _TRUTH_FIELDS or _is_time(name=name, within=within))


def _is_of_quantity(*, parent: dict[str, Any], within: str) -> bool:
    return within.endswith("Quantity") or not _QUANTITY_MARKS.isdisjoint(parent)


def _may_be_json(value: object) -> bool:
    """Return whether a value is a text that a model would read as an object."""
    return isinstance(value, str) and value.startswith(_BEFORE_JSON) and value.lstrip().startswith("{")


_BEFORE_JSON = ("{", " ", "\t", "\n", "\r")


def _walk(resource: dict[str, Any]) -> bool:
    """Check a resource without recursion: depth, long lists, long strings. Return whether a model would misread it."""
    stack: list[tuple[Any, int, str]] = [(resource, 1, "")]
    is_misread = False
    while stack:
        node, depth, within = stack.pop()
        if depth > MAX_DEPTH:
            raise UnreadableEntry(fault=EntryFault.TOO_DEEP)
        if isinstance(node, dict):
            for name, value in node.items():
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, name))
                    continue
                if isinstance(value, str):
                    _check_string(name=name, value=value, parent=node)
                    if value.startswith(_BEFORE_JSON):
                        is_misread = is_misread or _may_be_json(value)
                    if name not in _NO_TEXT_FIELDS:
                        continue
                if _is_misread(name=name, value=value, parent=node, within=within):
                    is_misread = True
                    if isinstance(value, str) and _NUMBER_TEXT.match(value):
                        _float(value)  # it may be as monstrous as a number that is written as one
        else:
            if len(node) > MAX_LIST_ITEMS:
                raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
            for value in node:
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, within))
                elif isinstance(value, str):
                    if len(value) > MAX_STRING_CHARACTERS:
                        raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
                    is_misread = is_misread or _may_be_json(value)
    return is_misread


def _check_depth(resource: JsonObject, /) -> None:
    level: list[Any] = [resource]
    for _ in range(MAX_DEPTH):
        parts = [node.values() if isinstance(node, dict) else node for node in level]
        level = [part for inner in parts for part in inner if isinstance(part, (dict, list))]
        if not level:
            return
    raise UnreadableEntry(fault=EntryFault.TOO_DEEP)


def _is_time(*, name: str, within: str) -> bool:
    """Whether an element is a time. A model turns a number there into a moment of 1970."""
    if name in ("start", "end"):
        return within.lower().endswith("period")
    return name.endswith(("DateTime", "Date", "Instant")) or name in ("issued", "authoredOn", "date")


def _check_string(*, name: str, value: str, parent: dict[str, Any]) -> None:
    if name == "data" and _is_series(data=value, parent=parent):
        return
    if name == "data" or (name == "content" and parent.get("resourceType") == "Binary"):  # STU3's Binary calls it so
        _check_document(data=value, media_type=str(parent.get("contentType", "")))
    elif len(value) > MAX_STRING_CHARACTERS:
        raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
    elif name == "url" and "contentType" in parent and value.lower().lstrip().startswith(_ACTIVE_SCHEMES):
        raise UnreadableEntry(fault=EntryFault.BAD_DOCUMENT, detail="url")


def _is_series(*, data: str, parent: dict[str, Any]) -> bool:
    """Return whether `data` are the values of a recording and no document. Source: FHIR R4 and STU3, SampledData."""
    is_sampled = parent.keys() >= {"origin", "dimensions"} and "contentType" not in parent
    return is_sampled and len(data) <= MAX_DOCUMENT_BYTES and set(data) <= _SERIES


_SERIES = frozenset("0123456789.-+eEUL \t\r\n")  # numbers, errors, and what lies below or above what can be measured
_ACTIVE_SCHEMES = ("javascript:", "data:", "vbscript:", "file:")
_MAGIC = {
    "application/pdf": (b"%PDF",),
    "image/png": (b"\x89PNG",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF8",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}


# What may stand between the characters of base64, such as line breaks. Source: FHIR R4 and STU3, base64Binary.
_SPACE = str.maketrans("", "", " \t\r\n")


def _check_document(*, data: str, media_type: str) -> None:
    data = data.translate(_SPACE)
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
