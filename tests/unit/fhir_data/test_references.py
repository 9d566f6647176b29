"""What a reference means within one answer: `fullUrl` decides."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_data.references import (
    Address,
    Directory,
    addresses_in,
    base_of,
    is_id,
    may_enter_path,
    references_as_sent,
    references_in,
    relative_name,
    split_absolute,
    unquoted,
    with_objects_changed,
    without_version,
)

HERE, THERE = "https://a.example/fhir", "https://b.example/fhir"
UUID = "0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f"

ENTRIES = [
    (Address(full_url=f"{HERE}/Medication/1", name="Medication/1"), "here"),
    (Address(full_url=f"{THERE}/Medication/1", name="Medication/1"), "there"),
    (Address(full_url=f"{HERE}/Medication/2", name="Medication/2"), "only here"),
    (Address(full_url=f"urn:uuid:{UUID}", name="Medication/3"), "by urn"),
    (Address(full_url="urn:oid:1.2.3"), "by oid"),
    (Address(full_url="Practitioner/2", name="Practitioner/1"), "relative address"),
    (Address(name="Organization/9"), "without address"),
    (Address(name="Organization/9"), "without address, again"),
    (Address(name=f"Location/{UUID[:-1]}0"), "an id that is a UUID"),
    (Address(full_url=f"urn:uuid:{UUID[:-1].upper()}1"), "by urn in upper case"),
    (Address(full_url="urn:oid:1.2.3"), "by the same oid, again"),
]


@pytest.mark.parametrize(
    ("reference", "within", "meant"),
    [
        (f"{HERE}/Medication/1", "", "here"),
        (f"{THERE}/Medication/1/_history/7", f"{HERE}/MedicationRequest/1", "there"),
        ("Medication/1", f"{HERE}/MedicationRequest/1", "here"),
        ("Medication/1", f"{THERE}/MedicationRequest/1", "there"),
        ("Medication/1", "", None),  # on which server is not said
        ("Medication/2", "", "only here"),
        ("Medication/2/_history/1", "urn:uuid:x", "only here"),
        ("Medication/2", f"{THERE}/MedicationRequest/1", None),
        (f"{THERE}/Medication/2", "", None),
        (f"{THERE}/Medication/9", "", None),
        (f"urn:uuid:{UUID}", "", "by urn"),
        (f"urn:uuid:{UUID.upper()}", "", "by urn"),
        ("Medication/3", "", "by urn"),
        ("urn:oid:1.2.3", "", "by oid"),
        ("Practitioner/2", "", "relative address"),
        ("Organization/9", f"{HERE}/Encounter/1", "without address"),
        (f"{HERE}/Organization/9", "", "without address"),
        (f"urn:uuid:{UUID[:-1]}0", "", "an id that is a UUID"),
        (f"urn:uuid:{UUID[:-1].upper()}0", "", "an id that is a UUID"),
        (f"urn:uuid:{UUID[:-1]}1", "", "by urn in upper case"),
        (f"urn:uuid:{UUID[:-1]}2", "", None),
        ("Medication/9", "", None),
        ("#contained", "", None),
        ("", "", None),
    ],
)
def test_a_reference_means_the_entry_that_goes_by_it(reference: str, within: str, meant: str | None) -> None:
    assert Directory(entries=ENTRIES).find(reference=reference, within=within) == meant


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/2", "Patient/1"),
        ("Patient/OT_HER", "Patient/OT_HER"),
        ("/Patient/1", ""),
        ("./Patient/1", ""),
        ("Patient/1#f", ""),
        ("patient/1", ""),
        ("Patient/1/2", ""),
        ("https://a.example/Patient/1", ""),
    ],
)
def test_a_relative_reference_is_a_type_and_an_id(reference: str, name: str) -> None:
    assert relative_name(reference=reference) == name


def test_an_absolute_reference_has_a_base() -> None:
    assert split_absolute(reference=f"{HERE}/Patient/1/_history/2") == (HERE, "Patient/1")
    assert split_absolute(reference="ftp://a.example/Patient/1") == ("", "")
    assert base_of(full_url=f"{HERE}/Patient/1") == HERE
    assert base_of(full_url=f"urn:uuid:{UUID}") == ""
    assert without_version(reference="Patient/1/_history/2") == "Patient/1"


@pytest.mark.parametrize(
    ("text", "proper", "safe"), [("a.B-9", True, True), ("..", True, False), ("a/b", False, False)]
)
def test_an_id_of_dots_alone_enters_no_path(text: str, proper: bool, safe: bool) -> None:
    assert (is_id(text=text), may_enter_path(text=text)) == (proper, safe)
    assert not is_id(text="a" * 65)


def test_references_are_read_off_the_bytes_in_order() -> None:
    resource = (
        rb'{"subject":{"reference" : "Patient\/1"},"note":[{"text":"\"reference\":\"no\""}],'
        rb'"performer":[{"reference":"Practitioner/2"},{"reference":"Patient/1"}],"odd":{"reference":"\q"}}'
    )
    assert list(references_in(resource=resource)) == ["Patient/1", "Practitioner/2", "Patient/1"]
    assert list(references_in(resource=b'{"a":{"reference":"\\q"},"b":{"reference":"Patient/2"}}')) == ["Patient/2"]


def test_references_as_sent_are_the_same_ones_each_once() -> None:
    resource = rb"""{"subject":{"reference":"Patient/1"},"a":[{"reference" : "Patient\/1"},{"reference":"Patient/1"},
        {"re\u0066erence":"Device/2"},{"reference":"a\ud83d\ude00"}]}"""
    as_sent = list(references_as_sent(resource=resource))
    assert len(as_sent) == len(set(as_sent))
    assert {unquoted(quoted) for quoted in as_sent} == set(references_in(resource=resource))
    assert unquoted(rb'"Patient\/1"') == "Patient/1"
    assert unquoted(b'"\xff"') is None


def test_addresses_are_read_off_the_bytes_likewise() -> None:
    resource = (
        rb'{"content":[{"attachment":{"url" : "Binary\/1","title":"\"url\":\"no\""}}],'
        rb'"extension":[{"url":"http://a.example/e","valueReference":{"reference":"Patient/1"}}]}'
    )
    assert list(addresses_in(resource=resource)) == ["Binary/1", "http://a.example/e"]


def test_every_object_is_changed_and_nothing_sent_is_touched() -> None:
    sent = {"a": {"reference": "x"}, "b": [{"reference": "y"}, [{"c": {"reference": "z"}}], 1]}

    def upper(members: dict[str, Any]) -> dict[str, Any]:
        return {name: value.upper() if name == "reference" else value for name, value in members.items()}

    assert with_objects_changed(sent, change=upper) == {
        "a": {"reference": "X"},
        "b": [{"reference": "Y"}, [{"c": {"reference": "Z"}}], 1],
    }
    assert sent["a"] == {"reference": "x"}
