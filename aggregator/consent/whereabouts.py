"""Where a patient lives, and how to reach them, is taken out of whatever is shown of one who must not be found. Pure.

Whoever is related to the patient may live with them: they are not shown, nor told of within other entries. Of a place
neither address, position nor telephone is told, since one that is the patient's home does not always say so; where it
says so, or is where somebody was visited at home, its name goes, too. Addresses and telephones elsewhere, as in an
extension, are told of those who give care alone. With what is taken out goes the narrative, which says it again. What
letters and other free text say cannot be recognised: they are shown as they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import structs

from aggregator.consent.pointers import still_holds
from aggregator.record.item import Item
from aggregator.record.references import Targets
from fhir_data import exact_json
from fhir_data.access import listed, mapping, mappings, text
from fhir_data.heads import type_of
from fhir_data.labels import UNREADABLE
from fhir_data.references import text_of_reference

_RELATED = frozenset({"RelatedPerson", "Person"})
_LEFT_OF_PERSON = {
    "Patient": frozenset(
        "resourceType id meta identifier active name gender birthDate deceasedBoolean deceasedDateTime".split()
    ),
    **dict.fromkeys(_RELATED, frozenset("resourceType id meta relationship patient".split())),
}
_TELLS_PLACE = frozenset("address telecom position description _description extension".split())
_LEFT_OF_HOME = frozenset("resourceType id meta status mode type physicalType".split())
_GIVES_CARE = frozenset(
    "Organization OrganizationAffiliation Practitioner PractitionerRole HealthcareService Endpoint CareTeam".split()
)
# What says what kind of place it is, or what kind of visit.
_SAYS_KIND = ("class", "type", "serviceType", "appointmentType", "locationCode", "physicalType")
# FHIR location-physical-type; v3 ActCode and RoleCode; SNOMED CT: home, the patient's home, home visit.
_HOME_CODES = frozenset({"ho", "hh", "ptres", "264362003", "394778007", "439708006"})
_HOME_WORDS = re.compile(r"\b(home|house|residence|residential)\b", re.IGNORECASE)
_HOME_NAME = re.compile(r"\b(home|residence|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2})\b", re.IGNORECASE)  # or a postcode
_GEOLOCATION = "http://hl7.org/fhir/StructureDefinition/geolocation"
# The members that refer to places, beside those that have "location" in their name.
_NAMES_PLACE = frozenset({"origin", "destination", "deliverTo"})
_GONE = object()

IsHome = Callable[[str], bool]


def without_whereabouts(*, items: Iterable[Item]) -> tuple[Item, ...]:
    """Return items of one who must not be found, in order; nothing permits one that is a person related to them.

    Source: FHIR R4, Location, Encounter.location; the Personal Demographics Service withholds address, telecom, contact
    and practice of a patient who is marked as sensitive.
    """
    items = tuple(items)
    places = Targets(items=[item for item in items if type_of(entry=item.resource) == "Location"])
    homes = frozenset(
        place.id
        for item in items
        for body in _bodies(item)
        for reference in _to_homes(exact_json.decode(body))
        for place in places.find_likely(item=item, reference=reference)
    )
    return tuple(_without(item, homes=homes, places=places) for item in items)


def _bodies(item: Item, /) -> tuple[bytes, ...]:
    return (item.resource,) if item.original is None else (item.resource, item.original)


def _without(item: Item, /, *, homes: AbstractSet[str], places: Targets) -> Item:
    if type_of(entry=item.resource) in _RELATED:
        return structs.replace(item, labels=(*item.labels, UNREADABLE))

    def leads_home(reference: str) -> bool:
        return any(place.id in homes for place in places.find_likely(item=item, reference=reference))

    before = [exact_json.decode(body) for body in _bodies(item)]
    after = [_pruned_whole(sent, is_home=item.id in homes, leads_home=leads_home) for sent in before]
    if after == before:
        return item
    resource, *original = (exact_json.encode(left) for left in after)
    notes = tuple(note for note in item.notes if still_holds(note, sent=before[-1], left=after[-1]))
    return structs.replace(item, resource=resource, original=original[0] if original else None, notes=notes)


def _pruned_whole(sent: Any, /, *, is_home: bool, leads_home: IsHome) -> Any:
    """Return a whole entry without what tells where the patient lives."""
    contained = {f"#{text(each.get('id'))}": each for each in mappings(listed(mapping(sent).get("contained")))}
    homes = {reference for reference in _to_homes(sent) if reference in contained}
    homes |= {reference for reference, each in contained.items() if _is_place(each) and _is_home(each)}
    pruner = _Pruner(homes=homes, leads_home=leads_home)
    return pruner.resource(sent, is_home=is_home) if isinstance(sent, dict) else sent


class _Pruner:
    """Takes out of one entry what tells where the patient lives. `homes` are what is contained in it and is one."""

    def __init__(self, *, homes: AbstractSet[str], leads_home: IsHome) -> None:
        self._homes = homes
        self._leads_home = leads_home

    def resource(self, sent: dict[str, Any], /, *, is_home: bool = False) -> dict[str, Any]:
        """Return a resource, be it an entry or within one, without what tells it."""
        kind = text(sent.get("resourceType"))
        left = sent
        if kind in _LEFT_OF_PERSON:
            left = {name: value for name, value in sent.items() if name in _LEFT_OF_PERSON[kind]}
        elif _is_place(sent) and (is_home or _is_home(sent) or f"#{text(sent.get('id'))}" in self._homes):
            left = {name: _coded(value) for name, value in sent.items() if name in _LEFT_OF_HOME}
        elif _is_place(sent):
            left = {name: value for name, value in sent.items() if name not in _TELLS_PLACE}
        kept = self._members(left, gives_care=kind in _GIVES_CARE, at_home=not _is_place(sent) and _says_home(sent))
        if kept != sent and isinstance(kept.get("text"), dict) and "div" in kept["text"]:
            del kept["text"]
        return kept

    def _members(self, sent: dict[str, Any], /, *, gives_care: bool, at_home: bool) -> dict[str, Any]:
        kept = {}
        for name, member in sent.items():
            left = _GONE
            if gives_care or not _is_whereabouts(name):
                left = self._value(member, name=name, gives_care=gives_care, at_home=at_home)
            if left is not _GONE:
                kept[name] = left
        return kept

    def _value(self, value: Any, /, *, name: str, gives_care: bool, at_home: bool) -> Any:
        if isinstance(value, list):
            parts = [self._value(each, name=name, gives_care=gives_care, at_home=at_home) for each in value]
            left = [part for part in parts if part is not _GONE]
            return left if left or not value else _GONE
        if not isinstance(value, dict):
            return value
        if "resourceType" in value:
            return self.resource(value)
        if not gives_care and text(value.get("url")) == _GEOLOCATION:
            return _GONE
        at_home = at_home or _says_home_of_part(value)
        kept = self._members(value, gives_care=gives_care, at_home=at_home)
        if not kept.keys() - {"url", "id"} and kept != value:
            return _GONE
        if "display" in kept and _names_place(value, name=name) and (at_home or self._is_home(value)):
            del kept["display"]
        return kept or _GONE if value else kept

    def _is_home(self, reference: dict[str, Any], /) -> bool:
        literal = text_of_reference(reference)
        return (
            bool(_HOME_NAME.search(text(reference.get("display"))))
            or literal in self._homes
            or bool(literal and self._leads_home(literal))
        )


def _is_whereabouts(name: str) -> bool:
    """Return whether a member of this name holds an address or a telephone."""
    return name.lstrip("_") in ("address", "telecom", "valueContactPoint") or name.endswith("Address")


def _to_homes(value: Any, /, *, name: str = "", at_home: bool = False) -> Iterator[str]:
    """Yield the references of an entry to places that are the patient's home, by what is said where they stand."""
    for element in listed(value):
        if not isinstance(element, dict):
            continue
        if "resourceType" in element:
            here = not _is_place(element) and _says_home(element)
        else:
            here = at_home or _says_home_of_part(element)
        is_said = here or _HOME_NAME.search(text(element.get("display")))
        if is_said and _names_place(element, name=name) and (reference := text_of_reference(element)):
            yield reference
        for member_name, member in element.items():
            if isinstance(member, dict | list):
                yield from _to_homes(member, name=member_name, at_home=here)


