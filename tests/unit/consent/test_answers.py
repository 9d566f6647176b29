"""What is counted and said of an answer is taken from what may be shown of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aggregator.consent import answers
from aggregator.consent.answers import PermittedAnswers, SourceAnswer, permit_answers
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.values import QuarantinedEntry
from fhir_data.errors import EntryFault
from fhir_data.labels import Label, labels_of_refused
from fhir_data.limits import MAX_VALUES
from tests.factories import NOW, condition, item, observation, permitting, restricted

R = Label(system="", code="R")
OPEN = item(resource=condition(id="o"))
NOT_A_NUMBER = {"note": [{"text": 10**60}]}


def permitted(**values: Any) -> PermittedAnswers:
    answer = SourceAnswer(**{"source_id": "practice", "received_at": NOW, **PLAIN, **values})
    return permit_answers(answers=[answer], decision=permitting())


PLAIN: dict[str, Any] = {"items": (OPEN,), "quarantined": (), "notices": ()}


def set_aside(body: bytes) -> QuarantinedEntry:
    return QuarantinedEntry(
        reason=EntryFault.BAD_NUMBER,
        detail="",
        original=body,
        category=RecordCategory.PROBLEMS,
        labels=labels_of_refused(entry=body),
    )


def unreadable(**members: Any) -> QuarantinedEntry:
    return set_aside(json.dumps({**condition(id="q", **NOT_A_NUMBER), **members}).encode())


def test_an_entry_that_cannot_be_read_is_counted() -> None:
    shown = permitted(quarantined=(unreadable(), set_aside(b"{")))
    assert len(shown.answers[0].quarantined) == 2
    assert not shown.is_withheld


@pytest.mark.parametrize("members", [{"meta": restricted()}, {"meta": {"security": "R"}}, {"securitylabel": "x"}])
def test_one_that_is_labelled_is_withheld_and_not_counted(members: dict[str, Any]) -> None:
    shown = permitted(quarantined=(unreadable(**members),))
    assert shown.answers[0].quarantined == ()
    assert shown.is_withheld
    assert len(shown.withheld) == 1


def test_what_points_to_one_that_is_labelled_does_not_tell_of_it() -> None:
    pointing = item(resource=observation(id="x", hasMember=[{"reference": "Condition/q"}]))
    (shown,) = permitted(items=(pointing,), quarantined=(unreadable(meta=restricted()),)).items
    assert b"Condition/q" not in shown.resource


def test_an_unreadable_list_hands_its_label_on() -> None:
    listed = {
        "resourceType": "List",
        "id": "q",
        "entry": [{"item": {"reference": "Condition/o"}}],
        "meta": restricted(),
    }
    shown = permitted(quarantined=(set_aside(json.dumps({**listed, **NOT_A_NUMBER}).encode()),))
    assert shown.items == ()


@pytest.mark.parametrize(("meta", "shown"), [({}, 1), (restricted(), 0)])
def test_of_one_that_holds_too_much_to_be_parsed_only_names_are_read(
    meta: dict[str, Any], shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [{"item": {"reference": f"Condition/{number}"}} for number in ("o", *range(MAX_VALUES))]
    too_large = set_aside(
        json.dumps({"resourceType": "List", "id": "q", "meta": meta, "entry": entries}, ensure_ascii=False).encode()
    )
    parsed: list[bytes] = []
    monkeypatch.setattr(answers, "read_entry", lambda *, entry: parsed.append(entry))
    about = item(resource=condition(id="o"))
    answer = permitted(items=(about,), quarantined=(too_large,))
    assert len(answer.items) == len(answer.answers[0].quarantined) == shown
    assert parsed == []


def test_a_labelled_warning_is_not_repeated_and_something_is_withheld() -> None:
    said = Notice(code=NoticeCode.INCOMPLETE, text="Her test of last week is not here.")
    shown = permitted(notices=(replace(said, labels=(R,)), Notice(code=NoticeCode.DATA_IN_TRANSIT)))
    assert shown.answers[0].notices == (Notice(code=NoticeCode.DATA_IN_TRANSIT),)
    assert shown.is_withheld


def test_a_labelled_patient_withholds_what_is_about_them_in_that_answer() -> None:
    patient = item(resource={"resourceType": "Patient", "id": "1", "meta": restricted()}, category="supporting")
    shown = permitted(patient=patient, patient_read=patient.resource, quarantined=(unreadable(),))
    (answer,) = shown.answers
    assert (answer.items, answer.quarantined, answer.patient, answer.patient_read) == ((), (), None, None)
    assert shown.is_withheld
    assert shown.is_whereabouts_restricted


def test_a_label_on_another_copy_of_the_patient_restricts_the_whereabouts_that_others_tell() -> None:
    patient = item(resource={"resourceType": "Patient", "id": "1"}, category="supporting", labels=(R,))
    shown = permitted(patient=patient, patient_read=patient.resource)
    assert shown.is_withheld
    assert shown.is_whereabouts_restricted


def test_a_practitioner_whom_the_patient_as_sent_names_is_kept() -> None:
    doctor = item(resource={"resourceType": "Practitioner", "id": "p"})
    named = {"resourceType": "Patient", "id": "1", "generalPractitioner": [{"reference": "Practitioner/p"}]}
    patient = item(resource=named, category=RecordCategory.SUPPORTING)
    assert doctor in permitted(items=(OPEN, doctor), patient=patient, patient_read=b"{}").items
    assert doctor not in permitted(items=(OPEN, doctor)).items


def test_where_whereabouts_are_restricted_nobody_related_is_shown() -> None:
    mother = item(resource={"resourceType": "RelatedPerson", "id": "m", "address": [{"postalCode": "TM1 1AA"}]})
    told = item(resource=condition(id="t", asserter={"reference": "RelatedPerson/m"}))
    answer = SourceAnswer(source_id="practice", received_at=NOW, items=(told, mother), quarantined=(), notices=())
    for is_restricted, shown in ((False, 2), (True, 1)):
        permitted = permit_answers(answers=[answer], decision=permitting(), is_whereabouts_restricted=is_restricted)
        assert len(permitted.items) == shown
        assert (b"RelatedPerson" in permitted.items[0].resource) is not is_restricted
