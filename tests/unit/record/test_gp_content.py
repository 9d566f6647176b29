"""What practices tell of medicines, problems, vaccines, referrals, plans and letters is on their lines."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.extensions import plain_name
from aggregator.record.merge import merge
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, concept, condition, fact, immunisation, item, lines, observation, order, statement

Json = dict[str, Any]
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
CARE_CONNECT = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"{UK_CORE}VaccinationProcedure", "VaccinationProcedure"),
        (f"{CARE_CONNECT}VaccinationProcedure-1", "VaccinationProcedure"),
        ("http://hl7.org/fhir/StructureDefinition/data-absent-reason", "data-absent-reason"),
        ("target", "target"),
        ("", ""),
    ],
)
def test_an_extension_has_one_plain_name_whoever_publishes_it(url: str, name: str) -> None:
    assert plain_name(url=url) == name


# Medicines


@pytest.mark.parametrize(("status", "told"), [("active", ()), ("completed", (("Why it ended", "Rash"),))])
def test_why_an_earlier_prescription_was_stopped_is_not_said_of_one_that_is_current(status: str, told: Any) -> None:
    plan = {"reference": "MedicationRequest/plan"}
    stopped = order(id="plan", status="stopped", statusReason={"text": "Rash"}, intent="plan")
    summary = statement(id="summary", status=status, basedOn=[plan])
    record = merge(items=[item(resource=stopped), item(resource=summary)])
    (entry,) = record.section(RecordCategory.MEDICATIONS).entries
    assert tuple(line for line in entry.details if line[0] == "Why it ended") == told


@pytest.mark.parametrize("base", [UK_CORE, CARE_CONNECT])
def test_who_prescribes_a_medicine_and_when_it_was_last_issued(base: str) -> None:
    told = statement(
        extension=[
            {"url": f"{base}MedicationPrescribingOrganizationType", "valueCodeableConcept": {"text": "Hospital"}},
            {"url": f"{base}MedicationStatementLastIssueDate", "valueDateTime": "2024-05-01"},
        ]
    )
    assert lines(resource=told) == (("Last issued", "2024-05-01"), ("Prescribing agency", "Hospital"))


@pytest.mark.parametrize(
    ("issued", "allowed", "words"),
    [("3", "6", "3 of 6 allowed"), ("3", "", "3"), ("", "6", "6 allowed"), ("0", "6", "0 of 6 allowed")],
)
def test_how_many_issues_there_have_been_of_how_many(issued: str, allowed: str, words: str) -> None:
    part = [{"url": "numberOfPrescriptionsIssued", "valueUnsignedInt": issued}] if issued else []
    told = order(
        extension=[{"url": f"{UK_CORE}MedicationRepeatInformation", "extension": part}],
        dispenseRequest={"numberOfRepeatsAllowed": allowed} if allowed else {},
    )
    assert lines(resource=told) == (("Issues so far", words),)


def test_a_repeat_prescription_says_so_and_when_it_is_to_be_reviewed() -> None:
    review = {"url": "authorisationExpiryDate", "valueDateTime": "2025-01-01"}
    hl7 = {"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy", "code": "continuous"}
    own = {"system": "https://gp", "code": "repeat", "display": "Repeat dispensing"}
    told = order(
        extension=[{"url": f"{UK_CORE}MedicationRepeatInformation", "extension": [review]}],
        courseOfTherapyType={"coding": [hl7, own]},
        requester={"reference": "Practitioner/p"},
    )
    person = {"resourceType": "Practitioner", "name": [{"prefix": ["Dr"], "given": ["Ama"], "family": "Osei"}]}
    assert lines(resource=told, others={"Practitioner/p": person}) == (
        ("Acute or repeat", "Repeat dispensing"),
        ("Review due", "2025-01-01"),
        ("Prescribed by", "Dr Ama Osei"),
    )
    alone = order(courseOfTherapyType={"coding": [hl7]})
    assert lines(resource=alone) == (("Acute or repeat", "Long term"),)


# Problems, allergies, vaccines


@pytest.mark.parametrize("value", [{"valueCode": "major"}, {"valueCodeableConcept": {"text": "Major"}}])
def test_a_problem_says_whether_it_is_major(value: Json) -> None:
    assert lines(resource=condition(extension=[{"url": f"{CARE_CONNECT}ProblemSignificance-1", **value}])) == (
        ("Significance", "Major"),
    )


def test_an_ended_allergy_says_when_and_why_it_ended() -> None:
    parts = [
        {"url": "endDate", "valueDateTime": "2015-03-01"},
        {"url": "reasonEnded", "valueString": "Tolerated on challenge"},
    ]
    told = allergy(extension=[{"url": f"{UK_CORE}AllergyIntoleranceEnd", "extension": parts}])
    assert lines(resource=told) == (("Ended", "2015-03-01"), ("Why it ended", "Tolerated on challenge"))


def test_a_vaccination_is_headed_by_the_act_and_tells_product_batch_and_site() -> None:
    act = {"url": f"{UK_CORE}VaccinationProcedure", "valueCodeableConcept": concept(code="1", display="First MMR")}
    told = immunisation(
        display="MMRvaxPro",
        extension=[act],
        lotNumber="AB1",
        expirationDate="2026-01-01",
        site={"text": "Left arm"},
        doseQuantity={"value": "0.5", "unit": "mL"},
    )
    assert fact(resource=told).heading == "First MMR"
    assert lines(resource=told) == (
        ("Product", "MMRvaxPro"),
        ("Quantity", "0.5 mL"),
        ("Batch", "AB1"),
        ("Expires", "2026-01-01"),
        ("Site", "Left arm"),
    )
    assert lines(resource=immunisation()) == ()


# Results


def test_a_specimen_says_what_it_is_and_when_it_was_taken_and_received() -> None:
    specimen = {
        "resourceType": "Specimen",
        "type": {"text": "Venous blood"},
        "collection": {"collectedDateTime": "2019-04-01", "bodySite": {"text": "left arm"}},
        "receivedTime": "2019-04-02",
    }
    told = observation(specimen={"reference": "Specimen/s"})
    assert lines(resource=told, others={"Specimen/s": specimen}) == (
        ("Specimen", "Venous blood (left arm)"),
        ("Specimen taken", "2019-04-01"),
        ("Specimen received", "2019-04-02"),
    )
    assert lines(resource=told) == ()


@pytest.mark.parametrize(
    ("interpretation", "words"),
    [
        ([{"coding": [{"code": "H"}]}], "High"),
        ([{"coding": [{"code": "LL"}]}], "Critically low"),
        ([{"coding": [{"code": "H", "display": "Above range"}]}], "Above range"),
        ({"text": "Odd"}, "Odd"),
        ([{"coding": [{"code": "XYZ"}]}], "XYZ"),
    ],
)
def test_a_flag_is_said_in_words(interpretation: Any, words: str) -> None:
    assert lines(resource=observation(interpretation=interpretation)) == (("Flag", words),)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"valueRange": {"low": {"value": "1"}, "high": {"value": "2", "unit": "mg"}}}, "1 to 2 mg"),
        ({"valueRatio": {"numerator": {"value": "1"}, "denominator": {"value": "128"}}}, "1 : 128"),
    ],
)
def test_ranges_and_ratios_are_values(value: Json, words: str) -> None:
    assert lines(resource=observation(**value)) == (("Value", words),)


def test_a_report_says_who_reported_when_and_what_is_concluded() -> None:
    told = {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "conclusion": "Normal",
        "issued": "2019-04-03",
        "performer": [{"display": "Path Lab"}],
    }
    assert lines(resource=told) == (
        ("Status", "preliminary"),
        ("Conclusion", "Normal"),
        ("Reported", "2019-04-03"),
        ("By", "Path Lab"),
    )


# Referrals and plans


def request(**members: Any) -> Json:
    return {"resourceType": "ServiceRequest", "status": "active", "intent": "order", **members}


def test_a_referral_says_why_how_urgently_to_whom_and_by_whom() -> None:
    told = request(
        priority="urgent",
        status="unknown",
        reasonCode=[{"text": "Referral to cardiology"}],
        performer=[{"reference": "Organization/h"}],
        performerType={"text": "Cardiology"},
        requester={"reference": "PractitionerRole/r"},
        authoredOn="2024-05-01",
        note=[{"text": "Two week wait"}],
    )
    others = {
        "Organization/h": {"resourceType": "Organization", "name": "The Royal"},
        "PractitionerRole/r": {
            "resourceType": "PractitionerRole",
            "practitioner": {"reference": "Practitioner/p"},
            "code": [{"text": "GP"}],
            "organization": {"display": "The Surgery"},
        },
        "Practitioner/p": {"resourceType": "Practitioner", "name": [{"text": "Dr Osei"}]},
    }
    assert fact(resource=told).heading == "Referral to cardiology"
    assert lines(resource=told, others=others) == (
        ("Priority", "Urgent"),
        ("Status", "Not known"),
        ("To", "The Royal"),
        ("Specialty", "Cardiology"),
        ("Requested by", "Dr Osei, GP, The Surgery"),
        ("Sent", "2024-05-01"),
        ("Note", "Two week wait"),
    )


def test_a_referral_with_a_code_of_its_own_tells_its_reason_apart() -> None:
    told = request(code={"text": "Physiotherapy"}, reasonCode=[{"text": "Back pain"}])
    assert fact(resource=told).heading == "Physiotherapy"
    assert ("Reason", "Back pain") in lines(resource=told)


def test_a_role_that_names_a_role_ends() -> None:
    roles = {
        "PractitionerRole/r": {"resourceType": "PractitionerRole", "practitioner": {"reference": "PractitionerRole/r"}}
    }
    assert lines(resource=request(requester={"reference": "PractitionerRole/r"}), others=roles) == (
        ("Status", "Active"),
    )


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ({"occurrenceDateTime": "2011-01-15"}, "2011-01-15"),
        ({"occurrencePeriod": {"start": "2011-01-01", "end": "2011-02"}}, "2011-02"),
        ({"occurrencePeriod": {"start": "2011-01-01"}}, "2011-01-01"),
        ({}, None),
    ],
)
def test_a_plan_is_due_and_a_referral_is_not(when: Json, due: str | None) -> None:
    planned = request(intent="plan", code={"text": "Medication review"}, **when)
    (entry,) = merge(items=[item(resource=planned, category=RecordCategory.APPOINTMENTS)]).entries.values()
    assert (entry.due.text if entry.due else None) == due
    (referral,) = merge(items=[item(resource=planned)]).entries.values()
    assert referral.due is None


def test_what_is_yet_to_be_done_comes_first_and_what_is_due_first_before_the_rest() -> None:
    plans = [
        item(
            resource=request(code={"text": words}, occurrenceDateTime=day, status=status),
            category=RecordCategory.APPOINTMENTS,
        )
        for words, day, status in (
            ("done", "2012-01-01", "completed"),
            ("later", "2030-01-01", "active"),
            ("overdue", "2011-01-15", "active"),
            ("called off", "2013-01-01", "revoked"),
        )
    ]
    booked = item(
        resource={"resourceType": "Appointment", "status": "booked", "start": "2027-01-01", "description": "booked"}
    )
    (section,) = merge(items=[*plans, booked]).sections
    assert [entry.heading for entry in section.entries] == ["overdue", "later", "booked", "called off", "done"]


# Letters and questionnaires


def test_a_letter_says_who_wrote_it_where_when_and_what_it_is() -> None:
    scan = {"contentType": "application/pdf", "size": "315497", "title": "scan", "creation": "2019-01-01"}
    letter = {
        "resourceType": "DocumentReference",
        "type": {"text": "Clinical letter"},
        "description": "Cardiology clinic",
        "author": [{"display": "Dr Heart"}],
        "custodian": {"display": "The Surgery"},
        "content": [{"attachment": scan}],
    }
    assert lines(resource=letter) == (
        ("About", "Cardiology clinic"),
        ("Author", "Dr Heart"),
        ("Organisation", "The Surgery"),
        ("Called", "scan"),
        ("Written", "2019-01-01"),
        ("Format", "PDF"),
        ("Size", "315 KB"),
    )


def test_a_letter_that_is_described_by_its_type_says_it_once() -> None:
    assert (
        lines(resource={"resourceType": "DocumentReference", "type": {"text": "Letter"}, "description": "Letter"}) == ()
    )


def test_a_questionnaire_is_told_question_by_question() -> None:
    form = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": "Questionnaire/q",
        "item": [
            {"text": "Smoker?", "answer": [{"valueBoolean": False}]},
            {"linkId": "2", "answer": [{"valueString": "Tea"}, {"valueDate": "2020"}]},
            {"answer": [{"valueDecimal": "1.50"}]},
            {"text": "More", "item": [{"text": "Pets", "answer": [{"valueCoding": {"display": "Dog"}}]}]},
            {"text": "Unanswered"},
        ],
    }
    held = {"Questionnaire/q": {"resourceType": "Questionnaire", "title": "New patient"}}
    assert fact(resource=form, others=held).heading == "New patient"
    assert lines(resource=form) == (
        ("Smoker?", "No"),
        ("2", "Tea; 2020"),
        ("Answer", "1.50"),
        ("More – Pets", "Dog"),
    )
