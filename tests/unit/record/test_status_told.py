"""How a thing stands is never left out of its words: in preparation, on hold, preliminary, cancelled, only proposed."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.merge import merge
from aggregator.record.timeline import Entry, Standing
from tests.factories import concept, condition, fact, item, observation, order, procedure, statement

Json = dict[str, Any]


def entry_of(*sent: tuple[str, Json]) -> Entry:
    items = [item(resource=resource, source=source) for source, resource in sent]
    (entry,) = [entry for section in merge(items=items).sections for entry in section.entries]
    return entry


def told(*sent: tuple[str, Json]) -> list[tuple[str, str]]:
    return [line for line in entry_of(*sent).details if line[0].startswith(("Status", "Intent"))]


def of_type(kind: str, **members: Any) -> Json:
    return {"resourceType": kind, **members}


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        (procedure(status="preparation"), "preparation"),
        (procedure(status="on-hold"), "on-hold"),
        (procedure(status="stopped"), "stopped"),
        (procedure(status="unknown"), "unknown"),
        (observation(status="preliminary"), "preliminary"),
        (observation(status="corrected"), "corrected"),
        (order(status="on-hold"), "on-hold"),
        (order(status="cancelled"), "cancelled"),
        (order(status="draft"), "draft"),
        (statement(status="intended"), "intended"),
        (of_type("Encounter", status="planned"), "planned"),
        (of_type("Appointment", status="proposed"), "proposed"),
        (of_type("CarePlan", status="revoked"), "revoked"),
        (of_type("Goal", lifecycleStatus="rejected"), "rejected"),
        (of_type("DocumentReference", status="superseded"), "superseded"),
        (of_type("DocumentReference", status="current", docStatus="preliminary"), "preliminary"),
        (of_type("FamilyMemberHistory", status="partial"), "partial"),
        (condition() | {"clinicalStatus": concept(code="remission", system="c")}, "remission"),
        (of_type("DeviceRequest", status="revoked"), "revoked"),
    ],
)
def test_a_status_that_no_tag_tells_is_told(resource: Json, status: str) -> None:
    assert told(("hospital", resource)) == [("Status", status)]


@pytest.mark.parametrize(
    "resource",
    [
        procedure(),
        procedure(status="not-done"),
        observation(),
        observation(status="unknown"),
        order(),
        order(status="completed"),
        order(status="unknown"),
        order(status="entered-in-error"),
        of_type("Encounter", status="finished"),
        of_type("DocumentReference", status="current", docStatus="final"),
    ],
)
def test_what_is_said_already_is_not_told_again(resource: Json) -> None:
    assert told(("hospital", resource)) == []


@pytest.mark.parametrize("intent", ["proposal", "option", "plan"])
def test_what_is_no_order_says_so(intent: str) -> None:
    assert told(("hospital", order(intent=intent))) == [("Intent", intent)]
    assert told(("hospital", order(intent="order"))) == []
    assert told(("hospital", of_type("CarePlan", status="active", intent="plan"))) == []


@pytest.mark.parametrize("intent", ["proposal", "option"])
def test_what_is_only_thought_of_is_not_current_and_joins_no_order(intent: str) -> None:
    assert fact(resource=order(intent=intent)).standing is Standing.UNKNOWN
    both = [item(resource=order(intent=intent), source="a"), item(resource=order(), source="b")]
    (section,) = merge(items=both).sections
    assert len(section.entries) == 2


def test_of_several_sources_each_status_is_told_once_and_with_who_says_it() -> None:
    held, active = order(status="on-hold"), order()
    assert sorted(told(("a", held), ("b", active))) == [("Status, a", "on-hold"), ("Status, b", "active")]
    assert told(("a", held), ("b", held)) == [("Status", "on-hold")]


def test_an_issue_that_ended_says_nothing_of_the_prescription_that_goes_on() -> None:
    plan = order(id="plan")
    issue = order(id="issue", status="stopped", basedOn=[{"reference": "MedicationRequest/plan"}])
    assert told(("a", plan), ("a", issue)) == []


@pytest.mark.parametrize(
    "resource",
    [
        of_type("Goal", lifecycleStatus="entered-in-error"),
        of_type("DocumentReference", status="current", docStatus="entered-in-error"),
    ],
)
def test_what_is_taken_back_by_a_status_of_its_own_is_taken_back(resource: Json) -> None:
    assert entry_of(("hospital", resource)).standing is Standing.RETRACTED
    misspelt = {name: "Entered in error" if value == "entered-in-error" else value for name, value in resource.items()}
    assert entry_of(("hospital", misspelt)).may_be_in_error
