"""What the entries of an answer are called in R4. Pure.

A referral and a diary entry are both a ServiceRequest there, so two entries of one answer could come to share a name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fhir_data.references import is_id, split_absolute, split_relative, without_version

# The STU3 types whose resources are of another type in R4. Source: FHIR R4, ServiceRequest, "R3 Diff".
R4_TYPES: Mapping[str, str] = {"ProcedureRequest": "ServiceRequest", "ReferralRequest": "ServiceRequest"}
# Where one id is used under several of these types, the first keeps it.
_SHARING = ("ServiceRequest", *R4_TYPES)
# One pattern for each: a pattern that begins with a fixed text is found many times as fast.
_MENTIONS = {kind: re.compile(rb'%s\\?/([^"/#?\s\\]{1,255})' % kind.encode()) for kind in _SHARING}


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one answer. `changed` are the ids, by `Type/id`, that would otherwise be used twice.

    `lifted` are the names of what was taken out of Lists, by how others name it there: `List/id#its-id`.
    """

    changed: Mapping[str, str] = field(default_factory=dict)
    lifted: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)  # nearly every entry names the same few

    def r4_id(self, *, kind: str, key: str) -> str:
        """Return the id that a resource of an STU3 type gets in R4."""
        changed = self.changed.get(f"{kind}/{key}") if self.changed else None
        return changed or r4_id(text=key)

    def r4_reference(self, *, text: str) -> str:
        """Return a reference to what its target is called in R4; one that leads elsewhere stays as it is."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._renamed(text)
        return known

    def _renamed(self, text: str, /) -> str:
        if text in self.lifted:
            return self.r4_reference(text=self.lifted[text])
        kind, key = split_relative(reference=text)
        if kind:
            return f"{R4_TYPES.get(kind, kind)}/{self.r4_id(kind=kind, key=key)}"
        return self._unusual(text) if "Request" in text or "/_history/" in text else text

    def _unusual(self, text: str, /) -> str:
        """Return a reference with a version, to a server or by a search as its target is called in R4."""
        bare = without_version(reference=text)
        version = text.removeprefix(bare)
        if split_relative(reference=bare)[0]:
            return f"{self.r4_reference(text=bare)}{version}"
        base, name = split_absolute(reference=bare)
        kind, _, key = name.partition("/")
        if kind in R4_TYPES:
            return f"{base}/{R4_TYPES[kind]}/{self.r4_id(kind=kind, key=key)}{version}"
        kind, mark, search = text.partition("?")
        return f"{R4_TYPES[kind]}?{search}" if mark and kind in R4_TYPES else text


def names_in(*, entries: Iterable[bytes], names: Iterable[str]) -> Names:
    """Return the names of an answer, from the bytes of its entries and the `Type/id` of those that have one.

    What is only mentioned counts too: a reference to an absent referral must not lead to a diary entry.
    """
    requesting = [entry for entry in entries if b"Request" in entry]  # as each of these types is called
    holders: dict[str, set[str]] = {}
    for kind, mention in _MENTIONS.items():
        word = kind.encode()
        mentioning = [entry for entry in requesting if word in entry]
        for key in {key for entry in mentioning for key in mention.findall(entry)}:
            holders.setdefault(key.decode(errors="replace"), set()).add(kind)
    for name in names:
        kind, _, key = name.partition("/")
        if key and kind in _MENTIONS:
            holders.setdefault(key, set()).add(kind)
    changed: dict[str, str] = {}
    for key, kinds in holders.items():
        for kind in [kind for kind in _SHARING if kind in kinds][1:]:
            changed[f"{kind}/{key}"] = r4_id(text=f"{key} {kind}")
    return Names(changed=changed)


def r4_id(*, text: str) -> str:
    """Return an id that FHIR allows: the same if it is one, otherwise one that no other id is turned into."""
    if is_id(text=text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', text)[:51]}-{digest}"
