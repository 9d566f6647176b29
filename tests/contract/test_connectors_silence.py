"""Silence is not emptiness: what was not answered is said, what came is kept, a wrong address is no patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import (
    CutShort,
    Malformed,
    NotAsked,
    Refused,
    SourceError,
    TimedOut,
    UnknownPatient,
    Unreachable,
)
from connectors.contract.values import Identifier, Reply
from tests.contract.loopback import NHS_NUMBER, PATIENT, SUBJECT, ask, run
from tests.hospital import Answering, Hospital, Said, bundle, outcome, running, spine_error, statement

BY_ID = (Identifier(system="id", value="p1"),)
BY_NUMBER = (Identifier(system="https://hospital.example/mrn", value="MRN/42"),)
LOG_IN = b"<!DOCTYPE html><title>Sign in</title>"
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "code": {"text": "Penicillin"},
    "patient": SUBJECT,
}
CONDITION = {"resourceType": "Condition", "id": "c1", "code": {"text": "Asthma"}, "subject": SUBJECT}
UNSUPPORTED = (400, 404, 405, 422, 501)
Answers = Mapping[str, Said | Answering]


def asked(answers: Answers, *, seconds: float = 5.0, identifiers: Any = BY_ID, kind: str = "fhir_r4") -> Reply:
    known: dict[str, Said | Answering] = {"Patient/p1": Said(body=PATIENT), **answers}
    with running(Hospital(answers=known)) as hospital:
        return run(ask(kind=kind, base=hospital.address, seconds=seconds, identifiers=identifiers))


def failed(answers: Answers, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        asked(answers, **options)
    return caught.value


def ids(reply: Reply) -> set[str]:
    return {json.loads(item.resource)["id"] for item in reply.items}


def unanswered(reply: Reply) -> set[RecordCategory | None]:
    return {notice.category for notice in reply.notices if notice.code in ("not-supported", "incomplete")}


def pages(kind: str, *, came: int, then: Said, **members: Any) -> Answers:
    """Return the answers to a question whose pages come so far and no farther."""

    def answer(path: str) -> Said:
        at = int(path.partition("page=")[2] or 1)
        if at > came:
            return then
        resource = {"resourceType": kind, "id": f"{kind}-{at}", "subject": SUBJECT, "code": {"text": "x"}}
        made = bundle(resource, following=f"{kind}?page={at + 1}")
        made["link"] += members.get("link", [])
        return Said(body={**made, **{key: value for key, value in members.items() if key != "link"}})

    return {kind: answer}


# A type that is declared and cannot be searched


SEARCH = {"interaction": [{"code": "search-type"}]}
NO_WAY: list[dict[str, Any]] = [
    {},
    {"interaction": [{"code": "read"}], "searchParam": [{"name": "patient"}]},
    {**SEARCH, "searchParam": [{"name": "_id"}]},
    {**SEARCH, "searchParam": []},
    {"interaction": [], "searchParam": [{"name": "subject"}]},
]


@pytest.mark.parametrize("declared", NO_WAY)
@pytest.mark.parametrize("kind", ["AllergyIntolerance", "Immunization", "RiskAssessment"])
def test_a_type_that_is_declared_without_a_way_to_search_it_is_asked_for_anyway(
    declared: dict[str, Any], kind: str
) -> None:
    stated = statement("Condition")
    stated["rest"][0]["resource"].append({"type": kind, **declared})
    held = {"resourceType": kind, "id": "x1", "patient": SUBJECT}
    reply = asked(
        {"metadata": Said(body=stated), "Condition": Said(body=bundle(CONDITION)), kind: Said(body=bundle(held))}
    )
    assert ids(reply) | {json.loads(entry.original)["id"] for entry in reply.quarantined} == {"c1", "x1"}


@pytest.mark.parametrize("status", [*UNSUPPORTED, 401, 403, 500, 503, 504])
@pytest.mark.parametrize("body", [outcome(), LOG_IN])
def test_an_error_to_one_question_is_said_in_its_section_and_costs_no_other(status: int, body: Any) -> None:
    reply = asked(
        {
            "metadata": Said(body=statement("Condition", unsearchable=["AllergyIntolerance"])),
            "Condition": Said(body=bundle(CONDITION)),
            "AllergyIntolerance": Said(body=body, status=status),
        }
    )
    assert ids(reply) == {"c1"}
    assert unanswered(reply) == {RecordCategory.ALLERGIES}
    assert reply.in_part == ("searches" if status >= 500 and status != 501 else None)


def test_an_error_in_place_of_an_answer_is_one_whatever_its_status() -> None:
    reply = asked(
        {
            "metadata": Said(body=statement("AllergyIntolerance", "Condition")),
            "Condition": Said(body=bundle(CONDITION)),
            "AllergyIntolerance": Said(body=outcome()),
        }
    )
    assert ids(reply) == {"c1"}
    assert unanswered(reply) == {RecordCategory.ALLERGIES}


@pytest.mark.parametrize("severity", ["error", "fatal"])
@pytest.mark.parametrize("everything", [True, False])
def test_an_error_beside_the_entries_says_that_they_may_not_be_all(severity: str, everything: bool) -> None:
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "exception"}]}
    reply = asked(
        {
            "metadata": Said(body=statement("AllergyIntolerance", "Condition", everything=everything)),
            "Patient/p1/$everything": Said(body=bundle(PATIENT, CONDITION, error)),
            "Condition": Said(body=bundle(CONDITION)),
            "AllergyIntolerance": Said(body=bundle(error)),
        }
    )
    assert ids(reply) == {"c1"}
    assert unanswered(reply) == {None if everything else RecordCategory.ALLERGIES}


def test_a_warning_beside_the_entries_is_no_error() -> None:
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    reply = asked({"metadata": Said(body=statement("Condition")), "Condition": Said(body=bundle(CONDITION, warning))})
    assert unanswered(reply) == set()


def test_observations_that_cannot_be_read_are_said_in_every_section_that_they_fill() -> None:
    reply = asked(
        {
            "metadata": Said(body=statement("Condition", "Observation")),
            "Condition": Said(body=bundle(CONDITION)),
            "Observation": Said(body=outcome(), status=400),
        }
    )
    assert unanswered(reply) == {RecordCategory.RESULTS, RecordCategory.OBSERVATIONS, RecordCategory.HISTORY}


@pytest.mark.parametrize(
    "stated",
    [
        statement(),
        {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"},
        statement("Practitioner", "Organization", unsearchable=["Location", "ValueSet", "StructureDefinition"]),
    ],
)
def test_a_server_that_declares_nothing_clinical_is_not_asked(stated: dict[str, Any]) -> None:
    failure = failed({"metadata": Said(body=stated)})
    assert isinstance(failure, NotAsked)
    assert failure.reason == "nothing-searchable"


@pytest.mark.parametrize("status", UNSUPPORTED)
@pytest.mark.parametrize("everything", [True, False])
def test_a_server_that_has_no_answer_to_any_question_is_not_asked(status: int, everything: bool) -> None:
    refused = Said(body=outcome(), status=status)
    failure = failed(
        {
            "metadata": Said(body=statement("Condition", "Flag", everything=everything)),
            "Patient/p1/$everything": refused,
            "Condition": refused,
            "Flag": refused,
        }
    )
    assert isinstance(failure, NotAsked)
    assert failure.reason == "nothing-searchable"


def test_a_server_that_refuses_every_question_refuses() -> None:
    refused = Said(body=outcome(), status=403)
    failure = failed({"metadata": Said(body=statement("Condition", "Flag")), "Condition": refused, "Flag": refused})
    assert isinstance(failure, Refused)
    assert failure.reason == "credentials"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 501])
def test_everything_that_is_declared_and_not_there_leaves_the_searches(status: int) -> None:
    reply = asked(
        {
            "metadata": Said(body=statement("Condition", everything=True)),
            "Patient/p1/$everything": Said(body=outcome(), status=status),
            "Condition": Said(body=bundle(CONDITION)),
        }
    )
    assert ids(reply) == {"c1"}


# A wrong address


@pytest.mark.parametrize("identifiers", [BY_ID, BY_NUMBER])
@pytest.mark.parametrize(
    ("metadata", "patient"),
    [
        (Said(body=LOG_IN, status=404), Said(body=LOG_IN, status=404)),
        (Said(body=outcome(), status=404), Said(body=LOG_IN, status=404)),
        (Said(body=LOG_IN, status=405), Said(body=b"", status=405)),
        (Said(body=LOG_IN, status=501), Said(body={"message": "no"}, status=404)),
        (Said(body=LOG_IN, status=410), Said(body=[], status=404)),
        (Said(body=LOG_IN, status=404), Said(body=LOG_IN)),
        (Said(body=LOG_IN, status=404), Said(body=LOG_IN, status=403)),
        (Said(body=LOG_IN, status=404), Said(body=LOG_IN, status=500)),
        (Said(body=LOG_IN), Said(body=LOG_IN)),
        (Said(body=b"ok"), Said(body={"status": "ok"})),
        (Said(body={"status": "ok"}), Said(body=b"", status=404)),
        (Said(body=LOG_IN, status=406), Said(body=LOG_IN, status=404)),
    ],
)
def test_an_address_without_fhir_is_said_to_have_none(
    metadata: Said, patient: Said, identifiers: Sequence[Identifier]
) -> None:
    failure = failed(
        {"": metadata, "metadata": metadata, "Patient": patient, "Patient/p1": patient}, identifiers=identifiers
    )
    assert isinstance(failure, Unreachable)
    assert failure.reason == "no-fhir-server"


@pytest.mark.parametrize(
    ("metadata", "patient"),
    [
        (Said(body=outcome(), status=404), Said(body=outcome(), status=404)),
        (Said(body=LOG_IN, status=404), Said(body=outcome(), status=410)),
        (Said(body=statement("Condition")), Said(body=outcome(), status=404)),
        (Said(body=statement("Condition")), Said(body=LOG_IN, status=404)),
    ],
)
def test_a_fhir_server_that_does_not_have_the_patient_says_so(metadata: Said, patient: Said) -> None:
    with pytest.raises(UnknownPatient):
        asked({"metadata": metadata, "Patient/p1": patient})


def test_a_search_for_patients_that_is_not_there_is_no_word_about_the_patient() -> None:
    answers = {"metadata": Said(body=statement("Condition")), "Patient?": Said(body=LOG_IN, status=404)}
    assert failed(answers, identifiers=BY_NUMBER).reason == "no-fhir-server"


def test_xml_is_fhir_that_cannot_be_read_and_no_wrong_address() -> None:
    xml = Said(body=b"<CapabilityStatement xmlns='http://hl7.org/fhir'/>")
    failure = failed({"metadata": xml, "Patient/p1": xml})
    assert isinstance(failure, Malformed)
    assert failure.reason == "not-fhir"


NUMBER = (Identifier(system="https://fhir.nhs.uk/Id/nhs-number", value=NHS_NUMBER),)


@pytest.mark.parametrize("status", [404, 405, 410, 501])
@pytest.mark.parametrize("body", [LOG_IN, b"", {"message": "no"}, []])
def test_an_address_without_a_practice_is_said_to_have_none(status: int, body: Any) -> None:
    failure = failed({"Patient/$gpc": Said(body=body, status=status)}, kind="gp_connect", identifiers=NUMBER)
    assert isinstance(failure, Unreachable)
    assert failure.reason == "no-fhir-server"


def test_a_practice_that_refuses_a_patient_is_no_wrong_address() -> None:
    said = Said(body=spine_error("PATIENT_NOT_FOUND"), status=404)
    assert failed({"Patient/$gpc": said}, kind="gp_connect", identifiers=NUMBER).reason == "not-released"


# What arrived


LOST = [
    Said(after_s=9),
    Said(body=outcome(), status=504),
    Said(body=LOG_IN, status=502),
    Said(body=bundle(CONDITION), short_by=10),
]


@pytest.mark.parametrize("lost", LOST)
def test_one_of_several_searches_that_is_lost_is_said_and_the_others_go_on(lost: Said) -> None:
    reply = asked(
        {
            "metadata": Said(body=statement("AllergyIntolerance", "Condition", "Flag", "Goal", "Procedure")),
            **{kind: Said(body=bundle()) for kind in ("Flag", "Goal", "Procedure")},
            "AllergyIntolerance": lost,
            "Condition": Said(body=bundle(CONDITION)),
        },
        seconds=2,
    )
    assert ids(reply) == {"c1"}
    assert reply.in_part == "searches"
    assert unanswered(reply) == {RecordCategory.ALLERGIES}


@pytest.mark.parametrize(
    "lost",
    [
        *LOST,
        Said(body=outcome()),
        *(Said(body=outcome(), status=status) for status in (401, 403, 404)),
        Said(status=410),
    ],
)
@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"total": 5}, "Only 2 of 5 pages of problems and diagnoses"),
        (
            {"link": [{"relation": "last", "url": "Condition?page=5"}]},
            "Only 2 of 5 pages of problems and diagnoses",
        ),
        ({"total": 1}, "first 2 pages of problems and diagnoses"),
        ({}, "first 2 pages of problems and diagnoses"),
    ],
)
def test_pages_that_came_are_kept_when_a_later_one_is_lost(lost: Said, members: dict[str, Any], said: str) -> None:
    reply = asked(
        {"metadata": Said(body=statement("Condition")), **pages("Condition", came=2, then=lost, **members)}, seconds=2
    )
    assert ids(reply) == {"Condition-1", "Condition-2"}
    assert reply.in_part == "pages"
    (notice,) = [notice for notice in reply.notices if notice.code == "incomplete"]
    assert notice.category is RecordCategory.PROBLEMS
    assert said in notice.text


def test_the_number_of_pages_is_read_from_offsets_too() -> None:
    links = [{"relation": "last", "url": "Condition?page=2&_getpagesoffset=800"}]

    def answer(path: str) -> Said:
        if "offset" in path:
            return LOST[1]
        made = bundle(CONDITION, following="Condition?_getpagesoffset=200")
        made["link"] += links
        return Said(body=made)

    reply = asked({"metadata": Said(body=statement("Condition")), "Condition": answer})
    (notice,) = [notice for notice in reply.notices if notice.code == "incomplete"]
    assert "Only 1 of 5 pages" in notice.text


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_page_of_everything_may_have_held_anything(lost: Said) -> None:
    def answer(path: str) -> Said:
        return lost if "page=2" in path else Said(body=bundle(PATIENT, CONDITION, following="$everything?page=2"))

    reply = asked({"metadata": Said(body=statement(everything=True)), "Patient/p1/$everything": answer}, seconds=2)
    assert ids(reply) == {"c1"}
    assert reply.in_part == "pages"
    assert unanswered(reply) == {None}


@pytest.mark.parametrize(("lost", "error"), [*zip(LOST, (TimedOut, Unreachable, Unreachable, CutShort), strict=True)])
@pytest.mark.parametrize("everything", [True, False])
def test_where_nothing_clinical_came_the_source_is_lost(lost: Said, error: type[SourceError], everything: bool) -> None:
    def answer(path: str) -> Said:
        return lost if "page=2" in path else Said(body=bundle(PATIENT, following="$everything?page=2"))

    failure = failed(
        {
            "metadata": Said(body=statement("Condition", "Flag", everything=everything)),
            "Patient/p1/$everything": answer,
            "Condition": lost,
            "Flag": Said(body=bundle()),
        },
        seconds=2,
    )
    assert isinstance(failure, error)


OUTRIGHT = [
    (Said(body=LOG_IN), "not-fhir"),
    (Said(body=b'{"resourceType":"Bundle","entry":['), "not-fhir"),
    (Said(status=302), "redirect"),
    (Said(body=bundle(following="https://elsewhere.example/fhir")), "paging"),
    (Said(body=bundle(following="Condition?page=2")), "paging"),
]


@pytest.mark.parametrize(("hostile", "reason"), OUTRIGHT)
def test_an_answer_of_which_a_page_is_not_to_be_trusted_fails_whole(hostile: Said, reason: str) -> None:
    failure = failed(
        {
            "metadata": Said(body=statement("AllergyIntolerance", "Condition")),
            "AllergyIntolerance": Said(body=bundle(ALLERGY)),
            **pages("Condition", came=1, then=hostile),
        }
    )
    assert isinstance(failure, Malformed)
    assert failure.reason == reason


def test_what_the_record_refers_to_takes_no_time_from_what_came() -> None:
    recorder = {"reference": "Practitioner/slow"}
    reply = asked(
        {
            "metadata": Said(body=statement("AllergyIntolerance")),
            "AllergyIntolerance": Said(body=bundle({**ALLERGY, "recorder": recorder})),
            "Practitioner/slow": Said(body=outcome(), after_s=9),
        },
        seconds=1,
    )
    assert ids(reply) == {"a1"}
    assert reply.in_part is None
