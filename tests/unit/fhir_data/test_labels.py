"""Where a resource says how confidential it is, and what is made of what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fhir_data.labels import UNREADABLE, Label, labels_around, labels_of, labels_of_refused
from fhir_data.limits import MAX_VALUES
from tests.factories import CONFIDENTIALITY, restricted

R = Label(system=CONFIDENTIALITY, code="R")
BARE = Label(system="", code="R")


def labels(**members: Any) -> tuple[Label, ...]:
    return labels_of(resource=json.dumps({"resourceType": "Basic", **members}).encode())


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"meta": restricted()}, R),
        ({"meta": {"security": [{**restricted()["security"][0], "userSelected": True, "display": "x"}]}}, R),
        ({"meta": {"security": restricted()["security"][0]}}, R),
        ({"meta": {"security": ["R"]}}, BARE),
        ({"meta": {"security": [{"display": "Restricted"}]}}, UNREADABLE),
        ({"meta": {"security": [{"system": CONFIDENTIALITY}]}}, Label(system=CONFIDENTIALITY, code="")),
        ({"meta": {"security": [True]}}, UNREADABLE),
        ({"meta": "security"}, UNREADABLE),
        ({"securityLabel": [{"coding": [{"system": CONFIDENTIALITY, "code": "R"}]}]}, R),
        ({"securityLabel": [{"text": "for her eyes"}]}, UNREADABLE),
        ({"securityLabel": {"system": CONFIDENTIALITY, "code": "R"}}, R),
        ({"securityLabel": {"system": CONFIDENTIALITY, "code": "R", "display": "restricted"}}, R),
        ({"confidentiality": "R"}, BARE),
        ({"contained": [{"resourceType": "Basic", "meta": restricted()}]}, R),
        ({"contained": [{"contained": [{"meta": restricted()}]}]}, R),
        ({"parameter": [{"resource": {"meta": restricted()}}]}, R),
        (
            {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label",
                        "valueCoding": {"system": CONFIDENTIALITY, "code": "R"},
                    }
                ]
            },
            R,
        ),
    ],
)
def test_a_label_is_read_wherever_it_stands(members: dict[str, Any], said: Label) -> None:
    assert labels(**members) == (said,)


@pytest.mark.parametrize(
    "members", [{}, {"meta": {}}, {"meta": {"security": []}}, {"meta": None}, {"note": [{"text": "security"}]}]
)
def test_nothing_said_is_no_label(members: dict[str, Any]) -> None:
    assert labels(**members) == ()


def test_a_label_that_was_sent_twice_is_read_both_times() -> None:
    sent = b'{"meta":{"security":[{"code":"R"}]},"meta":{"security":[{"code":"N"}]}}'
    assert set(labels_of(resource=sent)) == {BARE, Label(system="", code="N")}
    assert labels_of(resource=rb'{"meta":{"\u0073ecurity":[{"code":"R"}]}}') == (BARE,)


def test_in_what_was_refused_a_name_that_is_nearly_right_counts() -> None:
    assert labels_of_refused(entry=b'{"securitylabel":"x"}') == (UNREADABLE,)
    assert labels_of_refused(entry=b'{"Meta":{"security":[{"code":"R"}]}}') == (BARE,)
    assert labels_of_refused(entry=b'{"securityContext":{"reference":"Group/1"}}') == ()
    assert labels_of_refused(entry=b'{"meta":{"security"') == ()


INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"


@pytest.mark.parametrize(
    "members",
    [
        {"meta": b'{"security":[{"code":" R "}]}'},
        {"securityLabel": b'[{"coding":[{"code":"R"}]}]'},
        {"extension": f'[{{"url":"{INLINE}","valueCoding":{{"code":"R"}}}}]'.encode()},
    ],
)
def test_what_is_said_around_entries_is_read_as_sent(members: dict[str, bytes]) -> None:
    assert labels_around({**members, "entry": b"not even read"}) == (BARE,)


def test_nothing_said_around_entries_is_no_label() -> None:
    assert labels_around({"meta": b"{}", "entry": b"[]"}) == ()
    assert labels_around({}) == ()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"valueCodeableConcept": {"coding": [{"code": "R"}]}}, (BARE,)),
        ({"valueCode": "R"}, (BARE,)),
        ({"valueCodeableConcept": {"text": "restricted"}}, (UNREADABLE,)),
        ({}, (UNREADABLE,)),
    ],
)
def test_a_label_of_an_element_is_read_whatever_its_value_is(said: dict[str, Any], expected: tuple[Label, ...]) -> None:
    assert labels(_birthDate={"extension": [{"url": INLINE, **said}]}) == expected
    assert labels(extension=[{"url": INLINE.replace("inline", "has-inline"), "valueBoolean": True}]) == ()


@pytest.mark.parametrize("system", [CONFIDENTIALITY, "urn:oid:2.16.840.1.113883.5.25"])
def test_a_tag_is_a_label_where_it_is_a_code_of_confidentiality(system: str) -> None:
    assert labels(meta={"tag": [{"system": system, "code": "R"}]}) == (Label(system=system, code="R"),)
    assert labels(meta={"tag": [{"code": "R"}, {"system": "https://supplier.example/tags", "code": "R"}]}) == ()


@pytest.mark.parametrize(
    ("label", "expected"), [('"meta":{"security":[{"code":"R"}]}', (UNREADABLE,)), ('"meta":{"versionId":"1"}', ())]
)
def test_an_entry_that_holds_too_much_to_be_parsed_may_have_any_label(label: str, expected: tuple[Label, ...]) -> None:
    members = ",".join(f'"u{number}":1' for number in range(MAX_VALUES))
    assert labels_of_refused(entry=f'{{"resourceType":"Observation",{label},{members}}}'.encode()) == expected


def test_a_label_is_read_where_every_word_for_one_stands() -> None:
    words = "security confidentiality inline-sec-label 2.16.840.1.113883.5.25 \\u0041"
    sent = f'{{"meta":{{"security":[{{"code":"R"}}]}},"description":"{words}"}}'
    assert labels_of(resource=sent.encode()) == (BARE,)


def test_a_label_is_read_beside_a_number_of_any_length() -> None:
    sent = f'{{"meta":{{"security":[{{"code":"R"}}]}},"valueInteger":{"7" * 5_000}}}'
    assert labels_of(resource=sent.encode()) == (BARE,)


def test_in_what_was_refused_a_name_that_is_nearly_right_counts_at_any_depth() -> None:
    assert labels_of_refused(entry=b'{"contained":[{"securitylabel":"x"}]}') == (UNREADABLE,)
    assert labels_of_refused(entry=b'{"security":[{"code":"N"}]}') == (UNREADABLE,)


def test_what_stands_around_entries_is_read_whatever_else_is_said_of_it() -> None:
    assert labels_around({"meta": b'{"versionId":"1"}', "extension": b"[]"}) == ()


@pytest.mark.parametrize("spelt", [str.upper, str.lower, str.title, str.swapcase])
def test_a_label_is_read_in_whatever_case_its_system_or_extension_is_spelt(spelt: Callable[[str], str]) -> None:
    for system in (CONFIDENTIALITY, "urn:oid:2.16.840.1.113883.5.25"):
        tag = {"system": spelt(system), "code": "R"}
        assert labels(meta={"tag": [tag]}) == (Label(system=spelt(system), code="R"),)
    assert labels(extension=[{"url": spelt(INLINE), "valueCode": "R"}]) == (BARE,)
