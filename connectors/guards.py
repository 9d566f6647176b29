"""What must be true of a payload before anything else looks at it, and how it is split into its entries.

A fault of the whole raises Malformed: a record cut silently is worse than none. A fault of one entry raises
EntryRefused and costs that entry alone. The bytes of an entry are kept exactly as they were sent.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Never

import msgspec

from connectors.contract import Malformed
from connectors.outcomes import Reason

# Real payloads: depth 17, 1.3 MB, 502 entries, numbers of 20 characters, 0.05 brackets a byte.
MAX_PAYLOAD_BYTES = 50 * 1024 * 1024
MAX_BRACKETS = 1_000_000  # `{}` costs 31 times its size when parsed
MAX_ENTRIES = 50_000
MAX_DEPTH = 64  # fhir.resources stops at 122 levels of extension, json at about 995
MAX_LIST_ITEMS = 10_000
MAX_NUMBER_CHARACTERS = 40
MAX_EXPONENT = 30
MAX_STRING_CHARACTERS = 1024 * 1024
MAX_DOCUMENT_BYTES = 10 * 1024 * 1024


class EntryRefused(Exception):
    """One entry cannot be used. `reason` is a code, `detail` names a field and never a value."""

    def __init__(self, *, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class SplitEntry:
    """One entry of a Bundle. `resource` is None when it holds none, or when `fault` says why it cannot be read."""

    whole: bytes
    resource: bytes | None
    full_url: str = ""
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class SplitPayload:
    """A payload by its outermost members: for a Bundle its type, links (relation, address) and entries."""

    resource_type: str
    bundle_type: str
    links: tuple[tuple[str, str], ...]
    entries: tuple[SplitEntry, ...]


class _Name(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    id: str = ""


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_NAMES = msgspec.json.Decoder(_Name)
_LINKS = msgspec.json.Decoder(list[_Link])


def split(*, payload: bytes) -> SplitPayload:
    """Split a payload into its entries, each with its own bytes, after the checks of the whole.

    Raises: Malformed `not-fhir`, `too-large` or `too-deep`.
    """
    body = _checked_text(payload=payload)
    try:
        return _split(body=body)
    except RecursionError:
        raise Malformed(Reason.TOO_DEEP) from None
    except (msgspec.MsgspecError, ValueError, EntryRefused):
        raise Malformed(Reason.NOT_FHIR) from None


def read_entry(*, entry: bytes) -> dict[str, Any]:
    """Parse one resource, with every number exact, and check all that no FHIR model checks.

    Raises: EntryRefused `invalid`, `too-deep`, `too-large`, `bad-number`, `duplicate-key`, `bad-text`, `bad-document`.
    """
    try:
        resource = _STRICT.decode(entry.decode())
    except RecursionError:
        raise EntryRefused(reason="too-deep") from None
    except ValueError:
        raise EntryRefused(reason="invalid") from None
    if not isinstance(resource, dict):
        raise EntryRefused(reason="invalid")
    _walk(resource=resource)
    # Both must be spelt as escapes, since the text itself was strict UTF-8 and strict JSON.
    if b"\\u" in entry and _HIDDEN_TEXT.search(entry):
        _check_text(resource=resource)
    return resource


def entry_name(*, entry: bytes) -> str:
    """Return the `Type/id` that a resource goes by, "" where it has none or cannot be read."""
    try:
        name = _NAMES.decode(entry)
    except (msgspec.MsgspecError, ValueError):
        return ""
    return f"{name.resource_type}/{name.id}" if name.id else ""


def _checked_text(*, payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES or payload.count(b"{") + payload.count(b"[") > MAX_BRACKETS:
        raise Malformed(Reason.TOO_LARGE)
    try:
        payload.decode("utf-8-sig", "strict")
    except UnicodeDecodeError:
        raise Malformed(Reason.NOT_FHIR) from None
    body = payload.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not body.startswith(b"{"):
        raise Malformed(Reason.NOT_FHIR)
    return body


def _split(*, body: bytes) -> SplitPayload:
    found = members(body=body)
    entries = elements(body=found.get("entry", b"[]"))
    if len(entries) > MAX_ENTRIES:
        raise Malformed(Reason.TOO_LARGE)
    links = _LINKS.decode(found["link"]) if "link" in found else []
    return SplitPayload(
        resource_type=_text(body=found.get("resourceType", b"")),
        bundle_type=_text(body=found.get("type", b"")),
        links=tuple((link.relation, link.url) for link in links),
        entries=tuple(_split_entry(whole=entry) for entry in entries),
    )


def _split_entry(*, whole: bytes) -> SplitEntry:
    try:
        found = members(body=whole)
        return SplitEntry(whole=whole, resource=found.get("resource"), full_url=_text(body=found.get("fullUrl", b"")))
    except EntryRefused as refused:
        return SplitEntry(whole=whole, resource=None, fault=refused.reason)
    except (msgspec.MsgspecError, ValueError):
        return SplitEntry(whole=whole, resource=None, fault="invalid")


def members(*, body: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object, each value with its own bytes.

    Raises: EntryRefused `duplicate-key`: every parser keeps the last of two silently. ValueError when it is no object.
    """
    try:
        found = {name: bytes(value) for name, value in _MEMBERS.decode(body).items()}
    except msgspec.ValidationError:
        raise ValueError("not an object") from None
    except msgspec.DecodeError:
        spans = _spans(text=body.decode())
        found = {name: value.encode() for name, value in spans}
        if len(found) != len(spans):
            raise EntryRefused(reason="duplicate-key") from None
        return found
    if not _is_all(body=body, found=found) and len(_spans(text=body.decode())) != len(found):
        raise EntryRefused(reason="duplicate-key")
    return found


