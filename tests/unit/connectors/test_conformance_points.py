"""What made-up answers show of a point."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract.conformance import Finding, PointVerdict
from connectors.examining import Untestable, judge_resources, media_type, named, object_in, type_in
from connectors.fhir_r4.conformance.talk import Declared, declared_in
from connectors.gp_connect.conformance.looks import LIST_OF_AREA, named_entries, refusal
from connectors.gp_connect.conformance.practice import NOBODYS_NUMBER, WRONG_NUMBER, question
from connectors.gp_connect.request import AREAS
from connectors.transport.client import Answer
from fhir_data.identifiers import is_sound_nhs_number, is_test_nhs_number
from fhir_data.releases import Release

MET, MISSED, NOT_TESTABLE = PointVerdict
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1", "birthDate": "1951-05-04"}


def answer(body: object, *, status: int = 200, content_type: str = "application/fhir+json") -> Answer:
    return Answer(status=status, headers={"content-type": content_type}, body=json.dumps(body).encode())


def spine(code: str, *, status: int = 400) -> Answer:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"details": {"coding": [{"code": code}]}}]}
    return answer(outcome, status=status)


def test_what_is_declared_of_a_type_in_several_places_is_put_together() -> None:
    patient = {"type": "Patient", "interaction": [{"code": "read"}], "searchParam": [{"name": "identifier"}]}
    again = {"type": "Patient", "interaction": [{"code": "search-type"}], "operation": [{"name": "$everything"}]}
    client = {"mode": "client", "resource": [{"type": "Goal"}]}
    declared = declared_in({"rest": [{"mode": "server", "resource": [patient]}, {"resource": again}, client]})
    assert declared == {
        "Patient": Declared(can_search=True, parameters=frozenset({"identifier"}), operations=frozenset({"everything"}))
    }


@pytest.mark.parametrize(
    ("parameters", "by"),
    [({"patient", "subject"}, "patient"), ({"subject"}, "subject"), ({"_id"}, ""), (set(), "")],
)
def test_a_patients_entries_are_searched_for_by_what_is_declared(parameters: set[str], by: str) -> None:
    assert Declared(parameters=frozenset(parameters)).by_patient == by


def test_of_a_type_only_a_name_of_fhir_is_repeated() -> None:
    assert named(["Condition", "Mr Smith"], release=Release.R4) == "Condition, a type that FHIR lacks"
    many = [f"X{number}" for number in range(20)]
    assert named(many, release=Release.R4) == "a type that FHIR lacks"
    types = "Account Basic CarePlan Claim Condition Consent Coverage Device Encounter Flag".split()
    assert named(types, release=Release.R4).endswith("Coverage, Device and 2 more")


def test_entries_are_judged_as_an_answer_s_are_and_told_without_what_they_say() -> None:
    sound = json.dumps(PATIENT).encode()
    assert judge_resources([sound], release=Release.R4) == Finding(
        verdict=MET, evidence="1 entry, all as the standard says"
    )
    wrong = json.dumps({**PATIENT, "birthDate": "the fourth of May"}).encode()
    strange = json.dumps({"resourceType": "Ellwood", "name": "Katherine"}).encode()
    found = judge_resources([sound, wrong, strange, b"not JSON"], release=Release.R4)
    assert found.verdict is MISSED
    assert found.evidence.startswith("3 of 4 entries are not as the standard says: no type of FHIR 2 (")
    assert "Patient 1 (birthDate)" in found.evidence
    assert not any(text in found.evidence for text in ("May", "Ellwood", "Katherine", "1951"))


def test_of_no_entries_nothing_is_found() -> None:
    with pytest.raises(Untestable, match="no entry came"):
        judge_resources([], release=Release.R4)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"Patient"', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_object_is_an_empty_one(body: bytes) -> None:
    assert object_in(body) == {}
    assert type_in(Answer(status=200, headers={}, body=body)) == ""


def test_a_media_type_is_read_without_its_parameters() -> None:
    assert media_type(answer({}, content_type="Application/FHIR+json; charset=UTF-8")) == "application/fhir+json"
    assert media_type(Answer(status=200, headers={}, body=b"")) == ""


@pytest.mark.parametrize(
    ("given", "verdict", "evidence"),
    [
        (spine("BAD_REQUEST"), MET, "status 400, BAD_REQUEST"),
        (spine("bad request"), MET, "status 400, BAD_REQUEST"),
        (spine("BAD_REQUEST", status=422), MISSED, "status 422, BAD_REQUEST"),
        (spine("INVALID_PARAMETER"), MISSED, "status 400, INVALID_PARAMETER"),
        (spine("Katherine Ellwood"), MISSED, "status 400, another code"),
        (answer({}, status=400), MISSED, "status 400, no Spine code"),
        (answer({"resourceType": "Bundle"}), MISSED, "status 200, no Spine code"),
    ],
)
def test_a_refusal_counts_by_its_status_and_its_code(given: Answer, verdict: PointVerdict, evidence: str) -> None:
    assert refusal(given, status=400, codes={"BAD_REQUEST"}) == Finding(verdict=verdict, evidence=evidence)


def test_every_clinical_entry_needs_an_identifier_with_a_system() -> None:
    known = {"resourceType": "Condition", "identifier": [{"system": "https://a.example", "value": "1"}]}
    bare = {"resourceType": "Condition", "identifier": [{"value": "1"}]}
    assert named_entries([known, PATIENT]).verdict is MET
    assert named_entries([known, bare]) == Finding(verdict=MISSED, evidence="1 of 2 have none: Condition 1")
    with pytest.raises(Untestable):
        named_entries([PATIENT])


def test_each_area_has_the_list_that_answers_it() -> None:
    assert set(LIST_OF_AREA) == set(AREAS)
    assert len(set(LIST_OF_AREA.values())) == len(AREAS)


def test_the_numbers_that_practices_are_asked_with_are_nobodys() -> None:
    assert is_test_nhs_number(NOBODYS_NUMBER)
    assert not is_sound_nhs_number(WRONG_NUMBER)


def test_a_question_may_break_a_rule() -> None:
    named_twice = json.loads(question(NOBODYS_NUMBER, {"name": "includeAllergies"}))
    assert [each["name"] for each in named_twice["parameter"]] == ["patientNHSNumber", "includeAllergies"]
    assert json.loads(question("", names_patient=False))["parameter"] == []
