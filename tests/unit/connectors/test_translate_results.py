"""Reports, specimens, requests, documents and forms, STU3 -> R4."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.gp_connect.translate import Translation, translate
from connectors.gp_connect.translation.elements import ABSENT
from tests.unit.connectors.translating import PATIENT, made

CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}
ENCOUNTER = {"reference": "Encounter/e1"}


def test_a_report_keeps_its_conclusion_its_results_and_its_specimens() -> None:
    report = made(
        "DiagnosticReport",
        status="final",
        code=CODE,
        subject=PATIENT,
        context=ENCOUNTER,
        category={"text": "haematology"},
        basedOn=[{"reference": "ProcedureRequest/r1"}],
        performer=[{"role": {"text": "lab"}, "actor": {"reference": "Organization/1"}}],
        result=[{"reference": "Observation/1"}, {"reference": "Observation/2"}],
        specimen=[{"reference": "Specimen/1"}],
        image=[{"comment": "x-ray", "link": {"reference": "Media/1"}}],
        conclusion="Normal",
        codedDiagnosis=[{"text": "well"}],
    )
    resource = report.resource
    assert resource["encounter"] == ENCOUNTER
    assert resource["category"] == [{"text": "haematology"}]
    assert resource["basedOn"] == [{"reference": "ServiceRequest/r1"}]
    assert resource["performer"] == [{"reference": "Organization/1"}]
    assert resource["result"] == [{"reference": "Observation/1"}, {"reference": "Observation/2"}]
    assert resource["media"] == [{"comment": "x-ray", "link": {"reference": "Media/1"}}]
    assert (resource["conclusion"], resource["conclusionCode"]) == ("Normal", [{"text": "well"}])
    assert report.notes == ("DiagnosticReport.performer.role",)


def test_a_specimen_is_the_same_in_both_releases() -> None:
    members: dict[str, Any] = {
        "status": "available",
        "type": CODE,
        "subject": PATIENT,
        "collection": {"collectedDateTime": "2019-04-01T11:00:00+00:00"},
        "note": [{"text": "haemolysed"}],
    }
    specimen = made("Specimen", **members)
    assert specimen.resource == {"resourceType": "Specimen", "id": "x1", **members}
    assert specimen.notes == ()


def referral(**members: Any) -> Translation:
    return made("ReferralRequest", **{"status": "active", "intent": "order", "subject": PATIENT, **members})


def test_a_referral_keeps_its_reason_its_urgency_and_whom_it_is_to() -> None:
    translation = referral(
        priority="urgent",
        type={"text": "outpatient"},
        serviceRequested=[{"text": "assess"}, {"text": "treat"}],
        requester={"agent": {"reference": "Practitioner/1"}},
        recipient=[{"reference": "Organization/2"}],
        specialty={"text": "cardiology"},
        reasonCode=[{"text": "chest pain"}],
        description="Thank you for seeing",
        note=[{"text": "second"}],
        groupIdentifier={"value": "7"},
        context=ENCOUNTER,
        definition=[{"reference": "ActivityDefinition/1"}],
    )
    resource = translation.resource
    assert resource["resourceType"] == "ServiceRequest"
    assert (resource["status"], resource["intent"], resource["priority"]) == ("active", "order", "urgent")
    assert resource["category"] == [{"text": "outpatient"}]
    assert (resource["code"], resource["orderDetail"]) == ({"text": "assess"}, [{"text": "treat"}])
    assert resource["requester"] == {"reference": "Practitioner/1"}
    assert resource["performer"] == [{"reference": "Organization/2"}]
    assert resource["performerType"] == {"text": "cardiology"}
    assert resource["reasonCode"] == [{"text": "chest pain"}]
    assert resource["note"] == [{"text": "Thank you for seeing"}, {"text": "second"}]
    assert resource["requisition"] == {"value": "7"}
    assert resource["encounter"] == ENCOUNTER
    assert translation.notes == ("ReferralRequest.definition",)


@pytest.mark.parametrize(("sent", "status"), [("suspended", "on-hold"), ("cancelled", "revoked"), ("draft", "draft")])
def test_a_request_that_was_ended_never_looks_active(sent: str, status: str) -> None:
    translation = referral(status=sent)
    assert translation.resource["status"] == status
    assert (translation.notes == ()) == (sent == status)


def test_a_diary_entry_says_when_it_is_due() -> None:
    translation = made(
        "ProcedureRequest",
        status="active",
        intent="plan",
        code=CODE,
        subject=PATIENT,
        occurrenceDateTime="2026-01-23",
        performer={"reference": "Practitioner/2"},
        requester={"agent": {"reference": "Organization/3"}},
    )
    resource = translation.resource
    assert (resource["resourceType"], resource["intent"]) == ("ServiceRequest", "plan")
    assert resource["occurrenceDateTime"] == "2026-01-23"
    assert resource["performer"] == [{"reference": "Practitioner/2"}]
    assert resource["requester"] == {"reference": "Organization/3"}
    assert translation.notes == ()


def letter(**members: Any) -> Translation:
    return made(
        "DocumentReference",
        **{
            "status": "current",
            "type": {"text": "Letter"},
            "subject": PATIENT,
            "indexed": "2020-12-22T14:55:58.567+00:00",
            "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/1", "size": 13}}],
            **members,
        },
    )


def test_a_letter_has_its_own_day_and_the_day_on_which_it_was_filed() -> None:
    translation = letter(
        created="2020-12-20",
        context={
            "encounter": ENCOUNTER,
            "related": [{"identifier": {"value": "7"}, "ref": {"reference": "Observation/1"}}],
        },
        **{"class": {"text": "clinical"}},
    )
    resource = translation.resource
    assert resource["date"] == "2020-12-22T14:55:58.567+00:00"
    (content,) = resource["content"]
    assert content["attachment"] == {
        "contentType": "text/plain",
        "url": "Binary/1",
        "size": 13,
        "creation": "2020-12-20",
    }
    assert resource["category"] == [{"text": "clinical"}]
    assert resource["context"] == {
        "encounter": [ENCOUNTER],
        "related": [{"reference": "Observation/1", "identifier": {"value": "7"}}],
    }
    assert translation.notes == ()


def test_a_letters_day_gives_way_to_what_its_content_says() -> None:
    attachment = {"url": "Binary/1", "creation": "2019-01-01"}
    translation = letter(created="2020-12-20", content=[{"attachment": attachment}])
    assert translation.resource["content"][0]["attachment"] == attachment
    assert translation.notes == ("DocumentReference.created",)


def test_a_letter_whose_length_is_not_as_said_is_named() -> None:
    honest = letter(content=[{"attachment": {"data": "aGVsbG8=", "size": 5}}])
    lying = letter(content=[{"attachment": {"data": "aGVsbG8=", "size": 50_000_000}}])
    assert honest.notes == ()
    assert lying.notes == ("DocumentReference.content.attachment.size: not the length of what is there",)


@pytest.mark.parametrize("address", ["file:///etc/passwd", " JavaScript:alert(1)", "data:text/html,x"])
def test_an_address_that_would_open_a_file_or_run_something_is_left_out(address: str) -> None:
    sent = {"resourceType": "DocumentReference", "content": [{"attachment": {"url": address, "title": "Letter"}}]}
    translation = translate(resource=sent)
    assert translation.resource["content"] == [{"attachment": {"title": "Letter"}}]
    assert "DocumentReference.content.attachment.url" in translation.notes


def test_a_binarys_content_is_its_data() -> None:
    resource = made("Binary", contentType="text/plain", content="aGVsbG8=").resource
    assert resource == {"resourceType": "Binary", "id": "x1", "contentType": "text/plain", "data": "aGVsbG8="}


def test_a_form_without_link_ids_keeps_its_answers() -> None:
    answer = {"valueReference": {"reference": "Observation/1"}}
    sent = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "parent": [{"reference": "Observation/2"}],
        "context": ENCOUNTER,
        "questionnaire": {"reference": "Questionnaire/1", "display": "Smoking"},
        "item": [{"text": "Do you smoke?", "answer": [answer], "item": [{"linkId": "1"}]}],
    }
    translation = translate(resource=sent)
    resource = translation.resource
    (item,) = resource["item"]
    assert (item["text"], item["answer"], item["item"]) == ("Do you smoke?", [answer], [{"linkId": "1"}])
    assert item["_linkId"]["extension"][0]["valueCode"] == "unknown"
    assert (resource["partOf"], resource["encounter"]) == ([{"reference": "Observation/2"}], ENCOUNTER)
    assert resource["questionnaire"] == "Questionnaire/1"
    assert set(translation.notes) == {
        "QuestionnaireResponse.questionnaire.display",
        "QuestionnaireResponse.item.linkId: the source does not say",
    }


def test_a_question_is_asked_under_the_same_conditions() -> None:
    item = {
        "linkId": "1",
        "type": "choice",
        "options": {"reference": "ValueSet/1"},
        "initialCoding": {"code": "a"},
        "enableWhen": [{"question": "0", "hasAnswer": True}, {"question": "0", "answerString": "yes"}],
    }
    resource = made("Questionnaire", status="active", item=[{"linkId": "0", "type": "group", "item": [item]}]).resource
    assert resource["item"][0]["item"] == [
        {
            "linkId": "1",
            "type": "choice",
            "answerValueSet": "ValueSet/1",
            "initial": [{"valueCoding": {"code": "a"}}],
            "enableWhen": [
                {"question": "0", "operator": "exists", "answerBoolean": True},
                {"question": "0", "operator": "=", "answerString": "yes"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("kind", "flag", "members", "status"),
    [
        ("Procedure", "notDone", {"status": "completed", "subject": PATIENT}, "not-done"),
        ("MedicationAdministration", "notGiven", {"status": "completed", "subject": PATIENT}, "not-done"),
        ("MedicationDispense", "notDone", {"status": "completed"}, "declined"),
        ("Communication", "notDone", {"status": "completed"}, "not-done"),
        ("FamilyMemberHistory", "notDone", {"status": "completed", "patient": PATIENT}, "health-unknown"),
    ],
)
def test_what_was_not_done_never_looks_done(kind: str, flag: str, members: dict[str, Any], status: str) -> None:
    sent = {"resourceType": kind, **members}
    assert translate(resource={**sent, flag: True}).resource["status"] == status
    assert translate(resource={**sent, flag: "true"}).resource["status"] == status
    assert translate(resource={**sent, flag: False}).resource["status"] == "completed"
    error = translate(resource={**sent, "status": "entered-in-error", flag: True})
    assert error.resource["status"] == "entered-in-error"
    assert f"{kind}.{flag}: carried as the status" in error.notes


UNREAD: list[dict[str, Any]] = [
    {"flag": "yes"},
    {"flag": 1},
    {"flag": {"value": True}},
    {"_flag": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}},
]


@pytest.mark.parametrize("sent", UNREAD)
@pytest.mark.parametrize(
    ("kind", "flag", "status"),
    [
        ("Immunization", "notGiven", None),
        ("Procedure", "notDone", "unknown"),
        ("MedicationAdministration", "notGiven", "unknown"),
    ],
)
def test_where_it_cannot_be_read_whether_it_was_done_it_does_not_look_done(
    kind: str, flag: str, status: str | None, sent: dict[str, Any]
) -> None:
    members = {name.replace("flag", flag): value for name, value in sent.items()}
    entry = {"resourceType": kind, "status": "completed", **members}
    translation = translate(resource=entry)
    assert translation.resource.get("status") == status
    assert {f"{kind}.{flag}", f"{kind}.status"} <= set(translation.notes)
    error = translate(resource={**entry, "status": "entered-in-error"})
    assert error.resource["status"] == "entered-in-error"
    null = translate(resource={"resourceType": kind, "status": "completed", flag: None})
    assert null.resource["status"] == "completed"


def test_that_something_is_not_to_be_done_is_not_lost_where_it_cannot_be_read() -> None:
    error = {"extension": [{"url": ABSENT, "valueCode": "error"}]}
    made = translate(resource={"resourceType": "ProcedureRequest", "status": "active", "doNotPerform": "yes"})
    assert made.resource["_doNotPerform"] == error
    detail = {"status": "scheduled", "prohibited": 1}
    plan = translate(resource={"resourceType": "CarePlan", "status": "active", "activity": [{"detail": detail}]})
    assert plan.resource["activity"][0]["detail"]["_doNotPerform"] == error


def test_what_r4_demands_and_nobody_said_is_said_to_be_unknown() -> None:
    translation = made("Media", type="photo", content={"url": "http://x.example/1"})
    assert translation.resource["status"] == "unknown"
    assert translation.resource["type"]["coding"][0]["code"] == "image"
    assert translation.notes == ("Media.status: the source does not say",)
    goal = translate(resource={"resourceType": "Goal", "status": "achieved", "description": {"text": "walk"}})
    assert goal.resource["subject"]["extension"][0]["valueCode"] == "unknown"
    assert (goal.resource["lifecycleStatus"], goal.resource["achievementStatus"]["text"]) == ("completed", "achieved")