def elements(*, body: bytes) -> list[bytes]:
    """Return the elements of a JSON array, each with its own bytes.

    Raises: ValueError when it is no array.
    """
    try:
        return [bytes(element) for element in _RAW_LIST.decode(body)]
    except msgspec.ValidationError:
        raise ValueError("not an array") from None
    except msgspec.DecodeError:
        return _elements_slowly(text=body.decode())


def _is_all(*, body: bytes, found: dict[str, bytes]) -> bool:
    """Whether an object holds nothing but these members. Cheap; False may be wrong, True never is."""
    # The shortest way to spell them: braces, and each member's quotes, colon and comma. Nothing more fits into that.
    shortest = 1 + sum(len(name.encode()) + len(value) + 4 for name, value in found.items())
    if len(body) == shortest:
        return True
    at = 0
    rest: list[bytes] = []
    for value in found.values():
        start = body.find(value, body.find(b":", at))
        if start < 0:
            return False
        rest.append(body[at:start])
        at = start + len(value)
    rest.append(body[at:])
    names = ",".join(json.dumps(name, ensure_ascii=False) + ":" for name in found)
    return b"".join(b"".join(rest).split()) == b"".join(f"{{{names}}}".encode().split())


# msgspec refuses NaN and lone surrogates outright, which would cost the whole answer: then the standard library's
# scanner finds where each value ends, and the entry that holds them is refused alone.
_SPACE = re.compile(r"[ \t\r\n]*")
_SCAN = json.JSONDecoder()


