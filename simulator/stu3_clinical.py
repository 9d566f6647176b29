"""Writes a practice's problems, allergies, medicines, immunisations, referrals and diary as STU3 resources.

Source: GP Connect Access Record Structured 1.6, resource population pages.
"""

from __future__ import annotations

from datetime import date, timedelta

from simulator.codes import Drug
from simulator.codes_of_care import NO_KNOWN_ALLERGY
from simulator.facts import Allergy, Course, Event, Holding, Problem
from simulator.stu3_page import CARE_EXTENSION, GPC_EXTENSION, PracticePage, extension, moment_of, snomed
from simulator.wire import Resource

PRESCRIPTION_TYPES = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescriptionType-1"
PRESCRIBING_AGENCIES = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-PrescribingAgency-1"
ISSUE_EVERY_DAYS = 28
ISSUES_SENT = 3
REPEATS_ALLOWED = 12
REVIEW_IN_DAYS = 90
WHY_STOPPED = "No longer needed: the problem has resolved"
WORDS = {1: "One", 2: "Two", 6: "Six"}
TIMES = {1: "Each Day", 2: "Twice A Day", 3: "Three Times A Day", 4: "Four Times A Day"}


def write_allergies(*, page: PracticePage, holding: Holding) -> list[Resource]:
    """Write the active allergies, and return the ended ones for the List that contains them.

    A person with none, of whom it was asked, has the entry "no known allergy".
    """
    for allergy in holding.allergies:
        if allergy.ended is None:
            page.add(_allergy(page=page, allergy=allergy), area="allergies")
    if holding.no_known_allergy_on:
        page.add(_no_known_allergy(page=page, asked_on=holding.no_known_allergy_on), area="allergies")
    return [_allergy(page=page, allergy=allergy) for allergy in holding.allergies if allergy.ended]


def _allergy(*, page: PracticePage, allergy: Allergy) -> Resource:
    resource = page.new(kind="AllergyIntolerance", key=allergy.key) | {
        "clinicalStatus": "resolved" if allergy.ended else "active",
        "verificationStatus": "unconfirmed",
        "category": [allergy.allergen.category],
        "code": page.codeable(concept=allergy.allergen.finding),
        "patient": page.patient,
        "onsetDateTime": allergy.recorded.isoformat(),
        "assertedDate": moment_of(day=allergy.recorded),
        "recorder": page.clinician(key=allergy.key),
    }
    if allergy.ended:
        resource["extension"] = [
            {
                "url": GPC_EXTENSION.format("AllergyIntoleranceEnd"),
                "extension": [
                    extension(url="endDate", valueDateTime=allergy.ended.isoformat()),
                    extension(url="reasonEnded", valueString="Cleared on review"),
                ],
            }
        ]
    if allergy.reaction:
        manifestation = {"coding": [snomed(code=allergy.reaction.snomed, display=allergy.reaction.term)]}
        resource["reaction"] = [{"manifestation": [manifestation], "severity": allergy.severity}]
    return resource


def _no_known_allergy(*, page: PracticePage, asked_on: date) -> Resource:
    return page.new(kind="AllergyIntolerance", key="none-known") | {
        "clinicalStatus": "active",
        "verificationStatus": "unconfirmed",
        "category": ["medication"],
        "code": page.codeable(concept=NO_KNOWN_ALLERGY),
        "patient": page.patient,
        "assertedDate": moment_of(day=asked_on),
        "recorder": page.clinician(key="none-known"),
    }


def write_medicines(*, page: PracticePage, holding: Holding) -> dict[str, str]:
    """Write each course as Medication, plan, orders and statement; return the plan's reference by the course's key."""
    plans: dict[str, str] = {}
    medications: dict[str, str] = {}
    for course in holding.courses:
        if course.drug.vmp not in medications:
            medications[course.drug.vmp] = page.add(_medication(page=page, drug=course.drug))
        drug = {"reference": medications[course.drug.vmp]}
        plan = page.add(_plan(page=page, course=course, drug=drug))
        for number, issued in enumerate(_issues(course=course, today=page.today)):
            page.add(_order(page=page, course=course, drug=drug, plan=plan, number=number, issued=issued))
        page.add(_statement(page=page, course=course, drug=drug, plan=plan), area="medications")
        plans[course.key] = plan
    return plans


def _issues(*, course: Course, today: date) -> list[date]:
    """Return the days of the last few issues of a course."""
    if not course.repeat:
        return [course.started]
    last = min(course.ended or today, today)
    days = (last - course.started).days // ISSUE_EVERY_DAYS
    every = timedelta(days=ISSUE_EVERY_DAYS)
    return [course.started + every * n for n in range(max(0, days - ISSUES_SENT + 1), days + 1)]


def _medication(*, page: PracticePage, drug: Drug) -> Resource:
    medication = page.new(kind="Medication", key=drug.vmp)
    del medication["identifier"]
    return medication | {"code": {"coding": [snomed(code=drug.vmp, display=drug.term)]}}


