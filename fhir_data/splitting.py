"""Splits a payload into its entries, after checking it as a whole. Pure.

A fault of the whole raises UnreadablePayload: a silently shortened record is worse than none. A fault of one entry
costs only that entry. The bytes of an entry are kept exactly as they were sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]

import msgspec

from fhir_data.errors import EntryFault, PayloadFault, UnreadableEntry, UnreadablePayload
from fhir_data.heads import Head, head_of
from fhir_data.labels import Label, labels_around
from fhir_data.limits import (
    MAX_BRACKETS,
    MAX_COMMAS,
    MAX_ENTRIES,
    MAX_MEMBERS,
    MAX_NUMBER_CHARACTERS,
    MAX_PAYLOAD_BYTES,
    MAX_VALUES,
)
from fhir_data.size import holds_more_members, holds_more_values, rough_count


class SplitEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a Bundle. `resource` is None when it holds none, or when `fault` says why it cannot be read; then
    `whole` is the entry itself. Of an answer that is no FHIR, `resource` is what was made of the bytes in `whole`.

    `labels` are the security labels of its Bundle, which hold for all that is in it. `is_match`: it may be what was
    searched for, since it does not say that it is only included, or an outcome.
    """

    resource: bytes | None
    whole: bytes = b""  # kept of no other, or a large answer would be held twice
    full_url: str = ""
    fault: EntryFault | None = None
    labels: tuple[Label, ...] = ()
    is_match: bool = True

    @property
    def sent(self) -> bytes:
        """The bytes of the resource as they were sent, of the whole entry where it holds none."""
        return self.whole if self.resource is None else self.resource

    @property
    def as_it_came(self) -> bytes:
        """The bytes to keep of one that is set aside."""
        return self.whole or self.sent


@dataclass(frozen=True, kw_only=True)
class SplitPayload:
    """A payload by its outermost members: of a Bundle its links (relation, address), its entries and its total.

    `total` is None where it does not say.
    """

    resource_type: str
    links: tuple[tuple[str, str], ...]
    entries: tuple[SplitEntry, ...]
    total: int | None = None

    @cached_property
    def heads(self) -> tuple[Head | None, ...]:
        """What each entry says that it is, None for one without a resource; read at the first time."""
        return tuple(head_of(entry=entry.resource) if entry.resource is not None else None for entry in self.entries)


class SentBody(bytes):
    """A body as it came, which is split and counted once however many pieces of work read it in this process."""

    _parts: SplitPayload | None = None
    _values: int | None = None

    @property
    def parts(self) -> SplitPayload:
        """The body split into its entries. Raises: UnreadablePayload."""
        if self._parts is None:
            self._parts = split(payload=self, values=self.values)
        return self._parts

    @property
    def values(self) -> int:
        """How many values it holds at most."""
        if self._values is None:
            self._values = rough_count(body=self)
        return self._values

    def __reduce__(self) -> tuple[type[SentBody], tuple[bytes]]:
        return SentBody, (bytes(self),)


_ABSENT = msgspec.Raw(b"")


class _Bulk(msgspec.Struct):
    """What of a payload, or of an entry, may be large."""

    entry: msgspec.Raw = _ABSENT
    resource: msgspec.Raw = _ABSENT


