"""What a retraction takes back, what it only marks, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import ConflictKind, Entry, LongitudinalRecord, Standing
from tests.factories import concept, condition, item, observation, order, procedure

Json = dict[str, Any]

ERROR = concept(code="entered-in-error")
NAMED = [{"system": "https://records.example/id", "value": "7"}]
PLAN = [{"reference": "MedicationRequest/plan"}]
MOMENT = "2024-05-01T09:00:00Z"


def here(resource: Json) -> Item:
    return item(resource=resource, source="practice")


def there(resource: Json) -> Item:
    return item(resource=resource, source="hospital")


def entries(record: LongitudinalRecord) -> list[Entry]:
    return [entry for section in record.sections for entry in section.entries]


def fates(*items: Item) -> list[str]:
    """Return what became of each item that was not itself entered in error: taken back, marked, or left alone."""
    record = merge(items=items)
    fate: dict[str, str] = {}
    for entry in entries(record):
        marked = any(conflict.kind is ConflictKind.RETRACTION for conflict in entry.conflicts)
        taken_back = entry.standing is Standing.RETRACTED
        for each in entry.items:
            fate[each.id] = "taken back" if taken_back else "marked" if marked else "left alone"
    return [fate[each.id] for each in items if b"entered-in-error" not in each.resource]


def bare(when: str = "", **members: Any) -> Json:
    """Return a retraction that says no more than its identifier and, where there is one, its date."""
    dated = {"performedDateTime": when} if when else {}
    return {"resourceType": "Procedure", "status": "entered-in-error", "identifier": NAMED, **dated, **members}


def done(when: str = "", code: str = "80146002", id: str = "", **members: Any) -> Json:
    dated = {"performedDateTime": when} if when else {}
    return procedure(code=code, id=id or f"p{when}{code}", identifier=NAMED, **dated, **members)


# By its name


@pytest.mark.parametrize(
    ("retracted", "held", "expected"),
    [
        ("2024-05-01", ["2024-05-01"], ["taken back"]),
        ("2024-05-01", ["2024-05-02"], ["left alone"]),
        ("2024", ["2024-05-01"], ["taken back"]),
        ("2024-05-01", ["2024"], ["taken back"]),
        ("", ["2024-05-01"], ["taken back"]),
        ("2024-05-01", [""], ["taken back"]),
        ("2024-05-01", ["2024-05-01", "2024-05-02"], ["taken back", "left alone"]),
        ("2024", ["2024-05-01", "2024-06-01"], ["marked", "marked"]),
        ("2024", ["2024-05-01", "2023-05-01"], ["taken back", "left alone"]),
        ("", ["2024-05-01", "2024-06-01"], ["marked", "marked"]),
    ],
)
def test_a_bare_retraction_takes_back_the_one_thing_that_its_name_and_date_can_mean(
    retracted: str, held: list[str], expected: list[str]
) -> None:
    assert fates(here(bare(retracted)), *(here(done(when)) for when in held)) == expected


@pytest.mark.parametrize(
    ("code", "expected"), [("80146002", ["taken back", "left alone"]), ("174041007", ["left alone", "taken back"])]
)
def test_a_retraction_that_says_what_it_is_about_takes_back_only_that(code: str, expected: list[str]) -> None:
    gone = bare("2024", code=concept(code=code))
    held = [done("2024-05-01"), done("2024-05-01", code="174041007")]
    assert fates(here(gone), *(there(resource) for resource in held)) == expected


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        (order(id="i", identifier=NAMED, basedOn=PLAN, authoredOn="2024-02-01"), "taken back"),
        (order(id="i", basedOn=PLAN, authoredOn="2024-02-01"), "left alone"),
        (order(id="i", identifier=NAMED, authoredOn="2024-02-01"), "left alone"),
    ],
    ids=["an issue of its name", "an issue without a name", "its name on what is no issue of it"],
)
def test_with_an_authorisation_go_its_issues_of_the_same_name(issue: Json, expected: str) -> None:
    plan = order(id="plan", intent="plan", identifier=NAMED, status="entered-in-error", authoredOn="2024-01-01")
    assert fates(here(plan), here(issue)) == [expected]


def test_a_retraction_that_stands_with_its_copy_in_one_entry_marks_no_other_place() -> None:
    record = merge(items=[here(bare("2024-05-01")), there(done("2024-05-01"))])
    (entry,) = entries(record)
    assert entry.standing is Standing.RETRACTED
    assert [conflict.kind for conflict in entry.conflicts if conflict.kind is ConflictKind.RETRACTION] == []


# By what it says


def test_each_retraction_is_sought_though_another_means_nothing() -> None:
    # Facts are read in the order of their items' ids.
    gone = [
        item(resource=condition(code=code, verificationStatus=ERROR), id=id)
        for id, code in (("1", "195967001"), ("2", "73211009"))
    ]
    assert fates(*gone, item(resource=condition(), source="hospital", id="3")) == ["marked"]


@pytest.mark.parametrize(
    ("retracted", "held", "expected"),
    [
        ("7", "8", "left alone"),
        ("north|7", "south|8", "left alone"),
    ],
)
def test_another_number_of_one_system_is_another_thing(retracted: str, held: str, expected: str) -> None:
    system = "https://records.example/id"
    gone = condition(verificationStatus=ERROR, identifier=[{"system": system, "value": retracted}])
    kept = condition(identifier=[{"system": system, "value": held}])
    assert fates(here(gone), there(kept)) == [expected]


@pytest.mark.parametrize("identifier", [[], [{"system": "https://hospital.example/id", "value": "7"}]])
def test_a_number_of_another_system_tells_nothing_apart(identifier: list[Json]) -> None:
    gone = condition(verificationStatus=ERROR, identifier=NAMED)
    assert fates(here(gone), there(condition(identifier=identifier))) == ["marked"]


@pytest.mark.parametrize(
    ("retracted", "held", "expected"),
    [
        ([80], 80, "marked"),
        ([80], 90, "left alone"),
        ([80, 90], 90, "marked"),
        ([None], 90, "marked"),
        ([80, None], 90, "marked"),
        ([80], None, "marked"),
    ],
)
def test_a_result_of_another_value_is_not_what_was_taken_back(
    retracted: list[float | None], held: float | None, expected: str
) -> None:
    def measured(value: float | None, **members: Any) -> Json:
        quantity = {} if value is None else {"valueQuantity": {"value": value, "unit": "umol/L"}}
        return observation(effectiveDateTime=MOMENT, **quantity, **members)

    gone = [here(measured(value, status="entered-in-error", id=f"{value}")) for value in retracted]
    assert fates(*gone, there(measured(held))) == [expected]
