"""Verdicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_data.errors import EntryFault
from fhir_data.heads import type_of
from fhir_data.releases import Release
from fhir_data.times import loose_date
from fhir_data.verdict import RefusedEntry, ToleratedEntry, ValidEntry, Verdict, judge, verdict

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


def judged(release: Release = Release.R4, **members: Any) -> Verdict:
    return verdict(entry=json.dumps(OBSERVATION | members).encode(), release=release)


@pytest.mark.parametrize("release", Release)
def test_a_sound_entry_is_accepted_with_its_numbers_exact(release: Release) -> None:
    entry = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":7.10}}'
    found = verdict(entry=entry, release=release)
    assert isinstance(found, ValidEntry)
    assert str(found.resource["valueQuantity"]["value"]) == "7.10"


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"effectiveDateTime": "2024-05-01T10:00:00"}, "effectiveDateTime"),
        ({"effectiveDateTime": "2024-05-01T10:00"}, "effectiveDateTime"),
        ({"id": "Consultation1_topic2"}, "id"),
        ({"code": {"text": ""}}, "code.text"),
        ({"code": {"coding": [{"code": " 86290005"}]}}, "code.coding.code"),
    ],
)
def test_a_small_fault_is_a_warning_that_names_the_field(members: dict[str, Any], path: str) -> None:
    found = judged(**members)
    assert isinstance(found, ToleratedEntry)
    assert found.flaws == (path,)
    assert members.items() <= found.resource.items()


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"effectiveDateTime": "19"}, "effectiveDateTime"),
        ({"effectiveDateTime": "2024-02-30T10:00:00"}, "effectiveDateTime"),
        ({"effectiveDateTime": "yesterday"}, "effectiveDateTime"),
        ({"Jane Smith 9000000009": 1}, "(unknown field)"),
        ({"code": {"coding": [{"code": ""}]}}, "code.coding.code"),
        ({"status": ""}, "status"),
        ({"effectiveDateTime": "2024", "effectivePeriod": {}}, ""),
        ({"id": "a b\n"}, "id"),
    ],
)
def test_a_fault_that_changes_what_is_said_refuses_the_entry(members: dict[str, Any], detail: str) -> None:
    found = judged(**members)
    assert found == RefusedEntry(fault=EntryFault.INVALID, flaws=(detail,) if detail else ())


def test_a_detail_names_no_index_and_no_value() -> None:
    found = judged(component=[{"code": {"coding": [{}, {"code": 5, "Smith": "x"}]}}])
    assert isinstance(found, RefusedEntry)
    assert found.flaws
    assert not any(sign.isdigit() or "Smith" in flaw for flaw in found.flaws for sign in flaw)


@pytest.mark.parametrize(
    "kind", ["Nonsense", "Quantity", "Resource", "DomainResource", "Bundle", "Parameters", "", "observation", "a.b"]
)
def test_an_unknown_type_is_named_so(kind: str) -> None:
    found = verdict(entry=json.dumps({"resourceType": kind}).encode(), release=Release.R4)
    assert found == RefusedEntry(fault=EntryFault.UNKNOWN_TYPE, flaws=("resourceType",))


def test_a_type_of_one_release_is_unknown_to_the_other() -> None:
    entry = b'{"resourceType":"ReferralRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"}}'
    assert isinstance(verdict(entry=entry, release=Release.STU3), ValidEntry)
    assert verdict(entry=entry, release=Release.R4) == RefusedEntry(
        fault=EntryFault.UNKNOWN_TYPE, flaws=("resourceType",)
    )


def test_the_type_of_an_entry_that_cannot_be_used_is_found() -> None:
    assert type_of(entry=b'{"resourceType":"Flag","x":NaN}') == "Flag"
    assert type_of(entry=b'{"resourceType":7}') == ""
    assert type_of(entry=b"[]") == ""


@pytest.mark.parametrize("text", ["", "2024", "2024-05-01", "2024-13-01T10:00:00", "9999999999T10:00:00", "x"])
def test_only_a_time_with_a_real_day_has_a_loose_date(text: str) -> None:
    assert loose_date(text=text) == ""


NUMBER = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001006"}
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "1", "identifier": [NUMBER], "birthDate": "1951-05-04"}

FLAWS: list[tuple[dict[str, Any], str]] = [
    ({"generalPractitioner": {"reference": "Practitioner/1"}}, "generalPractitioner"),
    ({"name": {"family": "Ferris"}}, "name"),
    ({"contact": "nobody"}, "contact"),
    ({"communication": [1]}, "communication"),
    ({"extension": [{"url": 3}]}, "extension"),
    ({"managingOrganization": ["x"]}, "managingOrganization"),
    ({"photo": [{"contentType": "image/png", "data": "not base64"}]}, "photo"),
    ({"deceasedDateTime": 1948}, "deceasedDateTime"),
    ({"address": [{"period": {"start": "yesterday"}}]}, "address"),
    ({"multipleBirthBoolean": True, "multipleBirthInteger": 2}, "multipleBirthBoolean"),
    ({"telecom": {"value": "1"}, "link": 4, "gender": 7}, "gender, link, telecom"),
]


@pytest.mark.parametrize("release", Release)
@pytest.mark.parametrize(("flaw", "named"), FLAWS)
def test_a_flaw_in_a_patient_costs_what_it_is_in_and_no_more(
    flaw: dict[str, Any], named: str, release: Release
) -> None:
    found = verdict(entry=json.dumps({**PATIENT, **flaw}).encode(), release=release)
    assert isinstance(found, ToleratedEntry)
    assert ", ".join(found.flaws) == named
    assert PATIENT.items() <= found.resource.items()
    assert isinstance(judge(resource=found.resource, release=release), ValidEntry)


def test_a_flaw_beside_the_nhs_number_does_not_cost_the_number() -> None:
    sent = {**PATIENT, "identifier": [{**NUMBER, "period": "always"}, 7, {"system": "a", "value": "b", "use": []}]}
    found = verdict(entry=json.dumps(sent).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert found.resource["identifier"] == [NUMBER, {"system": "a", "value": "b"}]
    assert found.flaws == ("identifier",)


def test_a_patient_said_to_be_dead_in_two_ways_stays_dead() -> None:
    sent = {**PATIENT, "deceasedBoolean": True, "deceasedDateTime": "1948"}
    found = verdict(entry=json.dumps(sent).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert found.resource["deceasedDateTime"] == "1948"


@pytest.mark.parametrize("flaw", [{"id": 7}, {"id": ["1"]}])
def test_a_patient_whose_id_cannot_be_read_is_refused(flaw: dict[str, Any]) -> None:
    found = verdict(entry=json.dumps({**PATIENT, **flaw}).encode(), release=Release.R4)
    assert isinstance(found, RefusedEntry)
    assert found.fault is EntryFault.INVALID


def test_the_name_of_a_member_that_no_patient_has_is_said_nowhere() -> None:
    found = verdict(entry=json.dumps({**PATIENT, "Ferris": 1}).encode(), release=Release.R4)
    assert found == ValidEntry(resource=PATIENT)


@pytest.mark.parametrize(
    ("resource", "is_usable"),
    [
        ({"resourceType": "Condition", "code": {"text": "Asthma"}}, True),
        ({"resourceType": "AllergyIntolerance", "code": {"text": "Peanut"}}, True),
        ({"resourceType": "Procedure", "status": "completed"}, True),
        ({"resourceType": "Procedure"}, False),  # its status is missing as well
        ({"resourceType": "Condition", "onsetDateTime": "yesterday"}, False),
    ],
)
def test_a_missing_subject_refuses_nothing(resource: dict[str, Any], is_usable: bool) -> None:
    found = verdict(entry=json.dumps(resource).encode(), release=Release.R4)
    if is_usable:
        assert isinstance(found, ToleratedEntry)
        assert found.resource == resource
        assert set(found.flaws) <= {"subject", "patient"}
    else:
        assert isinstance(found, RefusedEntry)
        assert found.fault is EntryFault.INVALID