def _prescription(*, page: PracticePage, course: Course, drug: Resource, key: str) -> Resource:
    kind = "repeat" if course.repeat else "acute"
    resource = page.new(kind="MedicationRequest", key=key)
    resource["extension"] = [
        extension(
            url=GPC_EXTENSION.format("PrescriptionType"),
            valueCodeableConcept={"coding": [{"system": PRESCRIPTION_TYPES, "code": kind, "display": kind.title()}]},
        )
    ]
    return resource | {
        "medicationReference": drug,
        "subject": page.patient,
        "requester": {"agent": page.clinician(key=course.key), "onBehalfOf": page.organisation},
        "recorder": page.clinician(key=course.key),
        "dosageInstruction": [{"text": directions(course=course)}],
    }


def _plan(*, page: PracticePage, course: Course, drug: Resource) -> Resource:
    resource = _prescription(page=page, course=course, drug=drug, key=course.key)
    if course.repeat:
        issued = len(_issues(course=course, today=page.today))
        review_on = max(page.today, course.started) + timedelta(days=REVIEW_IN_DAYS)
        resource["extension"].append(
            {
                "url": GPC_EXTENSION.format("MedicationRepeatInformation"),
                "extension": [
                    extension(url="numberOfRepeatPrescriptionsAllowed", valueUnsignedInt=REPEATS_ALLOWED),
                    extension(url="numberOfRepeatPrescriptionsIssued", valueUnsignedInt=issued),
                    extension(url="authorisationExpiryDate", valueDateTime=review_on.isoformat()),
                ],
            }
        )
    if course.repeat and course.ended:
        resource["extension"].append(
            {
                "url": GPC_EXTENSION.format("MedicationStatusReason"),
                "extension": [
                    extension(url="statusReason", valueCodeableConcept={"text": WHY_STOPPED}),
                    extension(url="statusChangeDate", valueDateTime=course.ended.isoformat()),
                ],
            }
        )
    return resource | {
        "status": "completed" if course.ended else "active",
        "intent": "plan",
        "authoredOn": moment_of(day=course.started),
        "dispenseRequest": {"validityPeriod": _period(course=course), **_supply(course=course)},
    }


def _order(*, page: PracticePage, course: Course, drug: Resource, plan: str, number: int, issued: date) -> Resource:
    ends = issued + timedelta(days=ISSUE_EVERY_DAYS)
    return _prescription(page=page, course=course, drug=drug, key=f"{course.key}/issue/{number}") | {
        "basedOn": [{"reference": plan}],
        "status": "completed",
        "intent": "order",
        "authoredOn": moment_of(day=issued),
        "dispenseRequest": {
            "validityPeriod": {"start": issued.isoformat(), "end": ends.isoformat()},
            **_supply(course=course),
        },
    }


def _statement(*, page: PracticePage, course: Course, drug: Resource, plan: str) -> Resource:
    agency = {
        "system": PRESCRIBING_AGENCIES,
        "code": "prescribed-at-gp-practice",
        "display": "Prescribed at GP practice",
    }
    resource = page.new(kind="MedicationStatement", key=course.key)
    resource["extension"] = [
        extension(
            url=GPC_EXTENSION.format("MedicationStatementLastIssueDate"),
            valueDateTime=_issues(course=course, today=page.today)[-1].isoformat(),
        ),
        extension(url=GPC_EXTENSION.format("PrescribingAgency"), valueCodeableConcept={"coding": [agency]}),
    ]
    return resource | {
        "basedOn": [{"reference": plan}],
        "status": "completed" if course.ended else "active",
        "medicationReference": drug,
        "effectivePeriod": _period(course=course),
        "dateAsserted": moment_of(day=course.started),
        "subject": page.patient,
        "taken": "unk",
        "dosage": [{"text": directions(course=course)}],
    }


def _period(*, course: Course) -> Resource:
    ends = {"end": course.ended.isoformat()} if course.ended else {}
    return {"start": course.started.isoformat(), **ends}


