"""What is of somebody or something else never reads as the patient's own; and what a value is besides its number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.record.measurements import value_key, value_text
from aggregator.record.merge import merge
from fhir_data.errors import UnreadableEntry
from fhir_data.parsing import parse_entry
from tests.factories import condition, fact, immunisation, item, lines, observation

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("focus", "heading"),
    [
        ([{"display": "Fetus"}], "Heart rate (not of the patient: Fetus)"),
        ([{"display": "Twin 1"}, {"display": "Twin 2"}], "Heart rate (not of the patient: Twin 1; Twin 2)"),
        ([{"reference": "RelatedPerson/9"}], "Heart rate (not of the patient: not named)"),
        ([], "Heart rate"),
    ],
)
def test_an_observation_says_in_its_heading_that_it_is_of_something_else(focus: list[Json], heading: str) -> None:
    assert fact(resource=observation(display="Heart rate", focus=focus)).heading == heading


def test_one_whose_focus_is_the_patient_is_the_patients() -> None:
    sent = item(
        resource=observation(display="Heart rate", focus=[{"reference": "Patient/1"}]),
        subject_references=("Patient/1",),
    )
    ((entry,),) = [section.entries for section in merge(items=[sent]).sections]
    assert entry.heading == "Heart rate"


SERIES: Json = {"origin": {"value": "0"}, "period": "10", "dimensions": "1", "data": "2 E -1.5 U"}


def test_a_recorded_series_is_told_and_two_are_two() -> None:
    traced = observation(effectiveDateTime="2024-05-01T09:00:00Z", valueSampledData=SERIES)
    other = traced | {"valueSampledData": SERIES | {"data": "3 3 3"}}
    assert lines(resource=traced) == (("Value", "A recorded series of values: see the source copy"),)
    assert value_key(resource=traced) != value_key(resource=other)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {
                "_valueString": {
                    "extension": [
                        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
                    ]
                }
            },
            "No value: masked",
        ),
        (
            {
                "valueQuantity": {
                    "unit": "mmol/L",
                    "extension": [
                        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "error"}
                    ],
                }
            },
            "No value: error",
        ),
        ({"valueString": "5", "dataAbsentReason": {"text": "Sample haemolysed"}}, "5, but also: Sample haemolysed"),
        ({"dataAbsentReason": {"text": "Not performed"}}, "Not performed"),
    ],
)
def test_why_there_is_no_value_is_told_in_whichever_way_it_comes(members: Json, words: str) -> None:
    assert value_text(resource=observation(**members)) == words


def test_a_reference_range_says_for_whom_it_is() -> None:
    ranged = observation(
        referenceRange=[
            {"text": "115 to 165", "appliesTo": [{"text": "Women"}]},
            {"text": "130 to 180", "appliesTo": [{"text": "Men"}], "age": {"low": {"value": "18", "unit": "a"}}},
        ]
    )
    assert lines(resource=ranged) == (
        ("Reference range", "115 to 165 (Women)"),
        ("Reference range", "130 to 180 (Men, age 18 a or more)"),
    )


def test_a_recorded_series_is_no_document_that_lies() -> None:
    for data in ("2 E -1.5 U", "1", "1.5e3 L"):
        parse_entry(entry=json.dumps(observation(valueSampledData=SERIES | {"data": data})).encode())
    for attachment in ({"contentType": "image/png", "data": "1 2"}, {"data": "1 2"}):
        document = {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}
        with pytest.raises(UnreadableEntry):
            parse_entry(entry=json.dumps(document).encode())
    with pytest.raises(UnreadableEntry):
        parse_entry(entry=json.dumps(observation(valueSampledData=SERIES | {"data": "<b>"})).encode())


# What is said beside the thing itself


def test_a_vaccination_says_that_it_may_not_protect_when_it_was_and_who_says_so() -> None:
    told = immunisation(
        isSubpotent=True,
        subpotentReason=[{"text": "Cold chain broken"}],
        occurrenceString="About 1995",
        primarySource=False,
        reaction=[{"detail": {"display": "Anaphylaxis"}}],
    )
    assert lines(resource=told) == (
        ("When", "About 1995"),
        ("Potency", "Not of full potency: Cold chain broken"),
        ("Origin", "Reported, not by whoever gave it"),
        ("Reaction", "Anaphylaxis"),
    )


def test_an_event_that_did_not_happen_says_so() -> None:
    event: Json = {"resourceType": "AdverseEvent", "event": {"text": "Wrong dose"}, "date": "2024-05-01"}
    assert fact(resource=event).heading == "Wrong dose"
    assert lines(resource=event | {"actuality": "actual"}) == ()
    ((label, words),) = lines(resource=event | {"actuality": "potential"})
    assert (label, words) == ("Status", "Potential: it might have happened, and did not")


def test_a_contact_whose_class_is_only_a_code_says_which() -> None:
    contact: Json = {"resourceType": "Encounter", "class": {"code": "IMP"}}
    assert lines(resource=contact) == (("Class", "Inpatient"),)
    assert fact(resource=contact).heading == "IMP"


@pytest.mark.parametrize(
    ("resource", "is_of_recording"),
    [
        (condition(recordedDate="2024-05-01"), True),
        (condition(recordedDate="2024-05-01", onsetDateTime="1995"), False),
        (immunisation(occurrenceString="About 1995", recorded="2024-05-01"), True),
        (condition(), False),
    ],
)
def test_a_date_on_which_something_was_written_down_is_told_from_one_on_which_it_happened(
    resource: Json, is_of_recording: bool
) -> None:
    ((entry,),) = [section.entries for section in merge(items=[item(resource=resource)]).sections]
    assert entry.is_date_of_recording is is_of_recording
