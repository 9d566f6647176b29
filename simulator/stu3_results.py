"""Writes a practice's investigations and uncategorised data: reports, results, signs, social history.

Source: GP Connect Access Record Structured 1.6, "Pathology guidance" and "Observation - uncategorised data".
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from simulator.codes import UCUM, Concept
from simulator.codes_of_care import ALCOHOL, BLOOD_PRESSURE, FAMILY_DIABETES, SYSTOLIC, Sign
from simulator.facts import Background, Holding, Measurement, Reading, Report
from simulator.organisations import LABORATORY_SYSTEM
from simulator.stu3_page import PracticePage, moment_of, snomed
from simulator.wire import Resource

BLOOD = snomed(code="122555007", display="Venous blood specimen")
COMMENT = snomed(code="37331000000100", display="Comment note")
# As practices' systems write them.
INTERPRETATIONS = {"H": "HI - Above high reference limit", "L": "LO - Below low reference limit"}
REPORT_CODE = snomed(code="721981007", display="Diagnostic studies report")


def write_investigations(*, page: PracticePage, holding: Holding) -> None:
    """Write each report with its request, specimen, group heading and results."""
    for report in holding.reports:
        _write_report(page=page, report=report)


def _write_report(*, page: PracticePage, report: Report) -> None:
    taken = report.taken_at.isoformat(timespec="seconds")
    issued = (report.taken_at + timedelta(hours=6)).isoformat(timespec="seconds")
    request = page.add(
        page.new(kind="ProcedureRequest", key=report.key)
        | {
            "status": "completed",
            "intent": "order",
            "code": page.codeable(concept=report.panel.concept),
            "subject": page.patient,
            "requester": {"agent": page.clinician(key=report.key)},
        }
    )
    specimen = page.add(
        page.new(kind="Specimen", key=report.key)
        | {
            "status": "available",
            "type": {"coding": [BLOOD]},
            "subject": page.patient,
            "receivedTime": (report.taken_at + timedelta(hours=2)).isoformat(timespec="seconds"),
            "collection": {"collectedDateTime": taken},
        }
    )
    results = [
        page.add(_result(page=page, report=report, index=i, result=r, specimen=specimen) | {"issued": issued})
        for i, r in enumerate(report.results)
    ]
    listed = [
        page.add(_group(page=page, report=report, members=results, specimen=specimen) | {"issued": issued}),
        *results,
        page.add(_filing_comment(page=page, report=report) | {"issued": issued}),
    ]
    resource = page.new(kind="DiagnosticReport", key=report.key)
    resource["identifier"].append({"system": LABORATORY_SYSTEM, "value": report.number})
    page.add(
        resource
        | {
            "basedOn": [{"reference": request}],
            "status": "final",
            "code": {"coding": [REPORT_CODE]},
            "subject": page.patient,
            "issued": issued,
            "performer": [{"actor": page.organisation}],
            "specimen": [{"reference": specimen}],
            "conclusion": report.conclusion,
            "result": [{"reference": reference} for reference in listed],
        },
        area="investigations",
    )


def _filing_comment(*, page: PracticePage, report: Report) -> Resource:
    """Write what the clinician who filed the report wrote on it."""
    return page.new(kind="Observation", key=f"{report.key}/filing") | {
        "status": "final",
        "code": {"coding": [COMMENT]},
        "subject": page.patient,
        "effectiveDateTime": report.taken_at.isoformat(timespec="seconds"),
        "performer": [page.clinician(key=report.key)],
        "comment": report.filed_as,
    }


def _group(*, page: PracticePage, report: Report, members: list[str], specimen: str) -> Resource:
    return page.new(kind="Observation", key=f"{report.key}/group") | {
        "status": "final",
        "code": page.codeable(concept=report.panel.concept),
        "subject": page.patient,
        "effectiveDateTime": report.taken_at.isoformat(timespec="seconds"),
        "performer": [page.organisation],
        "specimen": {"reference": specimen},
        "related": [{"type": "has-member", "target": {"reference": member}} for member in members],
    }


def _result(*, page: PracticePage, report: Report, index: int, result: Measurement, specimen: str) -> Resource:
    test = result.test
    observation = page.new(kind="Observation", key=f"{report.key}/{index}")
    observation["identifier"].append({"system": LABORATORY_SYSTEM, "value": f"{report.number}-{index + 1}"})
    observation |= {
        "status": "final",
        "code": page.codeable(concept=test.concept),
        "subject": page.patient,
        "effectiveDateTime": report.taken_at.isoformat(timespec="seconds"),
        "performer": [page.organisation],
        "valueQuantity": {"value": result.value, "unit": test.printed},
        "specimen": {"reference": specimen},
    }
    if result.flag:
        observation["interpretation"] = {"text": INTERPRETATIONS[result.flag]}
    bounds = {
        name: {"value": bound, "unit": test.printed}
        for name, bound in (("low", test.low), ("high", test.high))
        if bound is not None
    }
    if bounds:
        observation["referenceRange"] = [bounds]
    return observation


def write_readings(*, page: PracticePage, holding: Holding) -> dict[str, str]:
    """Write the signs read at visits as uncategorised data; return each one's reference by its key."""
    return {
        reading.key: page.add(_reading(page=page, reading=reading), area="uncategorised")
        for reading in holding.readings
    }