def _supply(*, course: Course) -> Resource:
    days = ISSUE_EVERY_DAYS if course.repeat else 7
    quantity = course.dose.count * course.dose.times_a_day * days
    return {
        "quantity": {
            "extension": [
                extension(
                    url=GPC_EXTENSION.format("MedicationQuantityText"), valueString=f"{quantity} {course.drug.form}"
                )
            ],
            "value": quantity,
            "unit": course.drug.form,
        },
        "expectedSupplyDuration": {"value": days, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"},
    }


def directions(*, course: Course) -> str:
    """Return a dose as a practice prints it on the label: "Two To Be Taken Twice A Day"."""
    count = WORDS.get(int(course.dose.count), str(course.dose.count)) if course.dose.count >= 1 else "Half"
    verb = "To Be Inhaled" if course.drug.route == "inhaled" else "To Be Taken"
    return f"{count} {verb} {TIMES[course.dose.times_a_day]}"


def write_problems(*, page: PracticePage, holding: Holding, plans: dict[str, str]) -> dict[str, str]:
    """Write each problem as an Observation and the header that points to it; return the header's reference by key."""
    headers = {}
    for problem in holding.problems:
        actual = page.add(_problem_entry(page=page, problem=problem), area="uncategorised")
        related = [plans[course.key] for course in holding.courses if course.problem == problem.key]
        headers[problem.key] = page.add(
            _problem_header(page=page, problem=problem, actual=actual, related=related), area="problems"
        )
    return headers


def _problem_entry(*, page: PracticePage, problem: Problem) -> Resource:
    return page.new(kind="Observation", key=f"problem/{problem.key}") | {
        "status": "final",
        "code": page.codeable(concept=problem.condition.concept),
        "subject": page.patient,
        "effectiveDateTime": problem.onset.isoformat(),
        "issued": moment_of(day=problem.onset),
        "performer": [page.clinician(key=problem.key)],
    }


def _problem_header(*, page: PracticePage, problem: Problem, actual: str, related: list[str]) -> Resource:
    header = page.new(kind="Condition", key=problem.key, profile="ProblemHeader-Condition")
    header["extension"] = [
        extension(url=CARE_EXTENSION.format("ActualProblem"), valueReference={"reference": actual}),
        extension(url=CARE_EXTENSION.format("ProblemSignificance"), valueCode="major" if problem.major else "minor"),
        *(
            extension(url=CARE_EXTENSION.format("RelatedClinicalContent"), valueReference={"reference": reference})
            for reference in related
        ),
    ]
    header |= {
        "clinicalStatus": "inactive" if problem.ended else "active",
        "category": [
            {
                "coding": [
                    {
                        "system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1",
                        "code": "problem-list-item",
                        "display": "Problem List Item",
                    }
                ]
            }
        ],
        "code": page.codeable(concept=problem.condition.concept),
        "subject": page.patient,
        "onsetDateTime": problem.onset.isoformat(),
        "assertedDate": moment_of(day=problem.onset),
        "asserter": page.clinician(key=problem.key),
    }
    if problem.ended:
        header["abatementDateTime"] = problem.ended.isoformat()
    return header


def write_immunisations(*, page: PracticePage, holding: Holding) -> None:
    """Write each vaccination: the vaccine itself is not known, the procedure is."""
    for vaccination in holding.vaccinations:
        page.add(_immunisation(page=page, vaccination=vaccination), area="immunisations")


def _immunisation(*, page: PracticePage, vaccination: Event) -> Resource:
    resource = page.new(kind="Immunization", key=vaccination.key)
    resource["extension"] = [
        extension(url=CARE_EXTENSION.format("DateRecorded"), valueDateTime=moment_of(day=vaccination.on)),
        extension(
            url=CARE_EXTENSION.format("VaccinationProcedure"),
            valueCodeableConcept=page.codeable(concept=vaccination.concept),
        ),
    ]
    return resource | {
        "status": "completed",
        "notGiven": False,
        "vaccineCode": {
            "coding": [{"system": "http://hl7.org/fhir/v3/NullFlavor", "code": "UNK", "display": "unknown"}]
        },
        "patient": page.patient,
        "date": moment_of(day=vaccination.on),
        "primarySource": True,
        "location": page.location,
        "lotNumber": vaccination.note,
        "practitioner": [
            {
                "role": {
                    "coding": [
                        {"system": "http://hl7.org/fhir/v2/0443", "code": "AP", "display": "Administering Provider"}
                    ]
                },
                "actor": page.clinician(key=vaccination.key),
            }
        ],
    }


def write_referrals(*, page: PracticePage, holding: Holding) -> None:
    """Write each outbound referral."""
    for referral in holding.referrals:
        page.add(
            page.new(kind="ReferralRequest", key=referral.key)
            | {
                "status": "unknown",
                "intent": "order",
                "priority": referral.priority,
                "subject": page.patient,
                "authoredOn": referral.on.isoformat(),
                "requester": {"agent": page.clinician(key=referral.key), "onBehalfOf": page.organisation},
                "specialty": {"text": referral.specialty},
                "recipient": [{"reference": page.add_organisation(name=referral.recipient)}],
                "reasonCode": [page.codeable(concept=referral.concept)],
                "description": referral.about,
                "note": [{"text": referral.note}],
            },
            area="referrals",
        )


def write_diary(*, page: PracticePage, holding: Holding) -> None:
    """Write each recall as a planned ProcedureRequest."""
    for recall in holding.recalls:
        page.add(
            page.new(kind="ProcedureRequest", key=recall.key)
            | {
                "status": "active",
                "intent": "plan",
                "code": page.codeable(concept=recall.concept),
                "subject": page.patient,
                "occurrenceDateTime": recall.on.isoformat(),
                "authoredOn": moment_of(day=page.today - timedelta(days=30)),
                "requester": {"agent": page.clinician(key=recall.key)},
                "performer": page.organisation,
                "note": [{"text": "Please book with the practice nurse."}],
            },
            area="diary",
        )
