"""Plain entries, known again by a hash of their bytes, so that a record that is read again is not judged again.

An entry is plain that is sound, carries no label and is an item by itself, whatever else its answer holds; a Provenance
is one by what says whose it is, which tells what it is about as well. Only the hash is kept, with its type and the part
of the record that it belongs to: whose it is is read off its bytes each time. The hash has a random key, since what a
short entry says could be guessed.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import Any, TypedDict

import msgspec

from connectors.contract.categories import RecordCategory
from connectors.reading import JudgedEntry
from fhir_data.belonging import members_that_say_whose
from fhir_data.verdict import ValidEntry

# Of so many entries each, a new generation and the one before: about eighty records of 200 KB, in 10 MB.
GENERATION = 32_768
_KEY_BYTES, _DIGEST_BYTES = 64, 16
# What becomes of these depends on the other entries, or is no item.
_NOT_BY_THEMSELVES = frozenset({"Patient", "Composition", "OperationOutcome"})

_TYPED_DICT: Any = TypedDict  # whose members are read off a table
_Decoder = msgspec.json.Decoder[dict[str, Any]]
_Known = tuple[RecordCategory, _Decoder]


class PlainEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the record that an entry belongs to, and of the entry its type, its id and what says whose it is."""

    category: RecordCategory
    head: dict[str, Any]

    @property
    def name(self) -> str:
        """The `Type/id` of the entry, "" where it has no id."""
        key = self.head.get("id")
        return f"{self.head['resourceType']}/{key}" if key else ""


class PlainEntries:
    """Which entries are known to be plain. Those not met for longest are forgotten as new ones come in."""

    def __init__(self, *, generation: int = GENERATION) -> None:
        self._generation = generation
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._new: dict[bytes, _Known] = {}
        self._old: dict[bytes, _Known] = {}

    def digest(self, entry: bytes, /) -> bytes:
        """Return the hash of an entry, for those who look for it and may add it, too."""
        # The key stands before it and not within an HMAC: nobody is shown a hash, so that none can be extended.
        return hashlib.sha256(self._key + entry).digest()[:_DIGEST_BYTES]

    def find(self, *, entry: bytes, digest: bytes | None = None) -> PlainEntry | None:
        """Return what an entry is, None for one that is not known to be plain."""
        digest = digest or self.digest(entry)
        known = self._new.get(digest)
        if known is None:
            known = self._old.get(digest)
            if known is None:
                return None
            self._keep(digest, known)
        category, heads = known
        return PlainEntry(category=category, head=heads.decode(entry))

    def add(self, *, judged: JudgedEntry, category: RecordCategory, digest: bytes | None = None) -> None:
        """Have an entry known from now on, if it is plain."""
        if self._generation and _is_plain(judged):
            self._keep(digest or self.digest(judged.sent), (category, _heads_of(judged.kind)))

    def _keep(self, digest: bytes, known: _Known) -> None:
        if len(self._new) >= self._generation:
            self._old, self._new = self._new, {}
        self._new[digest] = known


def _is_plain(judged: JudgedEntry) -> bool:
    return isinstance(judged.verdict, ValidEntry) and judged.kind not in _NOT_BY_THEMSELVES and not judged.own_labels


@cache
def _heads_of(kind: str, /) -> _Decoder:
    """Return what reads of a sound entry of a type what it is and whose."""
    members = dict.fromkeys(("resourceType", "id", *members_that_say_whose(kind=kind)), Any)
    return msgspec.json.Decoder(_TYPED_DICT("Head", members, total=False))