def _reading(*, page: PracticePage, reading: Reading) -> Resource:
    first, value = reading.values[0]
    concept = BLOOD_PRESSURE if first is SYSTOLIC else first.concept
    observation = _uncategorised(
        page=page, key=reading.key, concept=concept, effective=reading.taken_at.isoformat(timespec="seconds")
    )
    if first is SYSTOLIC:
        observation["component"] = [
            {"code": page.codeable(concept=sign.concept), "valueQuantity": _quantity(sign=sign, value=measured)}
            for sign, measured in reading.values
        ]
    else:
        observation["valueQuantity"] = _quantity(sign=first, value=value)
    return observation


def _quantity(*, sign: Sign, value: Decimal) -> Resource:
    return {"value": value, "unit": sign.printed, "system": UCUM, "code": sign.ucum}


def _uncategorised(*, page: PracticePage, key: str, concept: Concept, effective: str) -> Resource:
    return page.new(kind="Observation", key=key) | {
        "status": "final",
        "code": page.codeable(concept=concept),
        "subject": page.patient,
        "effectiveDateTime": effective,
        "issued": effective if "T" in effective else f"{effective}T09:00:00+00:00",
        "performer": [page.clinician(key=key)],
    }


def write_background(*, page: PracticePage, background: Background) -> tuple[str, str]:
    """Write smoking, alcohol and family history as uncategorised data; return the references of the first two."""
    asked = moment_of(day=background.asked_on)
    smoking = page.add(
        _uncategorised(page=page, key="smoking", concept=background.smoking, effective=asked), area="uncategorised"
    )
    alcohol = page.add(
        _uncategorised(page=page, key="alcohol", concept=ALCOHOL, effective=asked)
        | {"valueQuantity": {"value": background.alcohol_units, "unit": "units/week"}},
        area="uncategorised",
    )
    if background.family_diabetes:
        page.add(
            _uncategorised(page=page, key="family", concept=FAMILY_DIABETES, effective=asked), area="uncategorised"
        )
    return smoking, alcohol


def write_questionnaire(*, page: PracticePage, background: Background, answers: tuple[str, str]) -> str:
    """Write the questionnaire about the way of life, two of whose answers are entries; return its reference."""
    smoking, alcohol = answers
    response = page.new(kind="QuestionnaireResponse", key="lifestyle")
    [identifier] = response.pop("identifier")
    return page.add(
        response
        | {
            "identifier": identifier,  # in STU3 a response has one
            "status": "completed",
            "subject": page.patient,
            "authored": moment_of(day=background.asked_on),
            "author": page.clinician(key="lifestyle"),
            "item": [
                _question(link="1", text="Do you smoke?", answer={"valueReference": {"reference": smoking}}),
                _question(
                    link="2", text="How much alcohol do you drink?", answer={"valueReference": {"reference": alcohol}}
                ),
                _question(
                    link="3",
                    text="Does diabetes run in your family?",
                    answer={"valueBoolean": background.family_diabetes},
                ),
            ],
        }
    )


def _question(*, link: str, text: str, answer: Resource) -> Resource:
    return {"linkId": link, "text": text, "answer": [answer]}
