"""Verdicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_data.errors import EntryFault
from fhir_data.flaws import Flaw, FlawReason, paths_of
from fhir_data.heads import type_of
from fhir_data.limits import MAX_FLAWS
from fhir_data.releases import Release
from fhir_data.times import loose_date
from fhir_data.verdict import RefusedEntry, ToleratedEntry, ValidEntry, Verdict, flaws_of, judge, verdict

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


def judged(release: Release = Release.R4, **members: Any) -> Verdict:
    return verdict(entry=json.dumps(OBSERVATION | members).encode(), release=release)


@pytest.mark.parametrize("release", Release)
def test_a_sound_entry_is_accepted_with_its_numbers_exact(release: Release) -> None:
    entry = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":7.10}}'
    found = verdict(entry=entry, release=release)
    assert isinstance(found, ValidEntry)
    assert str(found.resource["valueQuantity"]["value"]) == "7.10"


R = FlawReason
CODED = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}

TOLERATED: list[tuple[dict[str, Any], str, FlawReason]] = [
    ({"effectiveDateTime": "2024-05-01T10:00:00"}, "effectiveDateTime", R.NOT_A_DATE),
    ({"effectiveDateTime": "19"}, "effectiveDateTime", R.NOT_A_DATE),
    ({"effectiveDateTime": "2024-02-30T10:00:00"}, "effectiveDateTime", R.NOT_A_DATE),
    ({"effectiveDateTime": "yesterday"}, "effectiveDateTime", R.NOT_A_DATE),
    ({"effectiveDateTime": 5}, "effectiveDateTime", R.NOT_A_DATE),
    ({"effectiveDateTime": ["2024"]}, "effectiveDateTime", R.LIST_FOR_ONE),
    ({"id": "Consultation1_topic2"}, "id", R.NOT_AN_ID),
    ({"id": "a b\n"}, "id", R.NOT_AN_ID),
    ({"id": 7}, "id", R.WRONG_TYPE),
    ({"code": {"text": ""}}, "code.text", R.EMPTY),
    ({"code": {"coding": [{"code": " 86290005"}]}}, "code.coding.code", R.NOT_A_CODE),
    ({"code": {"coding": [{"code": ""}]}}, "code.coding.code", R.EMPTY),
    ({"code": {"coding": {"code": "1"}}}, "code.coding", R.ONE_FOR_LIST),
    ({"code": [{"text": "x"}]}, "code", R.LIST_FOR_ONE),
    ({"code": "x"}, "code", R.WRONG_TYPE),
    ({"code": '{"text":"x"}'}, "code", R.WRONG_TYPE),
    ({"status": ""}, "status", R.EMPTY),
    ({"status": "Final"}, "status", R.NOT_A_CODE),
    ({"status": ["final"]}, "status", R.LIST_FOR_ONE),
    ({"Jane Smith 9000000009": 1}, "(unknown field)", R.NOT_IN_STANDARD),
    ({"for_fhir": {"reference": "Patient/2"}}, "(unknown field)", R.NOT_IN_STANDARD),
    ({"code": {"Jane": 1}}, "code.(unknown field)", R.NOT_IN_STANDARD),
    ({"valueQuantity": {"value": "5.4", "unit": "g"}}, "valueQuantity.value", R.NOT_A_NUMBER),
    ({"valueQuantity": {"value": "high"}}, "valueQuantity.value", R.NOT_A_NUMBER),
    ({"valueBoolean": "true"}, "valueBoolean", R.NOT_TRUE_OR_FALSE),
    ({"valueBoolean": 1}, "valueBoolean", R.NOT_TRUE_OR_FALSE),
    ({"component": [{"valueString": "x"}]}, "component.code", R.MISSING),
    ({"text": {"div": "<div xmlns='http://www.w3.org/1999/xhtml'/>"}}, "text.status", R.MISSING),
    ({"effectiveDateTime": "2024", "effectivePeriod": {}}, "effective[x]", R.TWO_CHOICES),
    ({"extension": [{"url": "u", "valueString": "a", "valueCode": "b"}]}, "extension.value[x]", R.TWO_CHOICES),
    ({"modifierExtension": {"url": "u"}}, "modifierExtension", R.ONE_FOR_LIST),
    ({"implicitRules": 5}, "implicitRules", R.WRONG_TYPE),
    ({"contained": [{"resourceType": "Medication", "status": ["x"]}]}, "contained.status", R.LIST_FOR_ONE),
    ({"contained": [{"resourceType": "Nonsense"}]}, "contained", R.UNREADABLE),
    ({"meta": {"lastUpdated": "2024"}}, "meta.lastUpdated", R.NOT_A_DATE),
]


@pytest.mark.parametrize("release", Release)
@pytest.mark.parametrize(("members", "path", "reason"), TOLERATED)
def test_what_a_reader_can_understand_is_tolerated_with_its_reason(
    members: dict[str, Any], path: str, reason: FlawReason, release: Release
) -> None:
    found = judged(release, **members)
    assert isinstance(found, ToleratedEntry)
    assert found.flaws == (Flaw(path=path, reason=reason),)
    assert members.items() <= found.resource.items()
    assert set(found.members) <= set(members)
    assert found.members or reason is R.MISSING


@pytest.mark.parametrize("place", ["first", "last"])
def test_every_flaw_is_found_behind_every_other(place: str) -> None:
    """A model that misses a status looks no further."""
    flaws = {"effectiveDateTime": "x", "code": 5, "component": [{"valueBoolean": "true"}, {"code": CODED}], "Jane": 1}
    kind = {"resourceType": "Observation"}
    resource = {**kind, **flaws} if place == "first" else {**flaws, **kind}
    found = verdict(entry=json.dumps(resource).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert {flaw.words for flaw in found.flaws} == {
        "(unknown field)",
        "code (of the wrong type)",
        "component.code (missing)",
        "component.valueBoolean (neither true nor false)",
        "effectiveDateTime (not a date or time)",
        "status (missing)",
    }
    assert set(found.members) == set(flaws)


@pytest.mark.parametrize(
    "members",
    [
        {"meta": []},
        {"meta": "R"},
        {"meta": '{"security":[{"code":"R"}]}'},
        {"meta": {"security": {"code": "R"}}},
        {"meta": {"security": [{"code": 5}]}},
        {"meta": {"security": [{"code": " R"}]}},
        {"meta": {"security": ["R"]}},
        {"meta": {"Security": [{"code": "R"}]}},
        {"meta": {"tag": "R"}},
        {"_meta": {"security": [{"code": "R"}]}},
        {"Meta": {"security": [{"code": "R"}]}},
        {"confidentialityCode": "R"},
        {"contained": [{"resourceType": "Medication", "meta": {"security": "R"}}]},
        {"contained": [{"resourceType": "Nonsense", "meta": {"security": "R"}}]},
        {"contained": [{"resourceType": "Nonsense", "meta": {"security": [{"code": ["R"]}]}}]},
        {"contained": [{"resourceType": "Nonsense", "meta": ["R"]}]},
        {"contained": ['{"resourceType":"Medication","meta":{"security":[{"code":"R"}]}}']},
        {"contained": [5]},
    ],
)
@pytest.mark.parametrize("release", Release)
def test_a_flaw_where_security_labels_stand_refuses_the_entry(members: dict[str, Any], release: Release) -> None:
    found = judged(release, **members)
    assert isinstance(found, RefusedEntry)
    assert found.fault is EntryFault.INVALID
    assert found.flaws


def test_a_flaw_in_the_label_of_a_document_refuses_it() -> None:
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {}}]}
    assert isinstance(verdict(entry=json.dumps(document).encode(), release=Release.R4), ValidEntry)
    found = verdict(entry=json.dumps({**document, "securityLabel": {"text": "R"}}).encode(), release=Release.R4)
    assert isinstance(found, RefusedEntry)


@pytest.mark.parametrize(
    "members",
    [
        {"note": [{"text": "{in braces}"}]},
        {"valueString": "true"},
        {"valueString": '{"a":1}'},
        {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "1", "userSelected": True}]}},
    ],
)
def test_what_only_looks_misread_is_valid(members: dict[str, Any]) -> None:
    assert isinstance(judged(**members), ValidEntry)


@pytest.mark.parametrize(
    ("verification", "is_flaw"), [("confirmed", False), ("Entered-In-Error", True), ("entered in error", True)]
)
def test_a_status_that_is_spelt_as_none_is_a_flaw(verification: str, is_flaw: bool) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    codes = [{"system": "http://snomed.info/sct", "code": "410605003"}, {"system": system, "code": verification}]
    resource = {"resourceType": "Condition", "subject": {}, "verificationStatus": {"coding": codes}}
    found = verdict(entry=json.dumps(resource).encode(), release=Release.R4)
    flaw = Flaw(path="verificationStatus.coding.code", reason=R.NOT_A_CODE)
    assert flaws_of(found) == ((flaw,) if is_flaw else ())


def test_a_flaw_names_no_index_and_no_value() -> None:
    found = judged(component=[{"code": {"coding": [{}, {"code": 5, "Smith": "x"}]}}])
    assert isinstance(found, ToleratedEntry)
    assert paths_of(found.flaws) == ("component.code.coding.(unknown field)", "component.code.coding.code")


@pytest.mark.parametrize("many", [3, 40, 9_000])
def test_only_the_first_of_many_flaws_are_named_and_all_members_are(many: int) -> None:
    found = judged(note=[{f"field{number}": 1} for number in range(many)], code={"coding": [5] * many}, issued="x")
    assert isinstance(found, ToleratedEntry)
    assert len(found.flaws) <= MAX_FLAWS
    assert set(found.members) == {"note", "code", "issued"}


def test_an_entry_with_very_many_values_is_too_large_to_look_into() -> None:
    found = judged(component=[{"code": {"coding": [5] * 9_000}} for _ in range(6)])
    assert found == RefusedEntry(fault=EntryFault.TOO_LARGE)


@pytest.mark.parametrize("number", ["1e1000000", "1e-31", "9" * 50, " 1e31"])
def test_a_monstrous_number_is_refused_even_as_text(number: str) -> None:
    found = judged(valueQuantity={"value": number, "unit": "g"})
    assert found == RefusedEntry(fault=EntryFault.BAD_NUMBER)


@pytest.mark.parametrize(
    "kind", ["Nonsense", "Quantity", "Resource", "DomainResource", "Bundle", "Parameters", "", "observation", "a.b"]
)
def test_an_unknown_type_is_named_so(kind: str) -> None:
    found = verdict(entry=json.dumps({"resourceType": kind}).encode(), release=Release.R4)
    assert isinstance(found, RefusedEntry)
    assert (found.fault, paths_of(found.flaws)) == (EntryFault.UNKNOWN_TYPE, ("resourceType",))


def test_a_type_of_one_release_is_unknown_to_the_other() -> None:
    entry = b'{"resourceType":"ReferralRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"}}'
    assert isinstance(verdict(entry=entry, release=Release.STU3), ValidEntry)
    found = verdict(entry=entry, release=Release.R4)
    assert isinstance(found, RefusedEntry)
    assert found.fault is EntryFault.UNKNOWN_TYPE


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
    assert ", ".join(sorted(found.members)) == named
    assert PATIENT.items() <= found.resource.items()
    assert isinstance(judge(resource=found.resource, release=release), ValidEntry)


def test_a_flaw_beside_the_nhs_number_does_not_cost_the_number() -> None:
    sent = {**PATIENT, "identifier": [{**NUMBER, "period": "always"}, 7, {"system": "a", "value": "b", "use": []}]}
    found = verdict(entry=json.dumps(sent).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert found.resource["identifier"] == [NUMBER, {"system": "a", "value": "b"}]
    assert found.members == ("identifier",)
    assert paths_of(found.flaws) == ("identifier", "identifier.period", "identifier.use")


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
    assert isinstance(found, ToleratedEntry)
    assert (found.resource, paths_of(found.flaws)) == (PATIENT, ("(unknown field)",))


def test_a_patient_keeps_what_is_odd_and_says_one_thing_only() -> None:
    sent = {**PATIENT, "id": "a_b", "deceasedDateTime": "2024-05-01T10:00:00", "address": [{"city": ""}]}
    found = verdict(entry=json.dumps(sent).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert found.resource == sent
    assert paths_of(found.flaws) == ("address.city", "deceasedDateTime", "id")


def test_a_patient_that_cannot_be_read_whole_names_what_was_lost() -> None:
    sent = json.dumps(PATIENT)[:-1] + ',"Ferris":NaN,"name":[{"family":"a","family":"b"}]}'
    found = verdict(entry=sent.encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert (found.resource, paths_of(found.flaws)) == (PATIENT, ("(unknown field)", "name"))


@pytest.mark.parametrize(
    ("resource", "missing"),
    [
        ({"resourceType": "Condition", "code": {"text": "Asthma"}}, ("subject",)),
        ({"resourceType": "AllergyIntolerance", "code": {"text": "Peanut"}}, ("patient",)),
        ({"resourceType": "Procedure", "status": "completed"}, ("subject",)),
        ({"resourceType": "Procedure"}, ("status", "subject")),
        ({"resourceType": "Immunization"}, ("occurrence[x]", "patient", "status", "vaccineCode")),
        ({"resourceType": "DocumentReference"}, ("content", "status")),
    ],
)
def test_what_is_missing_is_named_and_refuses_nothing(resource: dict[str, Any], missing: tuple[str, ...]) -> None:
    found = verdict(entry=json.dumps(resource).encode(), release=Release.R4)
    assert isinstance(found, ToleratedEntry)
    assert found.resource == resource
    assert paths_of(found.flaws) == missing
    assert {flaw.reason for flaw in found.flaws} == {R.MISSING}
