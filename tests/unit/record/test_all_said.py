"""Of a type that nobody has written rules for, all that it says is told: nobody knows what in it matters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import fact, lines

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        (
            {
                "resourceType": "ImmunizationRecommendation",
                "recommendation": [
                    {"vaccineCode": [{"text": "MMR"}], "forecastStatus": {"text": "contraindicated"}},
                ],
            },
            ("Recommendation", "vaccine code: MMR, forecast status: contraindicated"),
        ),
        (
            {
                "resourceType": "CarePlan",
                "activity": [{"detail": {"doNotPerform": True, "description": "Resuscitation"}}],
            },
            ("Activity", "detail: do not perform: true, description: Resuscitation"),
        ),
        (
            {"resourceType": "DetectedIssue", "detail": "Warfarin with aspirin", "severity": "high"},
            ("Detail", "Warfarin with aspirin"),
        ),
        ({"resourceType": "ClinicalImpression", "summary": "Likely sepsis"}, ("Summary", "Likely sepsis")),
        (
            {"resourceType": "NutritionOrder", "excludeFoodModifier": [{"text": "Nuts"}]},
            ("Exclude food modifier", "Nuts"),
        ),
        (
            {"resourceType": "Goal", "target": [{"detailQuantity": {"value": "80", "unit": "kg"}, "dueDate": "2025"}]},
            ("Target", "detail quantity: 80 kg, due date: 2025"),
        ),
        (
            {"resourceType": "Goal", "_startDate": {"extension": [{"url": "x", "valueCode": "masked"}]}},
            ("Start date", "extension: value code: masked"),
        ),
        (
            {"resourceType": "Procedure", "performedRange": {"low": {"value": "5", "unit": "a"}}},
            ("When", "5 a or more"),
        ),
        ({"resourceType": "Condition", "onsetRange": {"high": {"value": "9", "unit": "a"}}}, ("Began", "up to 9 a")),
    ],
)
def test_what_is_said_is_told(resource: Json, told: tuple[str, str]) -> None:
    assert told in lines(resource=resource)


def test_neither_a_narrative_nor_the_bytes_of_a_document_are_words() -> None:
    composition = {
        "resourceType": "Composition",
        "section": [{"title": "Problems", "text": {"status": "generated", "div": "<div>Secret</div>"}}],
        "attachment": {"data": "aGk=", "title": "Letter"},
    }
    assert lines(resource=composition) == (
        ("Section", "title: Problems, text: status: generated"),
        ("Attachment", "title: Letter"),
    )


def test_a_device_is_called_what_it_is() -> None:
    assert (
        fact(resource={"resourceType": "DeviceUseStatement", "device": {"display": "Pacemaker"}}).heading == "Pacemaker"
    )


def test_a_request_not_to_do_something_reads_so() -> None:
    request = {"resourceType": "ServiceRequest", "status": "active", "doNotPerform": True, "code": {"text": "CPR"}}
    assert fact(resource=request).heading == "Do not do: CPR"
