"""Two things that differ in where, of whom, from what or when they are, are two: they never become one line."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aggregator.record.merge import merge
from aggregator.record.timeline import Entry
from tests.factories import concept, condition, immunisation, item, lines, observation, order, procedure, statement

Json = dict[str, Any]
LEFT, RIGHT = ({"coding": [{"system": "http://snomed.info/sct", "code": code}]} for code in ("7771000", "24028007"))
NEGATIVE: Json = {"effectiveDateTime": "2024-05-01T09:00:00Z", "valueString": "No growth"}
DAY: Json = {"performedDateTime": "2024-05-01"}
PARACETAMOL: Json = {"medicationCodeableConcept": concept(code="322236009"), "subject": {"reference": "Patient/1"}}


def entries(*sent: tuple[str, Json]) -> list[Entry]:
    items = [item(resource={"id": f"r{number}", **each}, source=source) for number, (source, each) in enumerate(sent)]
    orders = list(itertools.permutations(items)) if len(items) < 4 else [items]
    merged = [[entry for section in merge(items=each).sections for entry in section.entries] for each in orders]
    assert all(each == merged[0] for each in merged)
    return merged[0]


def sizes(*sent: tuple[str, Json]) -> list[int]:
    return sorted(len(entry.items) for entry in entries(*sent))


def given(at: str, **members: Any) -> Json:
    return {"resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": at} | (
        PARACETAMOL | members
    )


APART: list[tuple[Json, Json]] = [
    (procedure(bodySite=[LEFT], **DAY), procedure(bodySite=[RIGHT], **DAY)),
    (procedure(bodySite=[{"text": "Left knee"}], **DAY), procedure(bodySite=[{"text": "Right knee"}], **DAY)),
    (
        condition(bodySite=[LEFT], onsetDateTime="2024-05-01"),
        condition(bodySite=[RIGHT], onsetDateTime="2024-05-01"),
    ),
    (observation(bodySite=LEFT, **NEGATIVE), observation(bodySite=RIGHT, **NEGATIVE)),
    (observation(focus=[{"display": "Twin 1"}], **NEGATIVE), observation(focus=[{"display": "Twin 2"}], **NEGATIVE)),
    (
        observation(specimen={"reference": "Specimen/1"}, **NEGATIVE),
        observation(specimen={"reference": "Specimen/2"}, **NEGATIVE),
    ),
    (
        immunisation(lotNumber="A1", occurrenceDateTime="2024-05-01"),
        immunisation(lotNumber="B2", occurrenceDateTime="2024-05-01"),
    ),
    (
        immunisation(site=LEFT, occurrenceDateTime="2024-05-01"),
        immunisation(site=RIGHT, occurrenceDateTime="2024-05-01"),
    ),
    (
        immunisation(protocolApplied=[{"doseNumberPositiveInt": 1}], occurrenceDateTime="2024-05-01"),
        immunisation(protocolApplied=[{"doseNumberPositiveInt": 2}], occurrenceDateTime="2024-05-01"),
    ),
    (procedure(performedDateTime="2024-05-01T08:00:00Z"), procedure(performedDateTime="2024-05-01T16:00:00Z")),
    (given("2024-05-01T08:00:00Z"), given("2024-05-01T14:00:00Z")),
    (given("2024-05-01"), statement(status="completed", effectiveDateTime="2024-05-01")),
    (
        order(status="completed", authoredOn="2024-05-01", dosageInstruction=[{"text": "500 mg each morning"}]),
        order(status="completed", authoredOn="2024-05-01", dosageInstruction=[{"text": "1 g at night"}]),
    ),
    (
        order(status="completed", authoredOn="2024-05-01", dosageInstruction=[{"route": {"coding": [{"code": "PO"}]}}]),
        order(status="completed", authoredOn="2024-05-01", dosageInstruction=[{"route": {"coding": [{"code": "IV"}]}}]),
    ),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_differs_in_this_is_two_things(one: Json, other: Json) -> None:
    assert sizes(("hospital", one), ("hospital", other)) == [1, 1]


SAME_ELSEWHERE = [pair for pair in APART[:9] if "specimen" not in pair[0]]


@pytest.mark.parametrize(("one", "other"), SAME_ELSEWHERE)
def test_between_sources_too_and_what_does_not_say_joins_the_only_one_that_does(one: Json, other: Json) -> None:
    silent = {
        name: value
        for name, value in one.items()
        if name not in {"bodySite", "site", "focus", "lotNumber", "protocolApplied"}
    }
    assert sizes(("hospital", one), ("practice", other)) == [1, 1]
    assert sizes(("hospital", one), ("practice", one)) == [2]
    assert sizes(("hospital", one), ("practice", silent)) == [2]
    assert sizes(("hospital", one), ("hospital", other), ("practice", silent)) == [1, 1, 1]


def test_what_happened_twice_on_a_day_at_one_source_is_met_by_its_time_elsewhere() -> None:
    morning, evening = (procedure(performedDateTime=f"2024-05-01T{hour}:00:00Z") for hour in ("08", "16"))
    at_one = [("hospital", morning), ("hospital", evening)]
    assert sizes(*at_one, ("practice", morning)) == [1, 2]
    assert sizes(*at_one, ("practice", procedure(performedDateTime="2024-05-01"))) == [1, 1, 1]
    # Where each source has one, the day is enough.
    assert sizes(("hospital", morning), ("practice", procedure(performedDateTime="2024-05-01"))) == [2]


def test_where_on_the_body_stands_in_the_lines() -> None:
    assert ("Site", "Left knee") in lines(resource=procedure(bodySite=[{"text": "Left knee"}]))
    asked = {"resourceType": "ServiceRequest", "bodySite": [{"text": "Left knee"}]}
    assert ("Site", "Left knee") in lines(resource=asked)
