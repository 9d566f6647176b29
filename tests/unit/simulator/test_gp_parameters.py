"""What a practice makes of the Parameters of a question: each rule of the specification, kept and broken."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from simulator.gp_errors import SpineError
from simulator.gp_parameters import Asked, read_parameters
from tests.unit.simulator.served import ALL_AREAS, TODAY, parameters

NUMBER = "9990000018"
TOMORROW, YESTERDAY = (TODAY + timedelta(days=n) for n in (1, -1))
RESOLVED = {"name": "includeResolvedAllergies", "valueBoolean": True}


def area(name: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "part": list(parts)} if parts else {"name": name}


def read(*areas: dict[str, Any], number: str = NUMBER, unsupported: tuple[str, ...] = ()) -> Asked:
    return read_parameters(body=parameters(number, *areas), unsupported=unsupported, today=TODAY)


def day(name: str, value: object) -> dict[str, Any]:
    return {"name": name, "valueDate": str(value)}


def period(name: str, **edges: object) -> dict[str, Any]:
    return {"name": name, "valuePeriod": {edge: str(value) for edge, value in edges.items()}}


def test_every_area_at_once_is_legal() -> None:
    assert len(read(*ALL_AREAS).areas) == 9


def test_an_area_that_the_practice_does_not_know_is_passed_over_and_named() -> None:
    asked = read(*ALL_AREAS, area("includeTomorrow"), unsupported=("includeReferrals",))
    assert asked.unsupported == ("includeReferrals", "includeTomorrow")
    assert "includeReferrals" not in asked.areas


@pytest.mark.parametrize(
    ("code", "areas"),
    [
        ("INVALID_PARAMETER", [area("includeAllergies")]),
        ("INVALID_PARAMETER", [area("includeAllergies", {"name": "includeResolvedAllergies", "valueString": "yes"})]),
        ("INVALID_PARAMETER", [area("includeAllergies", RESOLVED, RESOLVED)]),
        ("INVALID_PARAMETER", [area("includeMedication"), area("includeMedication")]),
        ("INVALID_PARAMETER", [area("includeMedication", RESOLVED)]),
        ("INVALID_PARAMETER", [area("includeMedication", day("medicationSearchFromDate", "2024-05"))]),
        ("INVALID_PARAMETER", [area("includeMedication", day("medicationSearchFromDate", "2024-05-01T10:00:00Z"))]),
        ("INVALID_PARAMETER", [area("includeMedication", day("medicationSearchFromDate", "2023-02-31"))]),
        ("INVALID_PARAMETER", [area("includeMedication", day("medicationSearchFromDate", TOMORROW))]),
        ("INVALID_PARAMETER", [area("includeDiaryEntries", day("diaryEntriesSearchDate", YESTERDAY))]),
        ("INVALID_PARAMETER", [area("includeConsultations", period("consultationSearchPeriod", start=TOMORROW))]),
        (
            "INVALID_PARAMETER",
            [area("includeReferrals", period("referralSearchPeriod", start=TODAY, end=YESTERDAY))],
        ),
        ("INVALID_PARAMETER", [area("includeInvestigations", {"name": "investigationSearchPeriod"})]),
        ("INVALID_PARAMETER", [area("includeProblems", {"name": "filterStatus", "valueCode": "resolved"})]),
        (
            "INVALID_RESOURCE",
            [
                area(
                    "includeConsultations",
                    period("consultationSearchPeriod", start=YESTERDAY),
                    {"name": "includeNumberOfMostRecent", "valueInteger": 3},
                )
            ],
        ),
    ],
)
def test_a_rule_that_is_broken_is_named_by_its_code(code: str, areas: list[dict[str, Any]]) -> None:
    with pytest.raises(SpineError) as refused:
        read(*areas)
    assert refused.value.code == code
    assert refused.value.status == 422


NARROWING = [
    area("includeMedication", day("medicationSearchFromDate", YESTERDAY)),
    area("includeUncategorisedData", period("uncategorisedDataSearchPeriod", start=YESTERDAY)),
    area("includeReferrals", period("referralSearchPeriod", start=YESTERDAY)),
    area("includeDiaryEntries", day("diaryEntriesSearchDate", TOMORROW)),
    area("includeImmunisations", {"name": "includeNotGiven", "valueBoolean": True}),
    area("includeImmunisations", {"name": "includeStatus", "valueBoolean": True}),
]


@pytest.mark.parametrize("linked", ["includeConsultations", "includeProblems"])
@pytest.mark.parametrize("narrowed", NARROWING)
def test_linked_areas_forbid_what_narrows_another(linked: str, narrowed: dict[str, Any]) -> None:
    read(narrowed)
    with pytest.raises(SpineError) as refused:
        read(narrowed, area(linked))
    assert refused.value.code == "INVALID_PARAMETER"


def test_consultations_forbid_a_status_of_problems_and_problems_alone_do_not() -> None:
    active = area("includeProblems", {"name": "filterStatus", "valueCode": "active"})
    assert read(active).narrowed("includeProblems", "filterStatus") == "active"
    with pytest.raises(SpineError):
        read(active, area("includeConsultations"))


@pytest.mark.parametrize("number", ["9990000019", "999000001", "99900000181", "", "abcdefghij"])
def test_a_number_that_fails_is_an_invalid_nhs_number(number: str) -> None:
    with pytest.raises(SpineError) as refused:
        read(number=number)
    assert (refused.value.code, refused.value.status) == ("INVALID_NHS_NUMBER", 400)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("INVALID_RESOURCE", b"{"),
        ("INVALID_RESOURCE", b"[]"),
        ("INVALID_RESOURCE", b'{"resourceType": "Bundle"}'),
        ("INVALID_RESOURCE", b'{"resourceType": "Parameters", "parameter": [{"part": []}]}'),
        ("INVALID_PARAMETER", b'{"resourceType": "Parameters", "parameter": []}'),
        ("INVALID_PARAMETER", b'{"resourceType": "Parameters", "parameter": [{"name": "patientNHSNumber"}]}'),
        (
            "INVALID_IDENTIFIER_SYSTEM",
            json.dumps(
                {
                    "resourceType": "Parameters",
                    "parameter": [
                        {"name": "patientNHSNumber", "valueIdentifier": {"system": "urn:x", "value": NUMBER}}
                    ],
                }
            ).encode(),
        ),
    ],
)
def test_a_body_that_is_no_question_is_refused(code: str, body: bytes) -> None:
    with pytest.raises(SpineError) as refused:
        read_parameters(body=body, unsupported=(), today=TODAY)
    assert refused.value.code == code
