"""Items with a flaw: how they stand, what they say, and that they are compared with nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.record.completeness.claims import AllergyStatus, SourceStatus, allergy_status
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import Entry, LongitudinalRecord, Standing
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.outcomes import Outcome
from fhir_data.releases import Release
from fhir_data.verdict import ToleratedEntry, verdict
from tests.factories import allergy, concept, condition, item

NO_KNOWN_ALLERGY = "716186003"
SNOMED = "http://snomed.info/sct"


def flawed(resource: dict[str, Any], *, source: str = "hospital") -> Item:
    """Return an item as a connector makes it of a resource with a flaw."""
    judged = verdict(entry=json.dumps(resource).encode(), release=Release.R4)
    assert isinstance(judged, ToleratedEntry)
    return item(resource=resource, source=source, flaws=judged.flaws, at_fault=judged.members)


def only(record: LongitudinalRecord) -> Entry:
    (entry,) = [entry for section in record.sections for entry in section.entries]
    return entry


def entries(record: LongitudinalRecord) -> list[Entry]:
    return [entry for section in record.sections for entry in section.entries]


def banner(*items: Item) -> AllergyStatus:
    status = SourceStatus(
        source_id="hospital",
        name="A",
        organisation="A",
        kind="fhir_r4",
        holds=CLINICAL_CATEGORIES,
        outcome=Outcome.ANSWERED,
    )
    return allergy_status(record=merge(items=items), statuses=[status], withheld=False)


@pytest.mark.parametrize(
    "status",
    [
        {"verificationStatus": concept(code="Entered-In-Error", system="http://x")},
        {"verificationStatus": ["entered-in-error"]},
        {"verificationStatus": "entered in error"},
        {"verificationStatus": {"text": "Entered in error"}},
        {"verificationStatus": {"coding": {"code": "entered-in-error"}}},
        {"clinicalStatus": concept(code="entered-in-error", system="http://x")},
        {"status": "entered-in-error "},
    ],
)
@pytest.mark.parametrize("has_flaws", [True, False])
def test_what_seems_to_be_taken_back_does_not_look_live(status: dict[str, Any], has_flaws: bool) -> None:
    resource = {**allergy(), **status}
    sent = item(resource=resource, source="hospital")
    if has_flaws and isinstance(judged := verdict(entry=sent.resource, release=Release.R4), ToleratedEntry):
        sent = item(resource=resource, source="hospital", flaws=judged.flaws, at_fault=judged.members)
    other = item(resource=allergy(), source="practice")
    entry = next(entry for entry in entries(merge(items=[sent, other])) if sent in entry.items)
    assert (entry.standing, entry.may_be_in_error, entry.items) == (Standing.UNKNOWN, True, (sent,))
    assert banner(sent) is AllergyStatus.UNAVAILABLE
    assert banner(sent, other) is AllergyStatus.KNOWN


def test_a_retraction_among_several_codes_is_one() -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    codes = [{"system": SNOMED, "code": "723510000"}, {"system": system, "code": "entered-in-error"}]
    assert only(merge(items=[item(resource=condition(verificationStatus={"coding": codes}))])).standing is (
        Standing.RETRACTED
    )


def test_a_flaw_beside_the_code_of_a_retraction_leaves_it_one() -> None:
    status = {"coding": [{"system": " ", "code": "entered-in-error"}], "other": 1}
    assert only(merge(items=[flawed(condition(verificationStatus=status))])).standing is Standing.RETRACTED


@pytest.mark.parametrize("status", ["Active", ["active"], {"coding": "active"}, 7, ""])
def test_a_flaw_in_a_status_never_looks_active(status: object) -> None:
    entry = only(merge(items=[flawed(condition(clinicalStatus=status))]))
    assert (entry.standing, entry.is_doubted) == (Standing.UNKNOWN, True)


@pytest.mark.parametrize(
    "modifier",
    [
        {"notGiven": "true"},
        {"notGiven": True},
        {"wasNotGiven": True},
        {"NotGiven": True},
        {"modifierExtension": {"url": "u"}},
        {"modifierExtension": [{"valueString": "not"}]},
        {"performer": [{"actor": {}, "modifierExtension": "not"}]},
        {"implicitRules": 7},
        {"isSubpotent": "true"},
    ],
)
def test_a_flaw_in_what_may_turn_the_meaning_round_leaves_the_standing_unknown(modifier: dict[str, Any]) -> None:
    given = {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": concept(code="39114911000001105"),
        "patient": {"reference": "Patient/1"},
        "occurrenceDateTime": "2024-05-01",
    }
    copies = [flawed({**given, **modifier}), item(resource=given, source="practice")]
    record = merge(items=copies)
    assert len(entries(record)) == 2
    assert not record.conflicts
    doubted = next(entry for entry in entries(record) if entry.items == (copies[0],))
    assert (doubted.standing, doubted.is_doubted) == (Standing.UNKNOWN, True)


NOT_SO = {"url": "https://example.org/non-occurrence", "valueBoolean": True}


@pytest.mark.parametrize(
    "members",
    [
        {"modifierExtension": [NOT_SO]},
        {"stage": [{"summary": {"text": "II"}, "modifierExtension": [NOT_SO]}]},
    ],
)
def test_what_may_turn_the_meaning_round_and_is_not_known_leaves_the_standing_unknown(members: dict[str, Any]) -> None:
    copies = [item(resource=condition(**members)), item(resource=condition(), source="practice")]
    record = merge(items=copies)
    doubted = next(entry for entry in entries(record) if entry.items == (copies[0],))
    assert (doubted.standing, doubted.is_doubted) == (Standing.UNKNOWN, True)
    assert ("May change the meaning", "non-occurrence: true") in doubted.details
    assert not record.conflicts
    (other,) = (entry for entry in entries(record) if entry is not doubted)
    assert not other.is_doubted


def test_none_known_is_not_said_by_what_may_be_turned_round() -> None:
    denial = {**allergy(), "code": concept(code=NO_KNOWN_ALLERGY), "modifierExtension": [NOT_SO]}
    assert banner(item(resource=denial, source="hospital")) is AllergyStatus.NOT_RECORDED


def test_a_letter_that_was_entered_in_error_does_not_look_as_if_it_held() -> None:
    letter = {"resourceType": "DocumentReference", "status": "current", "type": {"text": "Letter"}}
    entry = only(merge(items=[item(resource={**letter, "docStatus": "entered-in-error"})]))
    assert entry.standing is Standing.RETRACTED
    entry = only(merge(items=[item(resource={**letter, "docStatus": "Entered in error"})]))
    assert (entry.standing, entry.may_be_in_error) == (Standing.UNKNOWN, True)
    assert not only(merge(items=[item(resource={**letter, "docStatus": "final"})])).may_be_in_error


def test_what_is_taken_back_properly_stays_so_whatever_else_is_at_fault() -> None:
    taken_back = condition(verificationStatus=concept(code="entered-in-error"), clinicalStatus=["active"])
    assert only(merge(items=[flawed(taken_back)])).standing is Standing.RETRACTED


@pytest.mark.parametrize(
    "flaw",
    [{"identifier": "x"}, {"reaction": "rash"}, {"code": {"text": "No known allergies", "coding": "x"}}, {"x": 1}],
)
def test_no_absence_is_claimed_by_what_has_a_flaw(flaw: dict[str, Any]) -> None:
    nothing = {**allergy(), "code": concept(code=NO_KNOWN_ALLERGY), **flaw}
    sent = flawed(nothing)
    entry = only(merge(items=[sent]))
    assert entry.standing is Standing.NO_INFORMATION
    assert not entry.says_none_known
    assert banner(sent) is AllergyStatus.NOT_RECORDED


def test_a_medicine_with_a_flaw_joins_no_prescription_by_its_code() -> None:
    def prescribed(source: str, **flaw: object) -> list[Item]:
        medicine = {"resourceType": "Medication", "id": "m", "code": concept(code="322236009"), **flaw}
        order = {
            "resourceType": "MedicationRequest",
            "id": "o",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/1"},
            "medicationReference": {"reference": "Medication/m"},
        }
        made = flawed(medicine, source=source) if flaw else item(resource=medicine, source=source)
        return [made, item(resource=order, source=source)]

    assert len(entries(merge(items=[*prescribed("practice"), *prescribed("hospital")]))) == 1
    record = merge(items=[*prescribed("practice"), *prescribed("hospital", form="x")])
    assert len(entries(record)) == 2
    assert not record.conflicts


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("onsetDateTime", ["1 May", "2024"], ("onsetDateTime, as sent", "1 May, 2024")),
        ("code", [["Asthma"]], ("code, as sent", "Asthma")),
        (
            "verificationStatus",
            {"coding": {"system": "http://x", "code": "sure"}},
            ("verificationStatus, as sent", "sure"),
        ),
    ],
)
def test_what_a_field_at_fault_says_is_shown(member: str, value: object, words: tuple[str, str]) -> None:
    assert words in only(merge(items=[flawed({**condition(), member: value})])).details


def test_what_is_told_already_is_not_told_twice() -> None:
    entry = only(merge(items=[flawed(condition(onsetDateTime="May 2024"))]))
    assert entry.date is not None
    assert entry.date.text == "May 2024"
    assert not [label for label, _ in entry.details if "as sent" in label]


def test_words_at_fault_beside_a_code_do_not_keep_it_from_joining() -> None:
    code = concept(code="195967001")
    sent = flawed({**condition(), "code": {**code, "text": ""}})
    record = merge(items=[sent, item(resource={**condition(), "code": code})])
    assert [len(entry.items) for entry in record.section(RecordCategory.PROBLEMS).entries] == [2]