def _is_place(resource: dict[str, Any]) -> bool:
    return resource.get("resourceType") == "Location"


def _is_home(place: dict[str, Any]) -> bool:
    """Return whether a Location says that it is somebody's home: by its kind or by its name."""
    return _says_home(place) or bool(_HOME_NAME.search(text(place.get("name"))))


def _says_home(sent: dict[str, Any]) -> bool:
    """Return whether a place, or a visit, is of a kind that is a home or at one."""
    return any(_is_home_kind(kind) for name in _SAYS_KIND for kind in listed(sent.get(name)))


def _says_home_of_part(element: dict[str, Any]) -> bool:
    """Return whether a part of an entry, as Encounter.location, says of its place that it is a home."""
    return any(_is_home_kind(kind) for kind in listed(element.get("physicalType")))


def _is_home_kind(kind: Any) -> bool:
    concept = mapping(kind)
    codings = [concept, *mappings(listed(concept.get("coding")))]
    words = [text(kind), text(concept.get("text")), *(text(coding.get("display")) for coding in codings)]
    codes = {text(coding.get("code")).strip().casefold() for coding in codings}
    return not codes.isdisjoint(_HOME_CODES) or any(_HOME_WORDS.search(said) for said in words)


def _names_place(element: dict[str, Any], /, *, name: str) -> bool:
    """Return whether an element is a reference to a place, by its member's name, its type or where it leads."""
    said = (name, text(element.get("type")), text(element.get("reference")))
    return "resourceType" not in element and (
        name in _NAMES_PLACE or any("location" in words.casefold() for words in said)
    )


def _coded(value: Any) -> Any:
    """Return a concept, or concepts, without the words that somebody wrote."""
    if isinstance(value, list):
        return [_coded(each) for each in value]
    return {name: each for name, each in value.items() if name != "text"} if isinstance(value, dict) else value