def _skip(*, text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(*, text: str, at: int, allowed: str) -> str:
    if at >= len(text) or text[at] not in allowed:
        raise ValueError("not JSON")
    return text[at]


def _spans(*, text: str) -> list[tuple[str, str]]:
    """The (name, value) texts of an object, repeated names included."""
    found: list[tuple[str, str]] = []
    _expect(text=text, at=0, allowed="{")
    at = _skip(text=text, at=1)
    while _expect(text=text, at=at, allowed='}"' if not found else '"') == '"':
        name, at = scanstring(text, at + 1, True)
        at = _skip(text=text, at=at)
        _expect(text=text, at=at, allowed=":")
        start = _skip(text=text, at=at + 1)
        _, end = _SCAN.raw_decode(text, start)
        found.append((name, text[start:end]))
        at = _skip(text=text, at=end)
        if _expect(text=text, at=at, allowed=",}") == "}":
            break
        at = _skip(text=text, at=at + 1)
    if _skip(text=text, at=at + 1) != len(text):
        raise ValueError("not JSON")
    return found


def _elements_slowly(*, text: str) -> list[bytes]:
    found: list[bytes] = []
    _expect(text=text, at=0, allowed="[")
    at = _skip(text=text, at=1)
    if text[at : at + 1] == "]":
        return found
    while True:
        _, end = _SCAN.raw_decode(text, at)
        found.append(text[at:end].encode())
        at = _skip(text=text, at=end)
        if _expect(text=text, at=at, allowed=",]") == "]":
            return found
        at = _skip(text=text, at=at + 1)


def _text(*, body: bytes) -> str:
    if not body.startswith(b'"'):
        return ""
    plain = body[1:-1].decode()
    if plain.isascii() and plain.isprintable() and "\\" not in plain:
        return plain  # as almost every address is; nothing to undo
    value = json.loads(body.decode())
    return value if isinstance(value, str) and value.isprintable() else ""


def _float(text: str) -> Decimal:
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(text) > MAX_NUMBER_CHARACTERS or len(exponent) > 2 or int(exponent or "0") > MAX_EXPONENT:
        raise EntryRefused(reason="bad-number")
    return Decimal(text)


def _int(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise EntryRefused(reason="bad-number")
    return int(text)


def _constant(text: str) -> Never:
    raise EntryRefused(reason="bad-number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EntryRefused(reason="duplicate-key")
    return found


_STRICT = json.JSONDecoder(
    parse_float=_float, parse_int=_int, parse_constant=_constant, object_pairs_hook=_object, strict=True
)

_HIDDEN_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

# Elements whose type is a number in every resource that has them: as text, the models turn them into numbers, and
# "1e1000000" then runs for minutes. `value` is one only beside a unit.
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
    """Go through a resource without recursion: depth, long lists, long strings, numbers as text, times as numbers."""
    stack: list[tuple[Any, int, str]] = [(resource, 1, "")]
    while stack:
        node, depth, within = stack.pop()
        if depth > MAX_DEPTH:
            raise EntryRefused(reason="too-deep")
        if isinstance(node, dict):
            for name, value in node.items():
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, name))
                elif isinstance(value, str):
                    _check_string(name=name, value=value, parent=node, within=within)
                elif isinstance(value, (int, Decimal)) and _is_time(name=name, within=within):
                    raise EntryRefused(reason="invalid", detail="date")
        else:
            if len(node) > MAX_LIST_ITEMS:
                raise EntryRefused(reason="too-large")
            for value in node:
                if isinstance(value, (dict, list)):
                    stack.append((value, depth + 1, within))
                elif isinstance(value, str) and len(value) > MAX_STRING_CHARACTERS:
                    raise EntryRefused(reason="too-large")


def _is_time(*, name: str, within: str) -> bool:
    """Whether an element is a time: of one that is a number a model makes 1970."""
    if name in ("start", "end"):
        return within.lower().endswith("period")
    return name.endswith(("DateTime", "Date", "Instant")) or name in ("issued", "authoredOn", "date")


def _check_string(*, name: str, value: str, parent: dict[str, Any], within: str) -> None:
    if name == "data":
        _check_document(data=value, media_type=str(parent.get("contentType", "")))
    elif len(value) > MAX_STRING_CHARACTERS:
        raise EntryRefused(reason="too-large")
    elif _is_number_text(name=name, value=value, parent=parent, within=within):
        raise EntryRefused(reason="bad-number", detail=name)
    elif name == "url" and "contentType" in parent and value.lower().lstrip().startswith(_ACTIVE_SCHEMES):
        raise EntryRefused(reason="bad-document", detail="url")


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
        raise EntryRefused(reason="bad-document", detail="data")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise EntryRefused(reason="bad-document", detail="data") from None
    expected = _MAGIC.get(media_type.partition(";")[0].strip().lower())
    if expected and not content.startswith(expected):
        raise EntryRefused(reason="bad-document", detail="contentType")


def _check_text(*, resource: dict[str, Any]) -> None:
    text = json.dumps(resource, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EntryRefused(reason="bad-text") from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise EntryRefused(reason="bad-text")
