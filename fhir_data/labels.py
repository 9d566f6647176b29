"""The security labels that a resource carries, and those of the resources within it. Pure.

They are `meta.security`, a document's own `securityLabel`, a composition's `confidentiality` and labels of single
elements. A label that is there and cannot be read is one without a system and a code: nobody can tell what it says.
Source: FHIR R4 and STU3, security labels; DocumentReference; Composition; FHIR Data Segmentation for Privacy, inline
labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_data.access import JsonObject, listed, mapping, text
from fhir_data.flaws import is_like_a_label
from fhir_data.limits import MAX_VALUES
from fhir_data.size import holds_more_values

_INLINE = re.compile(r"(?<!has-)inline-sec-label", re.IGNORECASE)
# A tag is no label, unless it is of this system: then its writer took one for the other.
_CONFIDENTIALITY = re.compile(r"confidentiality|\b2\.16\.840\.1\.113883\.5\.25\b", re.IGNORECASE)
# Where a resource stands within another, whether or not it says of what type it is.
_HOLD_RESOURCES = frozenset({"contained", "resource"})
# The members of a Bundle, and of its entries, that may say how confidential it is.
_AROUND = ("meta", "securityLabel", "confidentiality", "extension", "modifierExtension")
# Members of FHIR that are named like a label and are none.
_NO_LABELS = frozenset({"securityContext"})


@dataclass(frozen=True, kw_only=True)
class Label:
    """A security label: FHIR `meta.security` coding."""

    system: str
    code: str


UNREADABLE = Label(system="", code="")


def labels_of(*, resource: bytes) -> tuple[Label, ...]:
    """Return the security labels of a resource, each once and in order, without space around them.

    Raises: ValueError for what is not JSON.
    """
    if not _may_hold_labels(resource):
        return ()
    return labels_in(_parsed(resource))


def labels_of_refused(*, entry: bytes) -> tuple[Label, ...]:
    """Return the labels of an entry that was refused: also those under a name like that of a label, or of a repeated
    member. None where the entry is not even JSON.

    One that holds too much to be parsed has an unreadable label where it may have any.
    """
    if holds_more_values(body=entry, than=MAX_VALUES):
        return (UNREADABLE,) if _may_hold_labels(entry) else ()
    try:
        return tuple(dict.fromkeys(_labels_within(_parsed(entry), loosely=True)))
    except (ValueError, RecursionError):
        return ()


def labels_in(resource: object, /) -> tuple[Label, ...]:
    """Return the security labels of a parsed resource and of those within it, each once and in order."""
    return tuple(dict.fromkeys(_labels_within(resource, loosely=False)))


def own_labels_in(resource: JsonObject, /) -> tuple[Label, ...]:
    """Return the security labels of a parsed resource, without those of the resources that it contains."""
    return labels_in({name: value for name, value in resource.items() if name != "contained"})


def labels_around(members: Mapping[str, bytes], /) -> tuple[Label, ...]:
    """Return the security labels of a Bundle or of one of its entries, without those of what it contains, from its
    members as sent.

    Raises: ValueError for what is not JSON.
    """
    said = {name: _parsed(members[name]) for name in _AROUND if name in members}
    return labels_in(said) if said else ()


def _may_hold_labels(body: bytes, /) -> bool:
    """Return whether one of the marks is there that stand in whatever says how confidential it is, in any case.

    `\\u` may spell any of them otherwise. Every entry is searched, and a single sign is found much faster than two.
    """
    plain = body.lower()
    return (
        b"ecurity" in plain
        or b"onfidentiality" in plain
        or b"sec-label" in plain
        or b".113883.5.25" in plain
        or (b"\\" in plain and b"\\u" in plain)
    )


def _parsed(body: bytes) -> Any:
    return json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=_with_all)


def _with_all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which a member that was sent several times holds all that it was sent with."""
    whole = dict(pairs)
    if len(whole) < len(pairs):
        sent: dict[str, list[Any]] = {}
        for name, value in pairs:
            sent.setdefault(name, []).append(value)
        for name, values in sent.items():
            if len(values) > 1:
                whole[name] = [each for value in values for each in listed(value)]
    return whole


def _labels_within(value: object, *, loosely: bool, is_root: bool = True) -> Iterator[Label]:
    if isinstance(value, list):
        for element in value:
            yield from _labels_within(element, loosely=loosely, is_root=is_root)
    elif isinstance(value, dict):
        if is_root or "resourceType" in value:
            yield from _labels_of_one(value, loosely=loosely)
        if _INLINE.search(text(value.get("url"))):
            said = [member for name, member in value.items() if name.startswith("value")]
            yield from (label for member in said or [{"text": "none"}] for label in _labels_of_concept(member))
        for name, member in value.items():
            if isinstance(member, dict | list):
                yield from _labels_within(member, loosely=loosely, is_root=name in _HOLD_RESOURCES)


def _labels_of_one(resource: JsonObject, *, loosely: bool) -> Iterator[Label]:
    yield from _labels_in_meta(resource.get("meta"))
    for concept in listed(resource.get("securityLabel")):
        yield from _labels_of_concept(concept)
    for confidentiality in listed(resource.get("confidentiality")):
        yield from _labels_of_concept(confidentiality)
    if loosely:
        for name, value in resource.items():
            if name not in ("meta", "securityLabel", "confidentiality", *_NO_LABELS) and is_like_a_label(name=name):
                # What else it says of itself is not told apart: a name that is nearly right may hold anything.
                yield from _labels_in_meta(value) if mapping(value).get("security") else [UNREADABLE]


def _labels_in_meta(meta: object) -> Iterator[Label]:
    for one in listed(meta):
        if isinstance(one, dict):
            yield from _labels_of_codings(one.get("security"))
            tags = _labels_of_codings(one.get("tag"))
            yield from (tag for tag in tags if _CONFIDENTIALITY.search(tag.system))
        else:
            yield UNREADABLE


def _labels_of_concept(concept: object) -> Iterator[Label]:
    """Yield what a CodeableConcept says, or a code or a Coding in the place of one; words alone cannot be compared."""
    sent = mapping(concept)
    if listed(sent.get("coding")):
        yield from _labels_of_codings(sent["coding"])
    elif any(value not in (None, "", []) for name, value in sent.items() if name not in ("system", "code")):
        yield UNREADABLE if "code" not in sent else Label(system=text(sent.get("system")), code=text(sent["code"]))
    else:
        yield from _labels_of_codings(concept)


def _labels_of_codings(codings: object) -> Iterator[Label]:
    for coding in listed(codings):
        if isinstance(coding, dict):
            if any(value is not None for value in coding.values()):
                yield Label(system=text(coding.get("system")).strip(), code=text(coding.get("code")).strip())
        elif isinstance(coding, str):
            yield Label(system="", code=coding.strip())
        elif coding is not None:
            yield UNREADABLE
