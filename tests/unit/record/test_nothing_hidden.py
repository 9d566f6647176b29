"""An entry shows what each source says, the stronger warning leads, and what differs is a conflict."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import DetailLine, Entry, LongitudinalRecord, Standing
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

DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
ERROR = concept(code="entered-in-error")


def merged(*items: Item) -> LongitudinalRecord:
    return merge(items=items)


def the_entry(*items: Item) -> Entry:
    (entry,) = [entry for section in merged(*items).sections for entry in section.entries]
    return entry


def kinds(*items: Item) -> list[str]:
    return sorted(conflict.kind for conflict in merged(*items).conflicts)


def here(resource: dict[str, Any], **values: Any) -> Item:
    return item(resource=resource, source="practice", **values)


def there(resource: dict[str, Any], **values: Any) -> Item:
    return item(resource=resource, source="hospital", **values)


def reacted(severity: str = "", words: str = "", **members: Any) -> dict[str, Any]:
    reaction = {"manifestation": [{"text": words}] if words else [], "severity": severity}
    return allergy(reaction=[reaction], **members)


# Every line


def test_each_line_in_which_sources_differ_says_who_says_what() -> None:
    mild = reacted(
        "mild", "Rash", criticality="low", recordedDate="2025-01-01", verificationStatus=concept(code="unconfirmed")
    )
    severe = reacted(
        "severe",
        "Anaphylaxis",
        criticality="high",
        recordedDate="2010-01-01",
        verificationStatus=concept(code="confirmed"),
    )
    entry = the_entry(here(mild), there(severe))
    assert {(line.label, line.value, line.source_ids) for line in entry.lines} >= {
        ("Reaction", "Anaphylaxis", ("hospital",)),
        ("Reaction", "Rash", ("practice",)),
        ("Severity", "severe", ("hospital",)),
        ("Severity", "mild", ("practice",)),
        ("Criticality", "high", ("hospital",)),
        ("Criticality", "low", ("practice",)),
        ("Verification", "confirmed", ("hospital",)),
        ("Verification", "unconfirmed", ("practice",)),
        ("Date", "2010-01-01", ("hospital",)),
        ("Date", "2025-01-01", ("practice",)),
    }
    assert ("Severity, hospital", "severe") in entry.details


def test_where_all_who_speak_say_the_same_there_is_one_line() -> None:
    entry = the_entry(
        here(reacted("severe", "Rash")), there(reacted("severe", "rash")), item(resource=allergy(), source="c")
    )
    assert [(line.label, line.source_ids) for line in entry.lines] == [("Reaction", ()), ("Severity", ())]


def test_a_status_or_a_name_that_differs_is_a_line() -> None:
    ours = condition(onsetDateTime="2020-01-01", display="Type 2 diabetes")
    theirs = condition(onsetDateTime="2020-01-01", clinicalStatus=concept(code="resolved"))
    entry = the_entry(here(ours), there(theirs))
    assert DetailLine(label="Status", value="resolved", source_ids=("hospital",)) in entry.lines
    assert DetailLine(label="Called", value="Type 2 diabetes", source_ids=("practice",)) in entry.lines


def test_one_moment_in_two_zones_is_one_date_and_a_part_may_be_called_a_status() -> None:
    def measured(moment: str) -> dict[str, Any]:
        part = [{"code": {"text": "Status"}, "valueString": "asleep"}]
        return observation(effectiveDateTime=moment, valueString="done", component=part)

    entry = the_entry(here(measured("2024-05-01T10:00:00+01:00")), there(measured("2024-05-01T09:00:00Z")))
    assert entry.details == (("Value", "done"), ("Status", "asleep"))


def test_two_copies_at_one_source_hide_nothing_of_each_other() -> None:
    copies = [
        here(condition(id=name, onsetDateTime="2020-01-01", note=[{"text": name}])) for name in ("first", "second")
    ]
    entry = the_entry(*copies)
    assert {value for label, value in entry.details if label == "Note"} == {"first", "second"}


def test_what_two_copies_at_one_source_both_say_is_said_once() -> None:
    copies = [here(condition(id=id, onsetDateTime="2020-01-01", note=[{"text": "same"}])) for id in ("a", "b")]
    assert the_entry(*copies).details == (("Began", "2020-01-01"), ("Note", "same"))


# What leads


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (reacted("severe"), reacted("moderate")),
        (reacted("moderate"), reacted("mild")),
        (reacted("mild"), allergy()),
        (allergy(criticality="high"), allergy(criticality="unable-to-assess")),
        (allergy(criticality="unable-to-assess"), allergy(criticality="low")),
        (allergy(criticality="low"), allergy()),
        (allergy(criticality="high"), reacted("moderate", criticality="low")),
        (reacted("severe"), allergy(criticality="high")),
        (reacted("severe", criticality="high"), reacted("severe", criticality="low")),
        (reacted("", "Anaphylaxis"), reacted("mild", "Rash", criticality="low")),
        (reacted("", "anaphylactic shock (finding)"), reacted("moderate", "Rash")),
        (reacted("severe", criticality="low"), reacted("mild", criticality="low")),
    ],
)
def test_the_stronger_warning_leads_whichever_is_newer(stronger: dict[str, Any], weaker: dict[str, Any]) -> None:
    strong = {**stronger, "recordedDate": "2001-01-01", "code": {**stronger["code"], "text": "strong"}}
    weak = {**weaker, "recordedDate": "2025-01-01", "code": {**weaker["code"], "text": "weak"}}
    assert the_entry(here(strong), there(weak)).heading == "strong"
    assert the_entry(here(weak), there(strong)).heading == "strong"


def test_of_equal_warnings_the_newer_leads() -> None:
    old, new = ({**reacted("severe"), "recordedDate": f"{year}-01-01"} for year in (2001, 2025))
    assert the_entry(here(old), there(new)).date.text == "2025-01-01"  # type: ignore[union-attr]


def test_of_one_prescription_the_summary_leads_then_the_authorisation_then_its_issues() -> None:
    named = [{"reference": "MedicationRequest/plan"}]
    plan = order(id="plan", intent="plan", display="Plan", authoredOn="2020-01-01")
    issue = order(id="issue", display="Issue", basedOn=named, authoredOn="2025-01-01")
    summary = statement(id="summary", display="Summary", basedOn=named, effectiveDateTime="2019-01-01")
    assert the_entry(here(issue), here(plan), here(summary)).heading == "Summary"
    assert the_entry(here(issue), here(plan)).heading == "Plan"
    dispensed = {**order(display="Dispensed"), "resourceType": "MedicationDispense", "status": "in-progress"}
    dispensed["whenHandedOver"] = "2025-06-01"
    assert the_entry(here(issue), there(dispensed)).heading == "Issue"


def test_of_one_prescription_the_summary_speaks_for_its_issues() -> None:
    named = [{"reference": "MedicationRequest/plan"}]
    summary = statement(basedOn=named, dosage=[{"text": "one a day"}])
    plan = order(id="plan", dosageInstruction=[{"text": "1 OD"}], note=[{"text": "with food"}])
    entry = the_entry(here(plan), here(summary))
    assert entry.details == (("Dose", "one a day"), ("Note", "with food"))


def test_each_source_dates_its_own_prescription() -> None:
    assert kinds(here(order(authoredOn="2020-01-01")), there(order(authoredOn="2024-01-01"))) == []


# Assessments that differ


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (reacted("severe"), reacted("mild"), ["severity"]),
        (allergy(criticality="high"), allergy(criticality="low"), ["criticality"]),
        (
            allergy(verificationStatus=concept(code="confirmed")),
            allergy(verificationStatus=concept(code="unconfirmed")),
            ["verification"],
        ),
        (reacted("severe"), allergy(), []),
        (reacted("severe"), reacted("SEVERE"), []),
    ],
)
def test_allergies_assessed_differently_are_a_conflict(
    ours: dict[str, Any], theirs: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(here(ours), there(theirs)) == expected


def test_a_severity_means_the_same_as_a_word_and_as_a_code() -> None:
    coded = condition(onsetDateTime="2020-01-01", severity=concept(code="24484000", display="Severe"))
    worded = condition(onsetDateTime="2020-01-01", severity={"text": "severe"})
    mild = condition(onsetDateTime="2020-01-01", severity={"text": "Mild"})
    assert kinds(here(coded), there(worded)) == []
    assert kinds(here(coded), there(mild)) == ["severity"]


# Doses


def dosed(amount: object = None, *, unit: str = "mg", words: str = "", timing: Any = None) -> dict[str, Any]:
    rate = {"doseAndRate": [{"doseQuantity": {"value": amount, "unit": unit}}]} if amount is not None else {}
    return order(
        dosageInstruction=[{**rate, **({"text": words} if words else {}), **({"timing": timing} if timing else {})}]
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (dosed(75, words="One daily"), dosed(300, words="One daily"), ["dose"]),
        (dosed(75), dosed(300), ["dose"]),
        (dosed(75, words="One daily"), dosed(300, words="Three daily"), ["dose"]),
        (dosed(500), dosed(0.5, unit="g"), []),
        (dosed(100, unit="micrograms"), dosed(100, unit="mg"), ["dose"]),
        (dosed(100, unit="micrograms"), dosed(0.1, unit="mg"), []),
        (
            dosed(75, words="One", timing=DAILY),
            dosed(75, words="One", timing={"code": {"coding": [{"code": "BID"}]}}),
            ["dose"],
        ),
        (
            dosed(75, words="One", timing=DAILY),
            dosed(75, words="One", timing={"code": {"coding": [{"code": "QD"}]}}),
            [],
        ),
        (dosed(words="75 mg daily"), dosed(words="300 mg daily"), ["dose-wording"]),
        (dosed(75, words="75 mg daily"), dosed(words="300 mg daily"), ["dose-wording"]),
        (dosed(75, words="one a day"), dosed(75, words="two a day"), ["dose-wording"]),
        (dosed(75, words="One daily"), dosed(75, words="one  DAILY"), []),
    ],
)
def test_doses_are_compared_in_their_parts_and_in_their_words(
    ours: dict[str, Any], theirs: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(here(ours), there(theirs)) == expected


def test_a_dose_conflict_says_the_parts_that_the_words_hide() -> None:
    (conflict,) = merged(here(dosed(75, words="One daily")), there(dosed(300, words="One daily"))).conflicts
    assert conflict.claims == (("hospital", "One daily (300 mg)"), ("practice", "One daily (75 mg)"))


# Denials


@pytest.mark.parametrize(
    ("denied", "held"),
    [
        (no_known_allergy(), allergy()),
        (allergy() | {"code": {"text": "No known allergies"}}, allergy()),
        (allergy() | {"code": {"text": "NKA"}}, allergy(clinicalStatus=None)),
        (no_known_allergy(), allergy(code="196461000000101", display="")),
        (allergy(code="409137002", display=""), allergy(category=["medication"])),
        (allergy(code="409137002", display=""), allergy(code="196461000000101", display="")),
        (condition(code="160245001", display="No current problems"), condition()),
        (condition() | {"code": {"text": "No known problems"}}, condition()),
        (statement(code="787481004", display=""), statement()),
        (statement() | {"medicationCodeableConcept": {"text": "Not on any medication"}}, order()),
        (immunisation(code="787482006", display=""), immunisation(occurrenceDateTime="2020")),
        (procedure(code="787480003", display=""), procedure(performedDateTime="2020")),
        (procedure(status="not-done", performedDateTime="2020-05-01"), procedure(performedDateTime="2020")),
        (immunisation(status="not-done"), immunisation(occurrenceDateTime="2020")),
        (immunisation(notGiven=True, occurrenceDateTime="2020-05-01"), immunisation(occurrenceDateTime="2020-05")),
        (allergy(verificationStatus=concept(code="refuted")), allergy()),
    ],
)
def test_a_denial_beside_a_claim_is_a_conflict_in_every_category(denied: dict[str, Any], held: dict[str, Any]) -> None:
    record = merged(here(denied), there(held))
    (conflict,) = record.conflicts
    assert (conflict.kind, len(conflict.entry_keys)) == ("negation", 2)


@pytest.mark.parametrize(
    ("denied", "claimed", "expected"),
    [
        (statement(status="not-taken"), order(), ["negation"]),
        (statement(status="not-taken"), order(status="completed", authoredOn="2020-01-01"), []),
        (statement(status="not-taken"), order() | {"resourceType": "MedicationDispense"}, []),
        (order() | {"resourceType": "MedicationAdministration", "status": "not-done"}, order(), []),
    ],
)
def test_only_what_is_prescribed_now_is_contradicted_by_what_is_not_taken(
    denied: dict[str, Any], claimed: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(here(denied), there(claimed)) == expected


def test_an_observation_that_no_allergies_are_known_denies_them_and_is_no_denial_itself() -> None:
    observed = observation(code="716186003", display="No known allergy")
    record = merged(here(observed), there(allergy()))
    (conflict,) = record.conflicts
    assert (conflict.kind, len(conflict.entry_keys)) == ("negation", 2)
    (entry,) = record.section(RecordCategory.RESULTS).entries
    assert entry.standing is Standing.PAST


@pytest.mark.parametrize("words", ["Not asked", "No information about allergies", "unknown"])
def test_what_was_not_asked_contradicts_nothing_and_joins_nothing(words: str) -> None:
    unasked = allergy() | {"code": {"text": words}}
    record = merged(
        here(unasked), there(allergy()), there(no_known_allergy(id="n", clinicalStatus=concept(code="inactive")))
    )
    assert record.conflicts == ()
    assert {entry.standing for entry in record.section(RecordCategory.ALLERGIES).entries} == {
        Standing.ACTIVE,
        Standing.NEGATED,
        Standing.NO_INFORMATION,
    }


def test_the_first_claims_of_a_conflict_show_both_sides() -> None:
    held = [here(allergy(code=f"{100_000 + n}", display=f"Allergy {n}")) for n in range(50)]
    (conflict,) = merged(*held, here(no_known_allergy())).conflicts
    assert ("practice", "No known allergy") in conflict.claims[:2]
    assert len(conflict.claims) == 51


# Statuses


def test_active_beside_resolved_is_a_conflict_between_entries_too() -> None:
    resolved = allergy(clinicalStatus=concept(code="resolved"))
    (found,) = merged(here(allergy()), there(resolved)).conflicts
    assert (found.kind, len(found.entry_keys)) == ("status", 2)
    assert found.claims == (("practice", "active"), ("hospital", "resolved"))
    assert kinds(
        here(condition()), there(condition(onsetDateTime="2020", clinicalStatus=concept(code="resolved")))
    ) == ["status"]


def test_an_earlier_episode_is_no_disagreement() -> None:
    past = condition(onsetDateTime="2010", clinicalStatus=concept(code="resolved"))
    assert kinds(here(condition(onsetDateTime="2024")), there(past)) == []
    assert kinds(here(allergy(id="a")), here(allergy(id="b", clinicalStatus=concept(code="resolved")))) == []


# Retractions


@pytest.mark.parametrize(
    ("retraction", "copy", "elsewhere"),
    [
        (condition(verificationStatus=ERROR), condition(), False),
        (condition(verificationStatus=ERROR), condition(), True),
        (condition(verificationStatus=ERROR, onsetDateTime="2020"), condition(onsetDateTime="2020-05-01"), True),
        (condition(verificationStatus=ERROR), condition(onsetDateTime="2020-05-01", id="x"), True),
        (condition(verificationStatus=ERROR, id="x"), condition(id="x", onsetDateTime="2020"), False),
        ({"resourceType": "Condition", "id": "x", "verificationStatus": ERROR}, condition(id="x"), False),
        (condition(verificationStatus=ERROR, id="x"), condition(id="y"), True),
        (
            condition(verificationStatus=ERROR) | {"code": {"text": "Asthma"}},
            condition() | {"code": {"text": "asthma"}},
            True,
        ),
        (allergy(verificationStatus=ERROR), allergy(), True),
        (order(status="entered-in-error"), order(), True),
        (
            immunisation(status="entered-in-error", occurrenceDateTime="2020"),
            immunisation(occurrenceDateTime="2020"),
            True,
        ),
    ],
)
def test_a_retraction_without_an_identifier_marks_what_it_may_mean(
    retraction: dict[str, Any], copy: dict[str, Any], elsewhere: bool
) -> None:
    record = merged(here(retraction), there(copy) if elsewhere else here(copy))
    live = [
        entry for section in record.sections for entry in section.entries if entry.standing is not Standing.RETRACTED
    ]
    assert len(live) == 1
    (conflict,) = live[0].conflicts
    assert (conflict.kind, conflict.statement) == ("retraction", "Taken back by one source; this may be the same.")
    assert len(conflict.entry_keys) == 2


@pytest.mark.parametrize(
    ("retraction", "copy", "elsewhere"),
    [
        (condition(verificationStatus=ERROR, onsetDateTime="2020"), condition(onsetDateTime="2021"), True),
        (condition(verificationStatus=ERROR), condition(code="38341003"), True),
        (condition(verificationStatus=ERROR, id="x"), condition(id="y"), False),
        (
            condition(verificationStatus=ERROR, identifier=[{"system": "s", "value": "1"}]),
            condition(identifier=[{"system": "s", "value": "2"}]),
            True,
        ),
        ({"resourceType": "Condition", "id": "x", "verificationStatus": ERROR}, condition(id="x"), True),
    ],
)
def test_a_retraction_marks_nothing_that_is_told_from_it(
    retraction: dict[str, Any], copy: dict[str, Any], elsewhere: bool
) -> None:
    assert "retraction" not in kinds(here(retraction), there(copy) if elsewhere else here(copy))


def test_a_bare_retraction_of_an_identifier_on_two_things_marks_both() -> None:
    name = [{"system": "https://records.example/id", "value": "7"}]
    bare = {"resourceType": "Condition", "identifier": name, "verificationStatus": ERROR}
    two = [there(condition(code=code, id=code, identifier=name)) for code in ("73211009", "38341003")]
    record = merged(here(bare), *two)
    marked = [entry for section in record.sections for entry in section.entries if entry.conflicts]
    assert len(marked) == 3
    assert {conflict.kind for entry in marked for conflict in entry.conflicts} == {"retraction"}


def test_a_copy_that_is_taken_back_elsewhere_says_so() -> None:
    name = [{"system": "https://records.example/id", "value": "7"}]
    gone = condition(id="a", identifier=name, verificationStatus=ERROR)
    record = merged(here(gone), here(condition(id="b", identifier=name)))
    entries = [entry for section in record.sections for entry in section.entries]
    assert {entry.standing for entry in entries} == {Standing.RETRACTED}
    assert {conflict.statement for entry in entries for conflict in entry.conflicts} == {"Taken back by its source."}


def test_what_is_taken_back_contradicts_nothing() -> None:
    name = [{"system": "https://records.example/id", "value": "7"}]
    gone = allergy(identifier=name, verificationStatus=ERROR)
    assert "negation" not in kinds(here(gone), here(allergy(identifier=name)), there(no_known_allergy()))
