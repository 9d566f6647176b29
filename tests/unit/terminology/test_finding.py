"""A sensitive code is found wherever it stands and however its system is spelt, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.terminology.compiled import shipped_sets
from aggregator.terminology.finding import Finder
from aggregator.terminology.sensitivity import Sensitivity
from aggregator.terminology.value_sets import ValueSet
from fhir_data.confidentiality import restricts

SNOMED_CT = "http://snomed.info/sct"
HIV = {"system": SNOMED_CT, "code": "86406008"}
SETS = (
    ValueSet(url="a", sensitivity=Sensitivity.HIV, codes=frozenset({(SNOMED_CT, "86406008")})),
    ValueSet(url="b", sensitivity=Sensitivity.GENETIC, codes=frozenset({("http://read.info/readv2", "A788.")})),
)


def found(resource: object, *, sets: tuple[ValueSet, ...] = SETS) -> set[Sensitivity]:
    sent = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    return set(Finder(value_sets=sets).sensitivities_in(resource=sent))


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Condition", "code": {"coding": [HIV]}},
        {"resourceType": "Condition", "code": {"coding": [{"system": "urn:x", "code": "1"}, HIV]}},
        {"resourceType": "MedicationRequest", "reasonCode": [{"coding": [HIV]}]},
        {"resourceType": "FamilyMemberHistory", "condition": [{"code": {"coding": [HIV]}}]},
        {"resourceType": "Observation", "component": [{"valueCodeableConcept": {"coding": [HIV]}}]},
        {"resourceType": "Observation", "contained": [{"code": {"coding": [HIV]}}]},
        {"resourceType": "List", "extension": [{"url": "u", "valueCoding": HIV}]},
    ],
)
def test_a_code_is_found_wherever_it_stands(resource: dict[str, Any]) -> None:
    assert found(resource) == {Sensitivity.HIV}


@pytest.mark.parametrize(
    "coding",
    [
        {"code": "86406008"},
        {"system": "", "code": "86406008"},
        {"system": 5, "code": "86406008"},
        {"system": "HTTP://SNOMED.info/sct/", "code": " 86406008 "},
        {"system": "https://snomed.info/sct|20240101", "code": "86406008"},
        {"system": "http://snomed.info/sct/83821000000107", "code": "86406008"},
        {"system": "urn:oid:2.16.840.1.113883.6.96", "code": "86406008"},
        {"system": SNOMED_CT, "code": "86406008:246112005=24484000"},
        {"system": SNOMED_CT, "code": "3947183011 | words |+86406008"},
    ],
)
def test_it_is_found_however_it_is_written(coding: dict[str, Any]) -> None:
    assert found({"code": {"coding": [coding]}}) == {Sensitivity.HIV}


def test_it_is_found_behind_escapes() -> None:
    sent = rb'{"coding":[{"system":"http:\/\/snomed.info\/sct","code":"8640600\u0038"}]}'
    assert found(sent) == {Sensitivity.HIV}
    assert found(rb'{"coding":[{"system":"http:\/\/snomed.info\/sct","\u0063ode":"86406008"}]}') == {Sensitivity.HIV}


def test_codes_of_other_systems_are_compared_by_their_own_letters() -> None:
    assert found({"coding": [{"system": "http://read.info/readv2", "code": "a788."}]}) == {Sensitivity.GENETIC}
    assert found({"coding": [{"system": "http://read.info/readv2", "code": "A788"}]}) == set()


@pytest.mark.parametrize(
    "resource",
    [
        {"coding": [{"system": "http://loinc.org", "code": "86406008"}]},
        {"coding": [{"system": SNOMED_CT, "code": "186406008"}]},
        {"identifier": [{"system": SNOMED_CT, "value": "86406008"}]},
        {"text": "86406008"},
        {},
        b"",
        b"86406008",
        b"[" * 100_000,
        b'{"code":"86406008"',
    ],
)
def test_nothing_else_is(resource: object) -> None:
    assert found(resource) == set()


def test_a_resource_may_name_several() -> None:
    both = {"coding": [HIV, {"system": "http://read.info/readv2", "code": "A788."}]}
    assert found(both) == {Sensitivity.HIV, Sensitivity.GENETIC}


def test_each_kind_has_a_set_that_comes_with_the_service_and_a_label_that_withholds() -> None:
    shipped = {each.sensitivity: each for each in shipped_sets()}
    assert set(shipped) == set(Sensitivity)
    for sensitivity, value_set in shipped.items():
        assert restricts(sensitivity.label)
        assert value_set.codes
        for system, code in value_set.codes:
            named = found({"coding": [{"system": system, "code": code}]}, sets=tuple(shipped.values()))
            assert named == {sensitivity}


@pytest.mark.parametrize(
    "coding",
    [
        {"system": SNOMED_CT, "code": 86406008},
        {"system": SNOMED_CT, "code": ["86406008"]},
        {"system": SNOMED_CT, "code": [None, 86406008]},
        {"system": SNOMED_CT, "code": "\u200b86406008"},
        {"system": SNOMED_CT, "code": "8640\u00ad6008\u00a0"},
        {"system": SNOMED_CT, "code": "８６４０６００８"},
        {"system": f"{SNOMED_CT}\u200b", "code": "86406008"},
    ],
)
def test_a_code_is_found_as_a_reader_sees_it(coding: dict[str, Any]) -> None:
    resource = {"resourceType": "Condition", "code": {"coding": [coding]}}
    for is_escaped in (True, False):
        assert found(json.dumps(resource, ensure_ascii=is_escaped).encode()) == {Sensitivity.HIV}


@pytest.mark.parametrize("code", [None, True, 1, [], [True], {}, "\u200b", "8640600８1"])
def test_and_nothing_is_found_in_what_reads_otherwise(code: object) -> None:
    assert found({"code": {"coding": [{"system": SNOMED_CT, "code": code}]}}) == set()
