"""Where somebody lives who must not be found is told by no entry, wherever in it that stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.consent.whereabouts import without_whereabouts
from aggregator.record.item import Item
from fhir_data.labels import UNREADABLE
from tests.factories import condition, item

ADDRESS = {"line": ["4 Mill Lane"], "postalCode": "TM1 1AA"}
PHONE = {"system": "phone", "value": "01632960001"}
LIVES = {"address": [ADDRESS], "telecom": [PHONE]}
NARRATIVE = {"status": "generated", "div": "<div>4 Mill Lane</div>"}
TOLD = (b"Mill Lane", b"TM1 1AA", b"01632960001", b"50.35")
HOUSE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/location-physical-type", "code": "ho"}]}
RESIDENCE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "PTRES"}]}
AT_HOME = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH"}
PLACE = {"resourceType": "Location", "id": "l", "address": ADDRESS, "telecom": [PHONE], "text": NARRATIVE}
POSITION = {"position": {"latitude": 50.35, "longitude": -4.1}, "description": "4 Mill Lane, at the back"}


def left(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is left of resources of one answer; each of them tells where somebody lives, and then none does."""
    items = [item(resource=resource) for resource in resources]
    assert any(told in each.resource for told in TOLD for each in items)
    without = without_whereabouts(items=items)
    assert [told for told in TOLD for each in without if told in each.resource] == []
    assert not any(each.labels for each in without)
    return [json.loads(each.resource) for each in without]


@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson", "Person"])
def test_a_person_within_an_entry_has_no_address_and_keeps_their_place(kind: str) -> None:
    contact = {"name": {"family": "Ferris"}, **LIVES}
    person = {"resourceType": kind, "id": "p", "contact": [contact], "text": NARRATIVE, **LIVES}
    (shown,) = left(condition(contained=[person], asserter={"reference": "#p"}, text=NARRATIVE))
    assert shown["contained"] == [{"resourceType": kind, "id": "p"}]
    assert shown["asserter"] == {"reference": "#p"}
    assert "text" not in shown


@pytest.mark.parametrize("kind", ["RelatedPerson", "Person"])
def test_nothing_permits_an_entry_that_is_a_related_person(kind: str) -> None:
    related = item(resource={"resourceType": kind, "id": "p", **LIVES}, labels=())
    assert [each.labels for each in without_whereabouts(items=[related])] == [(UNREADABLE,)]


@pytest.mark.parametrize(
    "says",
    [
        {"physicalType": HOUSE},
        {"type": [RESIDENCE]},
        {"type": RESIDENCE},
        {"type": [{"text": "Patient's home: 4 Mill Lane"}]},
        {"physicalType": {"coding": [{"display": "Residential building"}]}},
        {"alias": ["4 Mill Lane"], "name": "Home of J Ferris"},
        {"name": "Joan's, TM11AA"},
    ],
)
def test_a_home_has_neither_address_nor_name(says: dict[str, Any]) -> None:
    home = {"name": "4 Mill Lane", **PLACE, **POSITION, **says}
    (shown,) = left(home)
    assert shown.keys() <= {"resourceType", "id", "type", "physicalType"}
    visit = {"resourceType": "Encounter", "id": "e", "contained": [home]}
    (within,) = left({**visit, "location": [{"location": {"reference": "#l", "display": "4 Mill Lane"}}]})
    assert within["contained"] == [shown]
    assert within["location"] == [{"location": {"reference": "#l"}}]


def test_another_place_keeps_its_name_alone() -> None:
    (shown,) = left({**PLACE, **POSITION, "name": "Fracture clinic", "status": "active"})
    assert shown == {"resourceType": "Location", "id": "l", "name": "Fracture clinic", "status": "active"}


@pytest.mark.parametrize(
    "visit",
    [
        {"resourceType": "Encounter", "class": AT_HOME, "location": [{"location": {}}]},
        {"resourceType": "Encounter", "type": [{"text": "Home visit"}], "location": [{"location": {}}]},
        {"resourceType": "Encounter", "location": [{"location": {}, "physicalType": HOUSE}]},
        {"resourceType": "Appointment", "appointmentType": {"text": "Home visit"}, "participant": [{"actor": {}}]},
        {"resourceType": "ServiceRequest", "locationCode": [RESIDENCE], "locationReference": [{}]},
    ],
)
def test_where_somebody_was_visited_at_home_is_not_named(visit: dict[str, Any]) -> None:
    to_place = json.dumps({"reference": "Location/l", "display": "4 Mill Lane"})
    written = json.loads(json.dumps(visit).replace("{}", to_place))
    (place, shown) = left({**PLACE, "name": "4 Mill Lane"}, {**written, "id": "v"})
    assert place == {"resourceType": "Location", "id": "l"}
    assert "Location/l" in json.dumps(shown)


def test_a_place_by_words_alone_is_not_named_where_it_is_a_home() -> None:
    told = {"display": "At home, 4 Mill Lane"}
    (shown,) = left({"resourceType": "Encounter", "id": "e", "location": [{"location": told}], "status": "finished"})
    assert shown == {"resourceType": "Encounter", "id": "e", "status": "finished"}


def test_an_address_in_an_extension_is_told_of_those_who_give_care_alone() -> None:
    url = "https://fhir.example/StructureDefinition/lives"
    extensions = [
        {"url": url, "valueAddress": ADDRESS},
        {"url": url, "valueContactPoint": PHONE},
        {"url": url, "extension": [{"url": "at", "valueAddress": ADDRESS}]},
        {
            "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
            "extension": [{"url": "latitude", "valueDecimal": 50.35}],
        },
        {"url": url, "valueString": "kept"},
    ]
    (shown,) = left(condition(extension=extensions, subject={"reference": "Patient/1", "extension": extensions}))
    assert shown["extension"] == shown["subject"]["extension"] == extensions[-1:]
    surgery = item(resource={"resourceType": "Organization", "id": "o", "extension": extensions, **LIVES})
    assert without_whereabouts(items=[surgery]) == (surgery,)


def test_what_was_sent_is_cleared_as_what_was_translated_and_notes_about_it_go() -> None:
    sent = {**condition(), "contained": [{"resourceType": "Patient", "id": "p", **LIVES}], "note": "7.10"}
    told: Item = item(
        resource=sent,
        original=json.dumps(sent).encode(),
        notes=("Condition.contained: more than one", "Condition.note: not a list"),
    )
    (shown,) = without_whereabouts(items=[told])
    assert shown.original is not None
    assert not any(said in body for said in TOLD for body in (shown.resource, shown.original))
    assert shown.notes == ("Condition.note: not a list",)


def test_what_tells_nothing_is_left_as_it_came() -> None:
    kept = item(resource=condition(text=NARRATIVE, note=[{"text": "At home since Monday."}]))
    assert without_whereabouts(items=[kept]) == (kept,)
