"""An item as sent -> a fact as compared, type by type."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.categories import SECTIONS
from aggregator.record.normalise import normalise
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory
from tests.factories import (
    SNOMED_CT,
    UCUM,
    Others,
    allergy,
    concept,
    condition,
    fact,
    immunisation,
    item_of_bytes,
    no_known_allergy,
    observation,
    order,
    procedure,
    statement,
)

WARFARIN = {"resourceType": "Medication", "id": "w", "code": concept(code="319733000", display="Warfarin 1mg tablets")}


@pytest.mark.parametrize(
    ("code", "heading"),
    [
        ({"text": "As typed", "coding": [{"display": "As coded"}]}, "As typed"),
        ({"text": "As typed", "coding": [{"display": "As chosen", "userSelected": True}]}, "As chosen"),
        ({"coding": [{"code": "X1"}, {"display": "As coded"}]}, "As coded"),
        ({"coding": [{"code": "X1"}]}, "X1"),
        ({}, "Condition without a description"),
    ],
)
def test_a_heading_is_worded_as_its_source_worded_it(code: dict[str, Any], heading: str) -> None:
    assert fact(resource=condition() | {"code": code}).heading == heading


@pytest.mark.parametrize(
    ("resource", "heading"),
    [
        (allergy(verificationStatus=concept(code="refuted")), "Refuted: Allergy to penicillin"),
        (condition(verificationStatus=concept(code="refuted")), "Refuted: Diabetes mellitus"),
        (immunisation(status="not-done"), "Not given: Influenza vaccine"),
        (procedure(status="not-done"), "Not done: Appendicectomy"),
        (statement(status="not-taken"), "Not taken: Paracetamol 500mg tablets"),
        (order(doNotPerform=True), "Do not give: Paracetamol 500mg tablets"),
        (observation(status="cancelled"), "Cancelled: Serum creatinine level"),
        (no_known_allergy(), "No known allergy"),
        (no_known_allergy(verificationStatus=concept(code="refuted")), "Refuted: No known allergy"),
    ],
)
def test_a_negation_stands_in_the_heading(resource: dict[str, Any], heading: str) -> None:
    found = fact(resource=resource)
    assert (found.standing, found.heading) == (Standing.NEGATED, heading)


def test_every_type_that_can_be_negated_has_its_word() -> None:
    assert all(of_type.negation for rules in SECTIONS for of_type in rules.types)
    assert fact(resource={"resourceType": "Goal", "doNotPerform": True}).heading == (
        "Not so: Goal without a description"
    )


def test_only_codes_that_mean_the_same_everywhere_are_compared() -> None:
    coding = [
        {"system": SNOMED_CT, "code": "73211009"},
        {"system": "http://read.info/ctv3", "code": "C10.."},
        {"system": "http://loinc.org", "code": "2160-0"},
        {"system": "https://dmd.nhs.uk", "code": "322236009"},
        {"code": "no system"},
    ]
    assert fact(resource=condition() | {"code": {"coding": coding}}).concepts == {
        f"{SNOMED_CT}|73211009",
        "http://loinc.org|2160-0",
        f"{SNOMED_CT}|322236009",
    }


def test_a_code_means_the_same_with_space_around_it() -> None:
    assert fact(resource=condition(code=" 73211009 ")).concepts == fact(resource=condition()).concepts


# Medication


def test_a_medicine_is_found_in_what_the_order_contains() -> None:
    told = order(medicationReference={"reference": "#w"}, contained=[WARFARIN])
    del told["medicationCodeableConcept"]
    found = fact(resource=told)
    assert found.heading == "Warfarin 1mg tablets"
    assert found.concepts == {f"{SNOMED_CT}|319733000"}


@pytest.mark.parametrize(
    ("reference", "known_as"),
    [("Medication/w", "Medication/w"), ("https://hospital.example/fhir/Medication/w", None)],
)
def test_a_medicine_is_found_among_what_the_source_sent(reference: str, known_as: str | None) -> None:
    told = order(medicationReference={"reference": reference, "display": "as the order words it"})
    del told["medicationCodeableConcept"]
    found = fact(resource=told, others={known_as or reference: WARFARIN})
    assert found.heading == "Warfarin 1mg tablets"


def test_a_medicine_that_was_not_sent_goes_by_the_words_of_the_order() -> None:
    told = order(medicationReference={"reference": "Medication/gone", "display": "Warfarin"})
    del told["medicationCodeableConcept"]
    found = fact(resource=told)
    assert (found.heading, found.concepts) == ("Warfarin", frozenset())


def test_the_ingredients_of_a_medicine_are_compared() -> None:
    medicine = WARFARIN | {"ingredient": [{"itemCodeableConcept": concept(code="372756006")}, {"itemReference": {}}]}
    told = order(medicationReference={"reference": "Medication/w"})
    assert fact(resource=told, others={"Medication/w": medicine}).ingredients == {f"{SNOMED_CT}|372756006"}


def test_an_issue_names_what_it_continues_however_the_reference_is_written() -> None:
    issue = order(
        basedOn=[{"reference": "https://practice.example/fhir/MedicationRequest/plan/_history/3"}],
        priorPrescription={"reference": "MedicationRequest/before"},
    )
    assert fact(resource=issue).continues == ("MedicationRequest/plan", "MedicationRequest/before")
    assert fact(resource=condition(basedOn=[{"reference": "MedicationRequest/plan"}])).continues == ()


def test_a_dose_in_parts_is_compared_by_its_parts_and_a_worded_one_by_its_words() -> None:
    parts = {
        "doseAndRate": [{"doseQuantity": {"value": 1.0, "unit": "g"}}],
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
    }
    same = {**parts, "doseAndRate": [{"doseQuantity": {"value": 0.001, "unit": "kg"}}]}
    assert fact(resource=order(dosageInstruction=[parts])).dose == fact(resource=order(dosageInstruction=[same])).dose
    assert fact(resource=order(dosageInstruction=[parts])).dose_is_coded
    worded = fact(resource=statement(dosage=[{"text": "One  Twice a day"}]))
    assert (worded.dose, worded.dose_is_coded) == (("one twice a day",), False)
    assert not fact(resource=order()).dose_is_coded


# Immunisation


def test_a_vaccine_that_is_not_known_goes_by_the_act_of_vaccination() -> None:
    unknown = concept(code="UNK", system="http://terminology.hl7.org/CodeSystem/v3-NullFlavor", words="")
    act = concept(code="822851000000102", display="Seasonal influenza vaccination")
    extension = {
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-VaccinationProcedure",
        "valueCodeableConcept": act,
    }
    found = fact(resource=immunisation(vaccineCode=unknown, extension=[extension]))
    assert found.heading == "Seasonal influenza vaccination"
    assert found.concepts == {f"{SNOMED_CT}|822851000000102"}


# Dates


@pytest.mark.parametrize(
    ("resource", "event", "shown"),
    [
        (condition(onsetDateTime="2020", recordedDate="2021-01-01"), "2020", "2020"),
        (condition(onsetPeriod={"start": "2020-03"}), "2020-03", "2020-03"),
        (condition(recordedDate="2021-01-01"), None, "2021-01-01"),
        (allergy(recordedDate="2021-01-01"), None, "2021-01-01"),
        (
            observation(effectivePeriod={"start": "2020-03-01"}, issued="2020-03-02T10:00:00Z"),
            "2020-03-01",
            "2020-03-01",
        ),
        (observation(issued="2020-03-02T10:00:00Z"), None, "2020-03-02T10:00:00Z"),
        (order(authoredOn="2020-03-01"), "2020-03-01", "2020-03-01"),
        (
            order(authoredOn="2020-03-01", dispenseRequest={"validityPeriod": {"start": "2020-04-01"}}),
            "2020-04-01",
            "2020-04-01",
        ),
        (statement(effectivePeriod={"start": "2019"}, dateAsserted="2020"), "2019", "2019"),
        (immunisation(occurrenceDateTime="2019-10-01", recorded="2020"), "2019-10-01", "2019-10-01"),
        (immunisation(occurrenceString="as a child", recorded="2020"), None, "2020"),
        (procedure(performedPeriod={"start": "2018-02"}), "2018-02", "2018-02"),
        (condition(), None, None),
        (condition(onsetDateTime=["2020"], onsetPeriod="2020"), None, None),
    ],
)
def test_the_date_of_recording_is_shown_and_never_joins(
    resource: dict[str, Any], event: str | None, shown: str | None
) -> None:
    found = fact(resource=resource)
    assert (found.event_date.text if found.event_date else None) == event
    assert (found.shown_date.text if found.shown_date else None) == shown


# Identifiers and values


def test_an_nhs_number_names_a_person_and_no_event() -> None:
    told = condition(
        identifier=[
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001006"},
            {"system": "http://fhir.nhs.net/Id/nhs-number", "value": "9990001006"},
            {"system": "https://records.example/id", "value": "7"},
            {"value": "without a system"},
            {"system": None, "value": None},
        ]
    )
    assert fact(resource=told).identifiers == {"https://records.example/id|7"}


def test_a_result_is_compared_without_its_zeros_and_shown_with_them() -> None:
    sent = b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":7.10,"unit":"mmol/L"}}'
    found = normalise(item=item_of_bytes(resource=sent, category=RecordCategory.RESULTS), resolver=Others(held={}))
    assert found.value == fact(resource=observation(valueQuantity={"value": 7.1, "unit": "mmol/l"})).value
    assert found.details == (("Value", "7.10 mmol/L"),)


@pytest.mark.parametrize(
    ("quantity", "same"),
    [
        ({"value": 5, "unit": "mmol per litre", "code": "mmol/L"}, True),
        ({"value": 5, "code": "mmol/L"}, True),
        ({"value": 5, "unit": "mmol/L"}, True),
        ({"value": 5, "unit": "mmol/L", "code": "mg/dL"}, False),
        ({"value": 5, "unit": "mmol/L", "comparator": "<"}, False),
        ({"value": 6, "unit": "mmol/L"}, False),
    ],
)
def test_a_result_is_compared_by_its_comparator_number_and_coded_unit(quantity: dict[str, Any], same: bool) -> None:
    plain = fact(resource=observation(valueQuantity={"value": 5, "unit": "mmol/l"})).value
    assert (fact(resource=observation(valueQuantity=quantity)).value == plain) is same


def test_a_blood_pressure_is_compared_by_both_of_its_parts_in_any_order() -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        quantity = {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}
        return {"code": concept(code=code), "valueQuantity": quantity}

    systolic, diastolic = part("271649006", 120), part("271650006", 80)
    forwards = fact(resource=observation(component=[systolic, diastolic]))
    backwards = fact(resource=observation(component=[diastolic, systolic]))
    assert forwards.value == backwards.value
    assert forwards.value != fact(resource=observation(component=[part("271649006", 80), part("271650006", 120)])).value


@pytest.mark.parametrize(
    "members",
    [
        {"code": "text"},
        {"code": {"coding": "text"}},
        {"code": {"coding": [None, "x", {"code": 5}]}},
        {"identifier": "x"},
        {"identifier": {"system": "a", "value": "b"}},
        {"component": [None, {"code": None}]},
        {"dosage": "x", "dosageInstruction": [None]},
        {"extension": None, "contained": "x", "medicationReference": "x"},
        {"effectiveDateTime": {}, "effectivePeriod": "x"},
    ],
)
@pytest.mark.parametrize("make", [condition, observation, order, statement, immunisation, procedure, allergy])
def test_what_is_misshapen_is_absent_and_no_crash(make: Any, members: dict[str, Any]) -> None:
    found = fact(resource=make() | members)
    assert found.heading
