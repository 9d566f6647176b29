"""Writes a person's problems, allergies, medicines, results and signs as R4 resources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from simulator.codes import ROUTES, SNOMED, Dose, Drug
from simulator.codes_of_care import BLOOD_PRESSURE, NO_KNOWN_ALLERGY, SYSTOLIC, Sign
from simulator.facts import Allergy, Background, Course, Holding, Measurement, Problem, Reading, Report
from simulator.organisations import LABORATORY_SYSTEM
from simulator.r4_page import TERMINOLOGY, Page, at, coded, ucum
from simulator.wire import Resource

CONFIDENTIALITY = f"{TERMINOLOGY}/v3-Confidentiality"
SENSITIVITY = f"{TERMINOLOGY}/v3-ActCode"
VITAL_CODES = ("loinc", "snomed")  # R4 vital signs are known by their LOINC code
UCUM_OF_DOSE = {"mg": "mg", "microgram": "ug"}


def write_clinical(*, page: Page, holding: Holding) -> None:
    """Write the clinical part of a holding onto the page."""
    for problem in holding.problems:
        page.add(_condition(page=page, problem=problem))
    for allergy in holding.allergies:
        page.add(_allergy(page=page, allergy=allergy))
    if holding.no_known_allergy_on:
        page.add(_no_known_allergy(page=page, holding=holding))
    for course in holding.courses:
        page.add(_medicine(page=page, course=course))
    for report in holding.reports:
        _write_report(page=page, report=report)
    for reading in holding.readings:
        page.add(_reading(page=page, reading=reading))
    if holding.background:
        _write_background(page=page, background=holding.background)


def _condition(*, page: Page, problem: Problem) -> Resource:
    """Write one problem. Source: R4 Condition; invariant con-4: a condition that has abated is not active."""
    condition = page.new(kind="Condition", key=problem.key)
    if problem.condition.sensitivity:
        condition["meta"] = {
            "security": [
                {"system": CONFIDENTIALITY, "code": "R", "display": "restricted"},
                {"system": SENSITIVITY, "code": problem.condition.sensitivity},
            ]
        }
    condition |= {
        "clinicalStatus": coded(
            system=f"{TERMINOLOGY}/condition-clinical", code="resolved" if problem.ended else "active"
        ),
        "verificationStatus": coded(system=f"{TERMINOLOGY}/condition-ver-status", code="confirmed"),
        "category": [
            coded(system=f"{TERMINOLOGY}/condition-category", code="problem-list-item", display="Problem List Item")
        ],
        "code": page.codeable(concept=problem.condition.concept, codes=page.source.habits.problem_codes),
        "subject": page.patient,
        "onsetDateTime": page.dated(on=problem.onset),
        "asserter": page.clinician(key=problem.key),
    }
    if problem.ended:
        condition["abatementDateTime"] = page.dated(on=problem.ended)
    return condition


def _allergy(*, page: Page, allergy: Allergy) -> Resource:
    by_substance = page.source.habits.allergy_codes == "substance"
    concept = allergy.allergen.substance if by_substance else allergy.allergen.finding
    resource = page.new(kind="AllergyIntolerance", key=allergy.key) | {
        "clinicalStatus": coded(
            system=f"{TERMINOLOGY}/allergyintolerance-clinical", code="resolved" if allergy.ended else "active"
        ),
        "verificationStatus": coded(system=f"{TERMINOLOGY}/allergyintolerance-verification", code="confirmed"),
        "type": "allergy",
        "category": [allergy.allergen.category],
        "criticality": "high" if allergy.severity == "severe" else "low",
        "code": page.codeable(concept=concept, codes=("snomed",)),
        "patient": page.patient,
        "recordedDate": page.dated(on=allergy.recorded),
        "recorder": page.clinician(key=allergy.key),
    }
    if allergy.reaction:
        manifestation = page.codeable(concept=allergy.reaction, codes=("snomed",))
        resource["reaction"] = [{"manifestation": [manifestation], "severity": allergy.severity}]
    return resource


def _no_known_allergy(*, page: Page, holding: Holding) -> Resource:
    if holding.no_known_allergy_on is None:
        raise ValueError("the holding does not say that no allergy is known")
    return page.new(kind="AllergyIntolerance", key="none-known") | {
        "clinicalStatus": coded(system=f"{TERMINOLOGY}/allergyintolerance-clinical", code="active"),
        "verificationStatus": coded(system=f"{TERMINOLOGY}/allergyintolerance-verification", code="confirmed"),
        "code": page.codeable(concept=NO_KNOWN_ALLERGY, codes=("snomed",)),
        "patient": page.patient,
        "recordedDate": page.dated(on=holding.no_known_allergy_on),
    }


def _medicine(*, page: Page, course: Course) -> Resource:
    if page.source.habits.drug_shape == "request":
        return _request(page=page, course=course)
    return _statement(page=page, course=course)


def _request(*, page: Page, course: Course) -> Resource:
    return page.new(kind="MedicationRequest", key=course.key) | {
        "status": "completed" if course.ended else "active",
        "intent": "order",
        "medicationCodeableConcept": _drug_code(drug=course.drug),
        "subject": page.patient,
        "authoredOn": page.dated(on=course.started),
        "requester": page.clinician(key=course.key),
        "dosageInstruction": [_dosage(page=page, course=course)],
    }


def _statement(*, page: Page, course: Course) -> Resource:
    statement = page.new(kind="MedicationStatement", key=course.key)
    statement["status"] = "completed" if course.ended else "active"
    period = {"start": page.dated(on=course.started)}
    if course.ended:
        period["end"] = page.dated(on=course.ended)
    match page.source.habits.drug_shape:
        case "contained":
            statement["contained"] = [
                {"resourceType": "Medication", "id": "drug", "code": _drug_code(drug=course.drug)}
            ]
            statement["medicationReference"] = {"reference": "#drug"}
        case "text":
            statement["medicationCodeableConcept"] = {"text": course.drug.term}
        case _:
            statement["medicationCodeableConcept"] = _drug_code(drug=course.drug)
    return statement | {
        "subject": page.patient,
        "effectivePeriod": period,
        "dateAsserted": page.dated(on=course.started),
        "informationSource": page.clinician(key=course.key),
        "dosage": [_dosage(page=page, course=course)],
    }


def _drug_code(*, drug: Drug) -> Resource:
    return {"coding": [{"system": SNOMED, "code": drug.vmp, "display": drug.term}], "text": drug.term}


def _dosage(*, page: Page, course: Course) -> Resource:
    dosage: Resource = {"text": dose_text(dose=course.dose, drug=course.drug)}
    if page.source.habits.coded_doses:
        dosage |= {
            "timing": {"repeat": {"frequency": course.dose.times_a_day, "period": 1, "periodUnit": "d"}},
            "route": page.codeable(concept=ROUTES[course.drug.route], codes=("snomed",)),
            "doseAndRate": [
                {
                    "doseQuantity": ucum(
                        value=course.dose.amount, unit=course.dose.unit, code=UCUM_OF_DOSE[course.dose.unit]
                    )
                }
            ],
        }
    return dosage


def dose_text(*, dose: Dose, drug: Drug) -> str:
    """Return a dose as a hospital prints it: "500 mg oral twice a day"."""
    times = {1: "once a day", 2: "twice a day", 3: "three times a day", 4: "four times a day"}
    unit = "micrograms" if dose.unit == "microgram" else dose.unit
    return f"{dose.amount} {unit} {drug.route} {times[dose.times_a_day]}"


def _write_report(*, page: Page, report: Report) -> None:
    results = [page.add(_result(page=page, report=report, index=i, result=r)) for i, r in enumerate(report.results)]
    specimens = [page.add(_specimen(page=page, report=report))] if page.source.everything else []
    page.add(
        {
            "resourceType": "DiagnosticReport",
            "id": page.id(kind="DiagnosticReport", key=report.key),
            "identifier": [{"system": LABORATORY_SYSTEM, "value": report.number}],
            "status": "final",
            "category": [coded(system=f"{TERMINOLOGY}/v2-0074", code="LAB", display="Laboratory")],
            "code": page.codeable(concept=report.panel.concept, codes=page.source.habits.test_codes),
            "subject": page.patient,
            "effectiveDateTime": at(moment=report.taken_at),
            "issued": at(moment=report.taken_at + timedelta(hours=6)),
            "performer": [page.organisation],
            **({"specimen": [{"reference": reference} for reference in specimens]} if specimens else {}),
            "result": [{"reference": reference} for reference in results],
            "conclusion": report.conclusion,
        }
    )


def _specimen(*, page: Page, report: Report) -> Resource:
    return page.new(kind="Specimen", key=report.key) | {
        "status": "available",
        "type": coded(system=SNOMED, code="122555007", display="Venous blood specimen"),
        "subject": page.patient,
        "receivedTime": at(moment=report.taken_at + timedelta(hours=2)),
        "collection": {"collectedDateTime": at(moment=report.taken_at)},
    }


def _result(*, page: Page, report: Report, index: int, result: Measurement) -> Resource:
    test = result.test
    observation: Resource = {
        "resourceType": "Observation",
        "id": page.id(kind="Observation", key=f"{report.key}/{index}"),
        "identifier": [{"system": LABORATORY_SYSTEM, "value": f"{report.number}-{index + 1}"}],
        "status": "final",
        "category": [coded(system=f"{TERMINOLOGY}/observation-category", code="laboratory", display="Laboratory")],
        "code": page.codeable(concept=test.concept, codes=page.source.habits.test_codes),
        "subject": page.patient,
        "effectiveDateTime": at(moment=report.taken_at),
        "issued": at(moment=report.taken_at + timedelta(hours=6)),
        "performer": [page.organisation],
        "valueQuantity": _quantity(page=page, value=result.value, ucum_code=test.ucum, printed=test.printed),
    }
    bounds = {
        name: _quantity(page=page, value=bound, ucum_code=test.ucum, printed=test.printed)
        for name, bound in (("low", test.low), ("high", test.high))
        if bound is not None
    }
    if bounds:
        observation["referenceRange"] = [bounds]
        observation["interpretation"] = [_flag_of(result=result)]
    return observation


def _flag_of(*, result: Measurement) -> Resource:
    low, high = result.test.low, result.test.high
    code, display = "N", "Normal"
    if low is not None and result.value < low:
        code, display = "L", "Low"
    elif high is not None and result.value > high:
        code, display = "H", "High"
    return coded(system=f"{TERMINOLOGY}/v3-ObservationInterpretation", code=code, display=display)


def _quantity(*, page: Page, value: Decimal, ucum_code: str, printed: str) -> Resource:
    if page.source.habits.ucum:
        return ucum(value=value, unit=printed, code=ucum_code)
    return {"value": value, "unit": printed}


def _reading(*, page: Page, reading: Reading) -> Resource:
    """Source: R4 vital signs profiles: LOINC code, UCUM unit, category vital-signs; blood pressure as components."""
    observation = page.new(kind="Observation", key=reading.key) | {
        "status": "final",
        "category": [coded(system=f"{TERMINOLOGY}/observation-category", code="vital-signs", display="Vital Signs")],
        "subject": page.patient,
        "effectiveDateTime": at(moment=reading.taken_at),
        "performer": [page.clinician(key=reading.key)],
    }
    first, value = reading.values[0]
    if first is SYSTOLIC:
        observation["code"] = page.codeable(concept=BLOOD_PRESSURE, codes=VITAL_CODES)
        observation["component"] = [
            {
                "code": page.codeable(concept=sign.concept, codes=VITAL_CODES),
                "valueQuantity": _sign(sign=sign, value=one),
            }
            for sign, one in reading.values
        ]
        return observation
    observation["code"] = page.codeable(concept=first.concept, codes=VITAL_CODES)
    observation["valueQuantity"] = _sign(sign=first, value=value)
    return observation


def _sign(*, sign: Sign, value: Decimal) -> Resource:
    return ucum(value=value, unit=sign.printed, code=sign.ucum)


def _write_background(*, page: Page, background: Background) -> None:
    """Write smoking as a social-history Observation and what runs in the family as FamilyMemberHistory."""
    asked = datetime(background.asked_on.year, background.asked_on.month, background.asked_on.day, 11, 0, tzinfo=UTC)
    page.add(
        page.new(kind="Observation", key="smoking")
        | {
            "status": "final",
            "category": [
                coded(system=f"{TERMINOLOGY}/observation-category", code="social-history", display="Social History")
            ],
            "code": coded(system="http://loinc.org", code="72166-2", display="Tobacco smoking status"),
            "subject": page.patient,
            "effectiveDateTime": at(moment=asked),
            "performer": [page.clinician(key="smoking")],
            "valueCodeableConcept": page.codeable(concept=background.smoking, codes=("snomed",)),
        }
    )
    if background.family_diabetes:
        page.add(
            page.new(kind="FamilyMemberHistory", key="family")
            | {
                "status": "completed",
                "patient": page.patient,
                "date": background.asked_on.isoformat(),
                "relationship": coded(system=f"{TERMINOLOGY}/v3-RoleCode", code="MTH", display="mother"),
                "condition": [{"code": coded(system=SNOMED, code="44054006", display="Type 2 diabetes mellitus")}],
            }
        )
