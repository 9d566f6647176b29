"""Grouping, conflicts and order, case by case; the laws are in tests/property."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import Conflict, DetailLabel, Entry, LongitudinalRecord, Section, Standing
from connectors.contract.categories import RecordCategory
from tests.factories import (
    allergy,
    concept,
    condition,
    immunisation,
    item,
    no_known_allergy,
    observation,
    order,
    procedure,
    statement,
)

ORAL = {"text": "one a day", "route": concept(code="26643006", display="Oral")}
INHALED = {"text": "one a day", "route": concept(code="18679011000001101", display="Inhaled")}
NAMED = [{"system": "https://records.example/id", "value": "7"}]
MOMENT = "2024-05-01T09:00:00Z"


def merged(*items: Item) -> LongitudinalRecord:
    return merge(items=items)


def entries(*items: Item) -> list[Entry]:
    return [entry for section in merged(*items).sections for entry in section.entries]


def rules(*items: Item) -> list[str]:
    return sorted(entry.rule for entry in entries(*items))


def conflicts(*items: Item) -> list[tuple[str, str]]:
    return [(conflict.kind, conflict.statement) for conflict in merged(*items).conflicts]


def here(resource: dict[str, Any], **values: Any) -> Item:
    return item(resource=resource, source="practice", **values)


def there(resource: dict[str, Any], **values: Any) -> Item:
    return item(resource=resource, source="hospital", **values)


# What joins


@pytest.mark.parametrize("make", [condition, procedure, immunisation])
@pytest.mark.parametrize(
    ("at_one", "at_other", "joined"),
    [
        ("2024-05-01", "2024-05-01", True),
        ("2024", "2024-05-01", True),
        ("2024-05-01", "2024-05-02", False),
        ("2024", "2023", False),
        ("", "2024-05-01", False),
        ("", "", True),
    ],
)
def test_one_concept_on_one_day_is_one_entry(make: Any, at_one: str, at_other: str, joined: bool) -> None:
    element = {condition: "onsetDateTime", procedure: "performedDateTime", immunisation: "occurrenceDateTime"}[make]
    found = rules(here(make(**{element: at_one})), there(make(**{element: at_other})))
    assert found == (["concept"] if joined else ["single", "single"])


def test_words_that_are_the_same_join_nothing() -> None:
    worded = condition(onsetDateTime="2024-05-01") | {"code": {"text": "Asthma"}}
    assert rules(here(worded), there(worded)) == ["single", "single"]


def test_the_same_allergy_in_another_coding_is_one() -> None:
    both = allergy()
    both["code"]["coding"].append({"system": "http://loinc.org", "code": "LA-1"})
    local = allergy() | {"code": {"coding": [{"system": "http://loinc.org", "code": "LA-1"}]}}
    assert rules(here(both), there(local)) == ["concept"]


def test_allergies_that_stand_differently_never_collapse() -> None:
    resolved = allergy(clinicalStatus=concept(code="resolved"))
    assert rules(here(allergy()), there(resolved)) == ["single", "single"]


@pytest.mark.parametrize(
    ("ours", "theirs", "joined"),
    [
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": "2024-05-01T10:00:00+01:00"}, True),
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": "2024-05-01"}, True),
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": "2024-05-01T09:01:00Z"}, False),
        ({"effectiveDateTime": MOMENT}, {}, False),
        ({}, {}, False),
        ({"effectiveDateTime": "2024-05-01T00:30:00+01:00"}, {"effectiveDateTime": "2024-05-01"}, True),
        ({"effectiveDateTime": "2024-05-01T00:30:00+01:00"}, {"effectiveDateTime": "2024-04-30"}, False),
    ],
)
def test_a_result_is_one_by_test_moment_and_value(ours: dict[str, str], theirs: dict[str, str], joined: bool) -> None:
    value = {"value": 71, "unit": "umol/L"}
    same_value = {"value": 0.071, "unit": "mmol/L"}
    found = rules(
        here(observation(valueQuantity=value, **ours)), there(observation(valueQuantity=same_value, **theirs))
    )
    assert found == (["concept"] if joined else ["single", "single"])


def test_a_result_without_a_value_joins_nothing() -> None:
    told = observation(effectiveDateTime=MOMENT)
    assert rules(here(told), there(told)) == ["single", "single"]


def test_an_identifier_joins_what_is_about_one_concept_only() -> None:
    named = condition(identifier=NAMED, onsetDateTime="2020")
    other = condition(code="38341003", identifier=NAMED, onsetDateTime="2020")
    assert rules(here(named), there(condition(identifier=NAMED))) == ["business-identifier"]
    assert rules(here(named), there(other)) == ["single", "single"]


def test_an_identifier_of_a_panel_joins_no_two_moments() -> None:
    morning, noon = (
        observation(identifier=NAMED, effectiveDateTime=MOMENT),
        observation(identifier=NAMED, effectiveDateTime="2024-05-01T12:00:00Z"),
    )
    assert rules(here(morning), there(noon)) == ["single", "single"]


# Medication


def prescribed(*, source: str, plan: str, code: str = "322236009") -> list[Item]:
    authorised = order(id=plan, code=code, intent="plan", dosageInstruction=[ORAL])
    issued = order(
        id=f"{plan}-issue", code=code, status="completed", basedOn=[{"reference": f"MedicationRequest/{plan}"}]
    )
    summary = statement(id=f"{plan}-summary", code=code, basedOn=[{"reference": f"MedicationRequest/{plan}"}])
    return [item(resource=resource, source=source) for resource in (authorised, issued, summary)]


def test_a_summary_an_authorisation_and_its_issues_are_one_entry() -> None:
    (entry,) = entries(*prescribed(source="practice", plan="p"))
    assert (entry.rule, entry.standing, len(entry.items)) == ("authorisation+concept", Standing.ACTIVE, 3)
    assert ("Dose", "one a day") in entry.details
    assert entry.conflicts == ()


def test_another_source_s_prescription_joins_the_one_authorisation() -> None:
    found = entries(*prescribed(source="practice", plan="p"), there(order(dosageInstruction=[ORAL])))
    assert [len(entry.items) for entry in found] == [4]


def test_two_authorisations_of_one_medicine_are_joined_with_nobody_s() -> None:
    at_practice = [*prescribed(source="practice", plan="p"), *prescribed(source="practice", plan="q")]
    found = entries(*at_practice, there(order(dosageInstruction=[ORAL])))
    assert sorted(len(entry.items) for entry in found) == [1, 3, 3]


def test_a_prescription_without_a_route_goes_with_the_one_route_that_is_named() -> None:
    oral, bare = here(order(dosageInstruction=[ORAL])), there(order(dosageInstruction=[{"text": "one a day"}]))
    inhaled = item(resource=order(dosageInstruction=[INHALED]), source="community")
    assert rules(oral, bare) == ["concept"]
    assert rules(oral, inhaled) == ["single", "single"]
    assert rules(oral, bare, inhaled) == ["single", "single", "single"]


def test_a_past_prescription_joins_only_one_that_began_that_day() -> None:
    ended = order(status="stopped", authoredOn="2020-01-01")
    assert rules(here(ended), there(ended)) == ["concept"]
    assert rules(here(ended), there(order(status="stopped", authoredOn="2020-01-02"))) == ["single", "single"]
    assert rules(here(ended), there(order(authoredOn="2020-01-01"))) == ["single", "single"]
    undated = order(status="stopped")
    assert rules(here(undated), there(undated)) == ["single", "single"]


def test_a_medicine_that_is_not_taken_stays_apart_from_its_authorisation_and_says_so() -> None:
    plan = here(order(id="p"))
    refused = here(statement(status="not-taken", basedOn=[{"reference": "MedicationRequest/p"}]))
    record = merged(plan, refused)
    headings = [entry.heading for entry in record.section(RecordCategory.MEDICATIONS).entries]
    assert headings == ["Paracetamol 500mg tablets", "Not taken: Paracetamol 500mg tablets"]
    assert [conflict.kind for conflict in record.conflicts] == ["negation"]


def test_an_empty_reference_never_means_an_item_without_an_id() -> None:
    medicine = {"medicationReference": {"display": "Warfarin"}}
    told = {**order(), **medicine}
    del told["medicationCodeableConcept"]
    (entry,) = merged(here(told), here(allergy())).section(RecordCategory.MEDICATIONS).entries
    assert entry.heading == "Warfarin"


# Conflicts


def test_doses_that_differ_in_parts_or_in_words_are_a_conflict() -> None:
    def coded(amount: int) -> dict[str, Any]:
        repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
        rate = [{"doseQuantity": {"value": amount, "unit": "mg"}}]
        return order(dosageInstruction=[{"doseAndRate": rate, "timing": {"repeat": repeat}}])

    worded = order(dosageInstruction=[{"text": "two a day"}])
    assert conflicts(here(coded(5)), there(coded(10))) == [("dose", "The sources give different doses.")]
    assert conflicts(here(coded(5)), there(coded(5))) == []
    assert conflicts(here(worded), there(order(dosageInstruction=[{"text": "Two  a day"}]))) == []
    (found,) = merged(here(worded), there(order(dosageInstruction=[{"text": "one a day"}]))).conflicts
    assert found.statement == "The sources word the dose differently: compare before acting."
    assert found.kind == "dose-wording"
    assert found.claims == (("hospital", "one a day"), ("practice", "two a day"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"value": 5, "code": "mg"}, {"value": 5, "code": "g"}),
        ({"value": 5, "unit": "mg"}, {"value": 5, "unit": "mg", "comparator": "<"}),
        ({"value": "one", "unit": "tablet"}, {"value": "two", "unit": "tablet"}),
    ],
)
def test_amounts_that_differ_in_unit_or_comparator_or_are_no_numbers_are_a_conflict(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    def given(amount: dict[str, Any]) -> dict[str, Any]:
        return order(dosageInstruction=[{"doseAndRate": [{"doseQuantity": amount}]}])

    assert [kind for kind, _ in conflicts(here(given(ours)), there(given(theirs)))] == ["dose"]
    assert conflicts(here(given(ours)), there(given(ours))) == []


def test_an_amount_without_a_value_is_no_other_amount() -> None:
    def given(amount: dict[str, Any]) -> dict[str, Any]:
        return order(dosageInstruction=[{"text": "one a day", "doseAndRate": [{"doseQuantity": amount}]}])

    assert conflicts(here(given({"unit": "mg"})), there(given({"value": 5, "unit": "mg"}))) == []


def test_words_beside_two_coded_doses_do_not_soften_the_conflict() -> None:
    def coded(amount: int) -> dict[str, Any]:
        repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
        rate = [{"doseQuantity": {"value": amount, "unit": "mg"}}]
        return order(dosageInstruction=[{"doseAndRate": rate, "timing": {"repeat": repeat}}])

    worded = order(dosageInstruction=[{"text": "one a day"}])
    (found,) = conflicts(here(coded(5)), there(coded(10)), item(resource=worded, source="surgery"))
    assert found == ("dose", "The sources give different doses.")


def test_statuses_that_differ_are_a_conflict_and_the_active_one_leads() -> None:
    open_there = condition(onsetDateTime="2020-01-01")
    closed_here = condition(onsetDateTime="2020-01-01", clinicalStatus=concept(code="resolved"))
    (entry,) = entries(here(closed_here), there(open_there))
    assert entry.standing is Standing.ACTIVE
    assert [(conflict.kind, conflict.claims) for conflict in entry.conflicts] == [
        ("status", (("hospital", "active"), ("practice", "resolved")))
    ]


def test_dates_that_differ_are_a_conflict_and_coarser_ones_are_not() -> None:
    def named(date: str) -> dict[str, Any]:
        return condition(identifier=NAMED, onsetDateTime=date)

    assert [kind for kind, _ in conflicts(here(named("2020-01-01")), there(named("2020-02-01")))] == ["date"]
    assert conflicts(here(named("2020")), there(named("2020-02-01"))) == []


def test_one_moment_written_in_two_zones_is_no_conflict_of_dates() -> None:
    winter_night = procedure(identifier=NAMED, performedDateTime="2024-05-01T00:30:00+01:00")
    elsewhere = procedure(identifier=NAMED, performedDateTime="2024-04-30T23:30:00Z")
    assert conflicts(here(winter_night), there(elsewhere)) == []


def test_two_values_of_one_test_at_one_moment_are_a_conflict() -> None:
    def measured(value: float, unit: str = "mmol/L", moment: str = MOMENT) -> dict[str, Any]:
        return observation(valueQuantity={"value": value, "unit": unit}, effectiveDateTime=moment)

    (found,) = merged(here(measured(5.5)), there(measured(6.5))).conflicts
    assert (found.kind, found.claims) == ("value", (("hospital", "6.5 mmol/L"), ("practice", "5.5 mmol/L")))
    assert len(found.entry_keys) == 2
    assert conflicts(here(measured(5.5)), there(measured(6.5, moment="2024-05-01"))) == []
    assert [kind for kind, _ in conflicts(here(measured(5.5)), there(measured(99, "mg/dL")))] == ["value"]


def test_what_one_says_and_another_denies_is_a_conflict() -> None:
    refuted = condition(verificationStatus=concept(code="refuted"))
    assert [kind for kind, _ in conflicts(here(condition()), there(refuted))] == ["negation"]
    given, refused = (
        immunisation(occurrenceDateTime="2024-10-01"),
        immunisation(status="not-done", occurrenceDateTime="2024-10-01"),
    )
    assert [kind for kind, _ in conflicts(here(given), there(refused))] == ["negation"]
    later = immunisation(status="not-done", occurrenceDateTime="2024-11-01")
    assert conflicts(here(given), there(later)) == []


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Encounter", "class": {"code": "AMB"}, "type": [concept(code="185347001")]},
        observation(effectiveDateTime=MOMENT),
        procedure(),
    ],
)
def test_a_claim_and_its_denial_under_one_identifier_stay_apart_and_conflict(resource: dict[str, Any]) -> None:
    done = {"Encounter": "finished", "Observation": "final", "Procedure": "completed"}[resource["resourceType"]]
    denied = "not-done" if resource["resourceType"] == "Procedure" else "cancelled"
    record = merged(
        here({**resource, "identifier": NAMED, "status": done}),
        there({**resource, "identifier": NAMED, "status": denied}),
    )
    assert {len(entry.items) for section in record.sections for entry in section.entries} == {1}
    assert [conflict.kind for conflict in record.conflicts] == ["negation"]


def test_two_current_medicines_of_one_ingredient_are_a_conflict() -> None:
    ingredient = [{"itemCodeableConcept": concept(code="387517004", display="Paracetamol")}]
    items = [
        here({"resourceType": "Medication", "id": name, "code": concept(code=code), "ingredient": ingredient})
        for name, code in (("tablets", "322236009"), ("with-codeine", "39113611000001102"))
    ]
    orders = [
        here({**order(medicationReference={"reference": f"Medication/{name}"}), "medicationCodeableConcept": None})
        for name in ("tablets", "with-codeine")
    ]
    assert conflicts(*items, *orders) == [("dose", "Two current medicines have the same ingredient.")]


def test_no_known_allergy_beside_an_allergy_is_a_conflict_on_both() -> None:
    record = merged(here(no_known_allergy()), there(allergy()))
    (found,) = record.conflicts
    assert found.kind == "negation"
    assert {entry.key for entry in record.section(RecordCategory.ALLERGIES).entries} == set(found.entry_keys)


@pytest.mark.parametrize(
    ("denial", "held"),
    [
        (no_known_allergy(clinicalStatus=concept(code="inactive")), allergy()),
        (no_known_allergy(), allergy(clinicalStatus=concept(code="resolved"))),
        (no_known_allergy(verificationStatus=concept(code="entered-in-error")), allergy()),
        (allergy(code="409137002"), allergy()),
    ],
)
def test_a_denial_that_no_longer_holds_or_holds_of_less_is_no_conflict(
    denial: dict[str, Any], held: dict[str, Any]
) -> None:
    assert conflicts(here(denial), there(held)) == []


# Retractions


def test_a_retraction_wins_over_the_older_copy() -> None:
    gone = condition(identifier=NAMED, verificationStatus=concept(code="entered-in-error"))
    (entry,) = entries(here(gone), there(condition(identifier=NAMED)))
    assert entry.standing is Standing.RETRACTED


def test_a_retraction_that_says_no_more_than_its_identifier_wins_all_the_same() -> None:
    copy = observation(identifier=NAMED, effectiveDateTime=MOMENT)
    bare = {"resourceType": "Observation", "identifier": NAMED, "status": "entered-in-error", "code": {}}
    assert {entry.standing for entry in entries(here(bare), there(copy))} == {Standing.RETRACTED}


def test_a_bare_retraction_of_an_identifier_on_two_things_takes_back_neither() -> None:
    bare = {"resourceType": "Observation", "identifier": NAMED, "status": "entered-in-error", "code": {}}
    panel = [
        there(observation(code=code, identifier=NAMED, effectiveDateTime=MOMENT))
        for code in ("1000731000000107", "1022431000000105")
    ]
    assert sorted(entry.standing for entry in entries(here(bare), *panel)) == ["entered-in-error", "past", "past"]


def test_a_retraction_hides_no_independent_claim() -> None:
    gone = allergy(identifier=NAMED, verificationStatus=concept(code="entered-in-error"))
    found = entries(here(gone), there(allergy(identifier=NAMED)), item(resource=allergy(), source="community"))
    live = [entry for entry in found if entry.standing is Standing.ACTIVE]
    assert len(live) == 1
    assert "community" in live[0].source_ids


def test_a_retraction_takes_back_the_claim_and_the_denial_of_its_name() -> None:
    gone = condition(identifier=NAMED, verificationStatus=concept(code="entered-in-error"))
    denied = condition(identifier=NAMED, verificationStatus=concept(code="refuted"))
    found = entries(here(gone), there(condition(identifier=NAMED)), there(denied))
    assert {entry.standing for entry in found} == {Standing.RETRACTED}


def test_a_retracted_coding_teaches_nothing() -> None:
    both = condition(verificationStatus=concept(code="entered-in-error"), onsetDateTime="2024-05-01")
    both["code"]["coding"].append(concept(code="38341003")["coding"][0])
    apart = [here(condition(onsetDateTime="2024-05-01")), there(condition(code="38341003", onsetDateTime="2024-05-01"))]
    assert len(entries(*apart, item(resource=both, source="community"))) == 3


# Order and content


def test_sections_and_entries_stand_in_a_fixed_order() -> None:
    record = merged(
        here(procedure(performedDateTime="2020")),
        here(procedure(code="174041007", performedDateTime="2021")),
        here(procedure(code="5", status="entered-in-error", performedDateTime="2023")),
        here(procedure(code="6")),
        here(condition(clinicalStatus=concept(code="resolved"), onsetDateTime="2024")),
        here(condition(code="38341003", onsetDateTime="1990")),
        here(condition(code="44054006", verificationStatus=concept(code="refuted"))),
    )
    assert [section.category for section in record.sections] == [RecordCategory.PROBLEMS, RecordCategory.PROCEDURES]
    assert [entry.standing for entry in record.sections[0].entries] == ["active", "past", "negated"]
    dates = [entry.date.text if entry.date else "" for entry in record.sections[1].entries]
    assert dates == ["2021", "2020", "", "2023"]


def test_an_entry_shows_what_only_one_of_its_sources_says() -> None:
    ours = here(condition(onsetDateTime="2020-01-01", note=[{"text": "ours"}]))
    theirs = there(condition(onsetDateTime="2020-01-01", severity={"text": "Severe"}))
    (entry,) = entries(ours, theirs)
    assert {("Note", "ours"), ("Severity", "Severe")} <= set(entry.details)
    assert entry.source_ids == ("hospital", "practice")


def test_an_entry_has_the_status_of_the_fact_that_leads_it() -> None:
    (entry,) = entries(here(order(status="on-hold", authoredOn="2024-01-01")), there(order(authoredOn="2023-01-01")))
    assert (entry.standing, entry.status_text) == (Standing.ACTIVE, "on-hold")


def test_an_entry_is_incidental_only_when_nobody_gave_it_in_answer() -> None:
    linked = here(condition(onsetDateTime="2020-01-01"), incidental=True)
    (alone,) = entries(linked)
    (confirmed,) = entries(linked, there(condition(onsetDateTime="2020-01-01")))
    assert (alone.incidental, confirmed.incidental) == (True, False)


def test_the_name_of_an_entry_tells_nothing_and_follows_its_items() -> None:
    first = here(condition(), id="a")
    assert entries(first)[0].key == entries(here(allergy(), id="a"))[0].key
    assert entries(first)[0].key != entries(here(condition(), id="b"))[0].key
    assert len(entries(first)[0].key) == 20


def test_an_empty_record_is_empty() -> None:
    record = merge(items=[])
    assert (record.sections, record.supporting, record.untranslated, record.conflicts) == ((), (), (), ())
    assert record.section(RecordCategory.ALLERGIES) == Section(category=RecordCategory.ALLERGIES, entries=())


def test_conflicts_are_in_the_record_once_each() -> None:
    record = merged(here(no_known_allergy()), there(allergy()), there(allergy(code="294505008")))
    found: list[Conflict] = [conflict for conflict in record.conflicts if conflict.kind == "negation"]
    assert len(found) == 1
    assert len(found[0].entry_keys) == 3


def test_of_two_summaries_of_one_day_neither_hides_what_the_other_says() -> None:
    """Which of them is first is chance: the end that only one of them tells must not depend on it."""
    told = [
        item(
            resource=statement(status="completed", dosage=[ORAL], effectivePeriod={"start": "2010-01-14", "end": end}),
            id=key,
        )
        for key, end in (("a", "2010-01-14"), ("b", "2018-10-27"))
    ]
    for items in (told, [structs.replace(told[0], id="c"), told[1]]):
        [entry] = entries(*items)
        ends = {line.value for line in entry.lines if line.label == DetailLabel.TAKEN}
        assert ends == {"2010-01-14 to 2010-01-14", "2010-01-14 to 2018-10-27"}