class _PlainEntry(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of a Bundle with nothing but what nearly every one has, each value with its own bytes."""

    resource: msgspec.Raw
    full_url: msgspec.Raw = msgspec.field(name="fullUrl", default=_ABSENT)
    search: msgspec.Raw = _ABSENT


class _Link(msgspec.Struct):
    relation: str | None = None
    url: str | None = None


_BULK = msgspec.json.Decoder(_Bulk)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_PLAIN_ENTRIES = msgspec.json.Decoder(list[_PlainEntry])
_LINKS = msgspec.json.Decoder(list[_Link | None] | None)
# Of what a search gives beside its matches. Source: FHIR R4, SearchEntryMode.
_NO_MATCH = re.compile(rb'"mode"\s*:\s*"(?:include|outcome)"')
_USUAL_MATCHES = frozenset({b"", b'{"mode":"match"}'})


def split(*, payload: bytes, values: int | None = None) -> SplitPayload:
    """Split a payload into its entries, each with its own bytes, after checking it as a whole.

    `values` is how many it holds at most, where they have been counted.
    Raises: UnreadablePayload `not-fhir`, `too-large` or `too-deep`.
    """
    body = _checked_text(payload)
    try:
        return _split(body, is_small=values is not None and values < min(MAX_MEMBERS, MAX_ENTRIES))
    except RecursionError:
        raise UnreadablePayload(fault=PayloadFault.TOO_DEEP) from None
    except UnreadableEntry as unreadable:
        too_large = unreadable.fault is EntryFault.TOO_LARGE
        raise UnreadablePayload(fault=PayloadFault.TOO_LARGE if too_large else PayloadFault.NOT_FHIR) from None
    except (msgspec.MsgspecError, ValueError):
        raise UnreadablePayload(fault=PayloadFault.NOT_FHIR) from None


def without_mark(payload: bytes, /) -> bytes:
    """Return a payload without a byte order mark and the space around it."""
    return payload.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")


def _checked_text(payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES or (len(payload) > MAX_BRACKETS and _has_too_many_marks(payload)):
        raise UnreadablePayload(fault=PayloadFault.TOO_LARGE)
    try:
        payload.decode("utf-8-sig", "strict")
    except UnicodeDecodeError:
        raise UnreadablePayload(fault=PayloadFault.NOT_FHIR) from None
    body = without_mark(payload)
    if not body.startswith(b"{"):
        raise UnreadablePayload(fault=PayloadFault.NOT_FHIR)
    return body


def _has_too_many_marks(payload: bytes) -> bool:
    brackets = payload.count(b"{") + payload.count(b"[")
    return brackets > MAX_BRACKETS or payload.count(b",") > MAX_COMMAS


def _split(body: bytes, /, *, is_small: bool) -> SplitPayload:
    # What holds fewer values has fewer members, too, which need not be counted.
    parts = _members(body) if is_small else members(body=body)
    listed = parts.pop("entry", b"null")
    if listed == b"null":  # what some writers make of a list of nothing; FHIR has no null there
        listed = b"[]"
    if (not is_small and holds_more_members(body=listed, than=MAX_ENTRIES)) or holds_more_values(
        body=parts.get("link", b""), than=MAX_VALUES
    ):
        raise UnreadablePayload(fault=PayloadFault.TOO_LARGE)
    links = _LINKS.decode(parts.get("link", b"null")) or []
    labels = labels_around(parts)
    entries = _plain_entries(listed, labels=labels)
    if entries is None:
        each = elements(body=listed)
        del listed  # each of these holds the whole answer
        entries = tuple(_split_entry(entry, labels=labels) for entry in _taken(each))
    return SplitPayload(
        resource_type=_text(parts.get("resourceType", b"")),
        links=tuple(((link.relation or "").strip().lower(), (link.url or "").strip()) for link in links if link),
        entries=entries,
        total=_count(parts.get("total", b"")),
    )


def _plain_entries(listed: bytes, /, *, labels: tuple[Label, ...]) -> tuple[SplitEntry, ...] | None:
    """Return the entries of a list of plain ones that is spelt without space; None for any other."""
    try:
        plain = _PLAIN_ENTRIES.decode(listed)
    except (msgspec.MsgspecError, ValueError):
        return None
    # Nothing else fits into the shortest spelling: no member that is there twice, of which one is lost.
    shortest = len("[]") + max(len(plain) - 1, 0) + sum(map(_shortest, plain))
    if shortest != len(listed):
        return None
    return tuple(
        SplitEntry(
            resource=bytes(entry.resource),
            full_url=_text(bytes(entry.full_url)),
            labels=labels,
            is_match=_is_match(bytes(entry.search)),
        )
        for entry in plain
    )


def _shortest(entry: _PlainEntry, /) -> int:
    """Return how many bytes an entry takes at least: with braces, and the quotes, colon and comma of each member."""
    size = len('{"resource":}') + len(entry.resource)
    if full_url := len(entry.full_url):
        size += len('"fullUrl":,') + full_url
    if search := len(entry.search):
        size += len('"search":,') + search
    return size


def _taken(entries: list[bytes]) -> Iterator[bytes]:
    """Yield what a list holds, and let go of it."""
    entries.reverse()
    while entries:
        yield entries.pop()


def _split_entry(whole: bytes, /, *, labels: tuple[Label, ...]) -> SplitEntry:
    try:
        parts = members(body=whole)
        full_url = _text(parts.get("fullUrl", b""))
        labels = (*labels, *labels_around(parts))
        resource = parts.get("resource")
        kept = whole if resource is None else b""
        is_match = _is_match(parts.get("search", b""))
        return SplitEntry(whole=kept, resource=resource, full_url=full_url, labels=labels, is_match=is_match)
    except UnreadableEntry as unreadable:
        return SplitEntry(whole=whole, resource=None, fault=unreadable.fault, labels=labels)
    except (msgspec.MsgspecError, ValueError):
        return SplitEntry(whole=whole, resource=None, fault=EntryFault.INVALID, labels=labels)


def _is_match(search: bytes, /) -> bool:
    return search in _USUAL_MATCHES or _NO_MATCH.search(search) is None


def members(*, body: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object, each value with its own bytes.

    Raises: UnreadableEntry `duplicate-key`, since every parser silently keeps the last, and `too-large`; ValueError for
    no object.
    """
    if _has_too_many_members(body):
        raise UnreadableEntry(fault=EntryFault.TOO_LARGE)
    return _members(body)


def _members(body: bytes, /) -> dict[str, bytes]:
    try:
        parts = {name: bytes(value) for name, value in _MEMBERS.decode(body).items()}
    except msgspec.ValidationError:
        raise ValueError("not an object") from None
    except msgspec.DecodeError:
        spans = _spans(body.decode())
        parts = {name: value.encode() for name, value in spans}
        if len(parts) != len(spans):
            raise UnreadableEntry(fault=EntryFault.DUPLICATE_KEY) from None
        return parts
    if not _is_all(body=body, parts=parts) and len(_spans(body.decode())) != len(parts):
        raise UnreadableEntry(fault=EntryFault.DUPLICATE_KEY)
    return parts


def _has_too_many_members(body: bytes) -> bool:
    if len(body) < MAX_MEMBERS or (commas := body.count(b",")) < MAX_MEMBERS:
        return False
    try:  # almost always nearly all of it is in one member, which is found much faster than the members are counted
        bulk = _BULK.decode(body)
    except (msgspec.MsgspecError, ValueError):
        pass
    else:
        commas -= bytes(bulk.entry).count(b",") + bytes(bulk.resource).count(b",")
    return commas >= MAX_MEMBERS and holds_more_members(body=body, than=MAX_MEMBERS)


def elements(*, body: bytes) -> list[bytes]:
    """Return the elements of a JSON array, each with its own bytes.

    Raises: ValueError when it is no array.
    """
    try:
        return [bytes(element) for element in _RAW_LIST.decode(body)]
    except msgspec.ValidationError:
        raise ValueError("not an array") from None
    except msgspec.DecodeError:
        return _elements_slowly(body.decode())


def _is_all(*, body: bytes, parts: dict[str, bytes]) -> bool:
    """Whether an object has no members but these. Cheap: False may be wrong, True never is."""
    # The shortest spelling: braces, and the quotes, colon and comma of each member. Nothing else fits into that.
    shortest = 1 + sum(len(name.encode()) + len(value) + 4 for name, value in parts.items())
    if len(body) == shortest:
        return True
    at = 0
    rest: list[bytes] = []
    for value in parts.values():
        start = body.find(value, body.find(b":", at))
        if start < 0:
            return False
        rest.append(body[at:start])
        at = start + len(value)
    rest.append(body[at:])
    names = ",".join(json.dumps(name, ensure_ascii=False) + ":" for name in parts)
    return b"".join(b"".join(rest).split()) == b"".join(f"{{{names}}}".encode().split())


# msgspec refuses NaN and lone surrogates outright, which would cost the whole answer. The standard library's scanner
# then finds where each value ends, so that only the entry that holds them is refused.
_SPACE = re.compile(r"[ \t\r\n]*")

_SCAN = json.JSONDecoder()


def _skip(*, text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(*, text: str, at: int, allowed: str) -> str:
    if at >= len(text) or text[at] not in allowed:
        raise ValueError("not JSON")
    return text[at]


def _spans(text: str) -> list[tuple[str, str]]:
    """Return the (name, value) texts of an object, repeated names included."""
    spans: list[tuple[str, str]] = []
    _expect(text=text, at=0, allowed="{")
    at = _skip(text=text, at=1)
    while _expect(text=text, at=at, allowed='}"' if not spans else '"') == '"':
        name, at = scanstring(text, at + 1, True)
        at = _skip(text=text, at=at)
        _expect(text=text, at=at, allowed=":")
        start = _skip(text=text, at=at + 1)
        _, end = _SCAN.raw_decode(text, start)
        spans.append((name, text[start:end]))
        at = _skip(text=text, at=end)
        if _expect(text=text, at=at, allowed=",}") == "}":
            break
        at = _skip(text=text, at=at + 1)
    if _skip(text=text, at=at + 1) != len(text):
        raise ValueError("not JSON")
    return spans


def _elements_slowly(text: str) -> list[bytes]:
    parts: list[bytes] = []
    _expect(text=text, at=0, allowed="[")
    at = _skip(text=text, at=1)
    if text[at : at + 1] == "]":
        return parts
    while True:
        _, end = _SCAN.raw_decode(text, at)
        parts.append(text[at:end].encode())
        at = _skip(text=text, at=end)
        if _expect(text=text, at=at, allowed=",]") == "]":
            return parts
        at = _skip(text=text, at=at + 1)


def _count(body: bytes) -> int | None:
    return int(body) if body.isdigit() and len(body) < MAX_NUMBER_CHARACTERS else None


def _text(body: bytes) -> str:
    if not body.startswith(b'"'):
        return ""
    plain = body[1:-1].decode()
    if plain.isascii() and plain.isprintable() and "\\" not in plain:
        return plain  # like almost every address: there is nothing to unescape
    value = json.loads(body.decode())
    return value if isinstance(value, str) and value.isprintable() else ""
