"""What is sent to a practice keeps the specification's rules, whatever is asked for."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.contract.values import Asker, Identifier
from connectors.gp_connect.request import AREAS, area_words, areas_for, headers, nhs_number_of, parameters, token
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

ASKER = Asker(user_id="u1", family="Okafor", given="Ada", organisation_ods="A1", organisation_name="Hospital")
OPTIONS = {"from_asid": "200", "to_asid": "100", "consumer_url": "https://consumer.example"}
NARROWING_PARTS = {
    "medicationSearchFromDate",
    "uncategorisedDataSearchPeriod",
    "filterStatus",
    "referralSearchPeriod",
    "diaryEntriesSearchDate",
    "includeNotGiven",
    "includeStatus",
}


def asked(categories: frozenset[RecordCategory]) -> list[dict[str, Any]]:
    areas = areas_for(categories=categories)
    made = json.loads(parameters(nhs_number="9000000009", areas=areas))
    assert made["resourceType"] == "Parameters"
    found: list[dict[str, Any]] = made["parameter"]
    return found


@given(st.frozensets(st.sampled_from(RecordCategory)))
def test_every_combination_of_areas_is_legal(categories: frozenset[RecordCategory]) -> None:
    found = asked(categories)
    names = [one["name"] for one in found]
    assert names[0] == "patientNHSNumber"
    assert len(set(names)) == len(names)
    parts = {part["name"] for one in found for part in one.get("part", [])}
    if {"includeConsultations", "includeProblems"} & set(names):
        assert not parts & NARROWING_PARTS
    for one in found:
        assert one.get("part") != []
        if one["name"] == "includeAllergies":
            assert one["part"] == [{"name": "includeResolvedAllergies", "valueBoolean": True}]


def test_everything_is_every_area_in_one_call() -> None:
    assert [one["name"] for one in asked(frozenset(RecordCategory))[1:]] == list(AREAS)


def test_only_what_is_needed_is_asked_for() -> None:
    assert [one["name"] for one in asked(frozenset({RecordCategory.ALLERGIES}))[1:]] == ["includeAllergies"]


def test_vaccines_that_were_not_given_are_asked_for_where_it_is_allowed() -> None:
    (found,) = asked(frozenset({RecordCategory.IMMUNISATIONS}))[1:]
    assert found["part"] == [{"name": "includeNotGiven", "valueBoolean": True}]


def claims(asker: Asker) -> tuple[dict[str, Any], dict[str, Any]]:
    made = token(asker=asker, options=OPTIONS, audience="https://gp.example/fhir", now=1_700_000_000)
    assert made.endswith(".")
    head, body, signature = made.split(".")
    assert signature == ""
    assert "=" not in made
    header, payload = (json.loads(base64.urlsafe_b64decode(f"{part}===")) for part in (head, body))
    return header, payload


def test_the_token_is_unsigned_lives_five_minutes_and_names_the_user() -> None:
    header, payload = claims(ASKER)
    assert header == {"alg": "none", "typ": "JWT"}
    assert (payload["iat"], payload["exp"]) == (1_700_000_000, 1_700_000_300)
    assert payload["aud"] == "https://gp.example/fhir"
    assert payload["sub"] == payload["requesting_practitioner"]["id"] == "u1"
    assert payload["reason_for_request"] == "directcare"
    assert payload["requested_scope"] == "patient/*.read"
    assert payload["requesting_organization"]["identifier"][0]["value"] == "A1"
    assert payload["requesting_device"]["version"]


def test_a_user_without_smartcard_is_marked_and_one_with_it_is_named() -> None:
    values = [one["value"] for one in claims(ASKER)[1]["requesting_practitioner"]["identifier"]]
    assert values == ["UNK", "UNK", "u1"]
    smart = Asker(
        user_id="u1",
        family="Okafor",
        given="Ada",
        prefix="Dr",
        sds_user_id="111222333444",
        sds_role_profile_id="444555666777",
        organisation_ods="A1",
        organisation_name="Hospital",
    )
    practitioner = claims(smart)[1]["requesting_practitioner"]
    assert [one["value"] for one in practitioner["identifier"]] == ["111222333444", "444555666777", "u1"]
    assert practitioner["name"] == [{"family": "Okafor", "given": ["Ada"], "prefix": ["Dr"]}]


def test_the_headers_are_those_of_the_interaction() -> None:
    trace = UUID("6f1c2f0e-2c4b-4f7e-9a53-3d0a0f6a9f10")
    found = headers(asker=ASKER, options=OPTIONS, audience="https://gp.example/fhir", now=1, trace_id=trace)
    assert (found["Ssp-From"], found["Ssp-To"], found["Ssp-TraceID"]) == ("200", "100", str(trace))
    assert found["Ssp-InteractionID"] == "urn:nhs:names:services:gpconnect:fhir:operation:gpc.getstructuredrecord-1"
    assert found["Accept"] == found["Content-Type"] == "application/fhir+json;charset=utf-8"
    assert found["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize(("value", "digits"), [("9000000009", "9000000009"), ("900 000 0009", "9000000009")])
def test_the_nhs_number_is_picked_among_the_identifiers(value: str, digits: str) -> None:
    identifiers = (Identifier(system="x", value="1"), Identifier(system=NHS_NUMBER_SYSTEM, value=value))
    assert nhs_number_of(identifiers=identifiers) == digits
    assert nhs_number_of(identifiers=identifiers[:1]) is None


@pytest.mark.parametrize("system", ["http://fhir.nhs.net/Id/nhs-number", "https://fhir.nhs.uk/id/NHS-number/"])
def test_an_nhs_number_is_one_under_every_system_that_names_it(system: str) -> None:
    assert nhs_number_of(identifiers=(Identifier(system=system, value="9000000009"),)) == "9000000009"


@pytest.mark.parametrize("value", ["", "900000000", "90000000099", "٩٠٠٠٠٠٠٠٠٩", "900000000X", '9000000009"}'])
def test_what_is_no_number_is_not_sent(value: str) -> None:
    with pytest.raises(Malformed) as caught:
        nhs_number_of(identifiers=(Identifier(system=NHS_NUMBER_SYSTEM, value=value),))
    assert caught.value.reason is Reason.REQUEST_REJECTED


@pytest.mark.parametrize(
    ("options", "url", "device"),
    [
        ({}, "", ("longview", "Longview", "0.1.0")),
        (
            {
                "consumer_url": "https://consumer.example/",
                "device_id": "d1",
                "device_model": "M",
                "device_version": "2",
            },
            "https://consumer.example",
            ("d1", "M", "2"),
        ),
    ],
)
def test_the_token_names_the_consumer_and_the_device_that_ask(
    options: dict[str, str], url: str, device: tuple[str, str, str]
) -> None:
    _, body, _ = token(asker=ASKER, options=options, audience="a", now=1).split(".")
    payload = json.loads(base64.urlsafe_b64decode(f"{body}==="))
    consumer = options.get("consumer_url", "")
    assert payload["iss"] == consumer
    assert payload["requesting_device"] == {
        "resourceType": "Device",
        "identifier": [{"system": consumer, "value": device[0]}],
        "model": device[1],
        "version": device[2],
    }
    assert payload["requesting_practitioner"]["identifier"][2] == {"system": f"{url}/user-id", "value": "u1"}


def test_a_request_without_settings_has_empty_headers_and_its_own_audience() -> None:
    made = headers(asker=ASKER, options={}, audience="https://gp.example", now=1, trace_id=UUID(int=1))
    assert (made["Ssp-From"], made["Ssp-To"]) == ("", "")
    sent = token(asker=ASKER, options={}, audience="https://gp.example", now=1)
    assert made["Authorization"] == f"Bearer {sent}"


@pytest.mark.parametrize(
    ("area", "words"), [("includeDiaryEntries", "diary entries"), ("includeMedication", "medication")]
)
def test_an_area_has_words(area: str, words: str) -> None:
    assert area_words(area=area) == words
