"""What is shown under a heading is what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.record.reading import parse, range_text
from connectors.gp_connect.translate import translate
from tests.factories import allergy, concept, condition, immunisation, lines, observation, order, statement

Json = dict[str, Any]


@pytest.mark.parametrize("sent", ["7.10", "7.0", "0.0000001", "1e2", "1E-7", "-0", "100000000000000000000", "5"])
def test_a_number_is_shown_with_the_digits_that_were_sent(sent: str) -> None:
    resource = b'{"resourceType":"Observation","valueQuantity":{"value":%s,"unit":"mmol/L"}}' % sent.encode()
    assert lines(resource=parse(resource=resource)) == (("Value", f"{sent} mmol/L"),)


def test_a_result_keeps_its_comparator_flag_and_range() -> None:
    told = observation(
        valueQuantity={"value": "5", "comparator": "<", "unit": "ng/L"},
        interpretation=[{"text": "Low"}],
        referenceRange=[{"low": {"value": "0"}, "high": {"value": "14", "unit": "ng/L"}}],
    )
    assert lines(resource=told) == (("Value", "<5 ng/L"), ("Flag", "Low"), ("Reference range", "0 to 14 ng/L"))


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({"valueString": "See <b>letter</b>"}, "See <b>letter</b>"),
        ({"valueBoolean": False}, "No"),
        ({"valueBoolean": True}, "Yes"),
        ({"valueCodeableConcept": {"text": "Positive"}}, "Positive"),
        ({"valueDateTime": "2024-05"}, "2024-05"),
        ({"valuePeriod": {"start": "2024"}}, "from 2024"),
        ({"dataAbsentReason": {"text": "Not performed"}}, "Not performed"),
    ],
)
def test_a_value_of_any_kind_is_shown(members: dict[str, Any], shown: str) -> None:
    assert lines(resource=observation(**members)) == (("Value", shown),)


def test_a_dose_is_shown_whole_in_the_words_that_were_sent() -> None:
    words = "ONE to be taken  each morning.\nDo not stop suddenly — " + "see leaflet " * 50
    told = order(
        dosageInstruction=[{"text": words, "patientInstruction": "With food", "route": {"text": "Oral"}}],
        dispenseRequest={"quantity": {"value": "28", "unit": "tablet"}, "validityPeriod": {"start": "2024-01-01"}},
        statusReason={"text": "Side effects"},
        note=[{"text": "first"}, {"text": "second"}],
    )
    assert lines(resource=told) == (
        ("Dose", words),
        ("Instruction", "With food"),
        ("Route", "Oral"),
        ("Quantity", "28 tablet"),
        ("Valid", "from 2024-01-01"),
        ("Why it ended", "Side effects"),
        ("Note", "first\nsecond"),
    )


def test_a_dose_without_words_is_told_by_its_parts() -> None:
    dosage = {
        "doseAndRate": [{"doseQuantity": {"value": "500", "unit": "mg"}}],
        "timing": {"repeat": {"frequency": "2", "period": "1", "periodUnit": "d"}},
        "asNeededBoolean": True,
    }
    assert lines(resource=statement(dosage=[dosage])) == (("Dose", "500 mg, twice a day, as needed"),)


@pytest.mark.parametrize(
    ("frequency", "period", "unit", "words"),
    [
        ("1", "1", "d", "once a day"),
        ("2", "1", "wk", "twice a week"),
        ("3", "1", "d", "3 times a day"),
        ("1", "8", "h", "once every 8 hours"),
        ("1", "1", "h", "once an hour"),
        ("2", "0.5", "mo", "twice every 0.5 months"),
        ("1", "1", "", ""),
        ("1", "2", "fortnight", "once every 2 fortnight"),
        ("", "1", "d", "every day"),
    ],
)
def test_how_often_is_said_in_english(frequency: str, period: str, unit: str, words: str) -> None:
    timing = {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}}
    assert lines(resource=statement(dosage=[{"timing": timing}])) == ((("Dose", words),) if words else ())


@pytest.mark.parametrize(
    ("dosage", "shown"),
    [
        (
            {
                "doseAndRate": [
                    {"doseRange": {"low": {"value": "1", "unit": "mg"}, "high": {"value": "2", "unit": "mg"}}}
                ]
            },
            "1 mg to 2 mg",
        ),
        ({"doseAndRate": [{"doseRange": {"high": {"value": "2", "unit": "mg"}}}]}, "2 mg"),
        (
            {
                "doseAndRate": [
                    {
                        "rateRatio": {
                            "numerator": {"value": "100", "unit": "mL"},
                            "denominator": {"value": "1", "unit": "h"},
                        }
                    }
                ]
            },
            "100 mL in 1 h",
        ),
        (
            {
                "doseAndRate": [{"doseQuantity": {"value": "5", "unit": "mg"}}],
                "timing": {"code": {"coding": [{"code": "BID"}]}},
            },
            "5 mg, BID",
        ),
        (
            {
                "doseAndRate": [{"doseQuantity": {"value": "5", "unit": "mg"}}],
                "timing": {"repeat": {"frequency": "2", "periodUnit": "d"}},
            },
            "5 mg",
        ),
    ],
)
def test_ranges_rates_and_codes_of_timing_are_told_and_half_a_frequency_is_not(
    dosage: dict[str, Any], shown: str
) -> None:
    assert lines(resource=statement(dosage=[dosage])) == (("Dose", shown),)


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ({"low": {"value": "4", "unit": "g/L"}}, ("4 g/L or more",)),
        ({"high": {"value": "14", "unit": "ng/L"}}, ("up to 14 ng/L",)),
        ({"text": "under 5", "high": {"value": "14"}}, ("under 5",)),
        ({}, ()),
    ],
)
def test_a_reference_range_may_have_one_end_only(reference: dict[str, Any], shown: tuple[str, ...]) -> None:
    told = lines(resource=observation(valueString="x", referenceRange=[reference]))
    assert tuple(value for label, value in told if label == "Reference range") == shown


def test_a_reaction_is_shown_with_how_severe_it_was() -> None:
    told = allergy(
        reaction=[
            {"manifestation": [concept(code="39579001", display="Anaphylaxis")], "severity": "severe"},
            {"description": "a rash"},
        ],
        criticality="high",
        type="allergy",
        onsetString="in childhood",
    )
    assert lines(resource=told) == (
        ("Reaction", "Anaphylaxis"),
        ("Severity", "severe"),
        ("Reaction", "a rash"),
        ("Criticality", "high"),
        ("Kind", "allergy"),
        ("Began", "in childhood"),
    )


def test_a_reaction_says_to_what_it_was_and_in_which_words_it_was_described() -> None:
    told = allergy(
        reaction=[
            {
                "manifestation": [{"text": "Rash"}, {"text": "Swelling"}],
                "description": "came out in hives",
                "substance": {"text": "Amoxicillin"},
                "severity": {"text": "Moderate to severe"},
            },
            {"manifestation": [{"text": "Rash"}], "description": "Rash"},
        ]
    )
    assert lines(resource=told) == (
        ("Reaction", "Rash, Swelling"),
        ("Reaction described", "came out in hives"),
        ("Substance", "Amoxicillin"),
        ("Severity", "Moderate to severe"),
        ("Reaction", "Rash"),
    )


def test_a_problem_says_how_sure_it_is() -> None:
    assert lines(resource=condition(verificationStatus=concept(code="unconfirmed"))) == (
        ("Verification", "unconfirmed"),
    )


def test_a_medicine_says_when_it_was_taken_and_why() -> None:
    told = statement(effectivePeriod={"start": "2024-01-01"}, reasonCode=[{"text": "Pain"}, {"text": "Fever"}])
    assert lines(resource=told) == (("Taken", "from 2024-01-01"), ("Reason", "Pain, Fever"))


def test_a_type_without_lines_of_its_own_says_what_all_types_can_say() -> None:
    told = {
        "resourceType": "SupplyDelivery",
        "description": "Dressings",
        "period": {"start": "2024-01-01", "end": "2024-02-01"},
        "reasonCode": [{"text": "Leg ulcer"}],
        "outcome": {"text": "Delivered"},
        "note": [{"text": "Left with a neighbour"}],
    }
    assert lines(resource=told) == (
        ("About", "Dressings"),
        ("When", "2024-01-01 to 2024-02-01"),
        ("Reason", "Leg ulcer"),
        ("Outcome", "Delivered"),
        ("Note", "Left with a neighbour"),
    )


def test_an_ended_problem_says_when() -> None:
    told = condition(onsetAge={"value": "40", "unit": "a"}, abatementDateTime="2024-05", severity={"text": "Mild"})
    assert lines(resource=told) == (("Severity", "Mild"), ("Began", "40 a"), ("Ended", "2024-05"))


def test_a_vaccination_says_which_dose_and_why_it_was_not_given() -> None:
    told = immunisation(
        protocolApplied=[{"doseNumberPositiveInt": "2"}], lotNumber="AB12", statusReason={"text": "Declined"}
    )
    assert lines(resource=told) == (("Dose", "2"), ("Batch", "AB12"), ("Why not given", "Declined"))
    booster = immunisation(protocolApplied=[{"doseNumberString": "Booster"}], site={"text": "Left arm"})
    assert lines(resource=booster) == (("Dose", "Booster"), ("Site", "Left arm"))


EXPIRED = "2 (does not count: Expired)"
NO_COUNT = {"coding": [{"system": "http://hl7.org/fhir/vaccination-protocol-dose-status", "code": "nocount"}]}
COUNT = {"coding": [{"system": "http://hl7.org/fhir/vaccination-protocol-dose-status", "code": "count"}]}


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        ({"doseSequence": 2, "doseStatus": NO_COUNT}, "2 (does not count)"),
        ({"doseSequence": 2, "doseStatus": NO_COUNT, "doseStatusReason": {"text": "Expired"}}, EXPIRED),
        ({"doseSequence": 2, "doseStatus": {"text": "Not valid"}}, "2 (Not valid)"),
        ({"doseSequence": 2, "doseStatus": COUNT}, "2"),
        ({"doseStatus": NO_COUNT}, "Not recorded (does not count)"),
    ],
)
def test_where_a_dose_is_told_it_is_said_that_it_does_not_count(protocol: Json, told: str) -> None:
    stu3 = {"resourceType": "Immunization", "vaccinationProtocol": [protocol], "date": "2024-05-01"}
    made = json.dumps(translate(resource=stu3).resource).encode()
    assert dict(lines(resource=parse(resource=made)))["Dose"] == told


def test_what_says_nothing_has_no_line() -> None:
    assert lines(resource=condition()) == ()
    assert lines(resource={"resourceType": "Goal"}) == ()
    assert lines(resource={}) == ()


@pytest.mark.parametrize(
    ("words", "amount", "frequency", "told"),
    [
        ("500 mg oral twice a day", "500", 2, True),
        ("500mg BD", "500", 2, True),
        ("10 mg once daily", "10", 1, True),
        ("One tablet daily", "300", 1, False),  # the amount stands in the parts alone
        ("1500 mg twice a day", "500", 2, False),
        ("500 mg twice a day", "500", 3, False),
        ("500 mg", "500", 2, False),
        ("500 mg twice a day", "500.5", 2, False),
        ("500 micrograms twice a day", "500", 2, False),
    ],
)
def test_the_parts_of_a_dose_are_told_where_its_words_do_not_say_them(
    words: str, amount: str, frequency: int, told: bool
) -> None:
    dosage = {
        "text": words,
        "doseAndRate": [{"doseQuantity": {"value": float(amount), "unit": "mg"}}],
        "timing": {"repeat": {"frequency": frequency, "period": 1, "periodUnit": "d"}},
    }
    sent = json.dumps(statement(dosage=[dosage])).replace(f": {float(amount)}", f": {amount}").encode()
    labels = [label for label, _ in lines(resource=parse(resource=sent))]
    assert ("Dose in parts" not in labels) is told


A_DAY = {"value": "1", "unit": "d"}


@pytest.mark.parametrize("words", [{}, {"text": "Take as told"}], ids=["parts alone", "beside words"])
@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"asNeededBoolean": True}, "as needed"),
        ({"asNeededCodeableConcept": {"text": "pain"}}, "as needed: pain"),
        ({"asNeededCodeableConcept": {"coding": []}}, "as needed"),
        (
            {
                "maxDosePerPeriod": {
                    "numerator": {"value": "4", "unit": "g"},
                    "denominator": {"value": "1", "unit": "d"},
                }
            },
            "at most 4 g in 1 d",
        ),
        ({"maxDosePerAdministration": {"value": "1", "unit": "g"}}, "at most 1 g at a time"),
    ],
)
def test_that_a_medicine_is_taken_when_needed_and_how_much_at_most_is_told(
    members: dict[str, Any], told: str, words: dict[str, str]
) -> None:
    dosage = {"doseAndRate": [{"doseQuantity": {"value": "500", "unit": "mg"}}], **words, **members}
    label = "Dose in parts" if words else "Dose"
    assert dict(lines(resource=statement(dosage=[dosage])))[label] == f"500 mg, {told}"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ({"value": "133", "unit": "mmol/L"}, {"value": "146", "unit": "mmol/L"}, "133 to 146 mmol/L"),
        ({"value": "133", "unit": "mmol/L"}, {"value": "1.46", "unit": "mol/L"}, "133 mmol/L to 1.46 mol/L"),
        ({"value": "1"}, {"value": "5"}, "1 to 5"),
        ({"value": "1", "unit": "g"}, {"value": "5"}, "1 g to 5"),
        ({"value": "60", "unit": "mL/min"}, {}, "60 mL/min or more"),
        ({}, {"value": "5", "unit": "mg/L"}, "up to 5 mg/L"),
        ({}, {}, ""),
    ],
)
def test_a_range_tells_a_unit_that_both_ends_have_once(low: dict[str, Any], high: dict[str, Any], told: str) -> None:
    assert range_text({"low": low, "high": high}) == told
