"""A source's copy as a person reads it: every value that was sent is on it, or counted as being in the JSON alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.record.extensions import plain_name
from aggregator.record.reading import parse
from aggregator.web import wording
from aggregator.web.record.readable import (
    DEEPEST,
    LONGEST_VALUE,
    MOST_FIELDS,
    Field,
    ReadableCopy,
    readable,
    system_name,
    words_of,
)
from tests.factories import concept
from tests.strategies import resources

Json = dict[str, Any]


def read(resource: Any, **named: Any) -> ReadableCopy:
    return readable(resource=parse(resource=json.dumps(resource).encode()), **named)


def pairs(copy: ReadableCopy) -> list[tuple[str, str]]:
    return [(field.label, field.value) for field in copy.fields]


def words_in(fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        yield field.label
        yield field.value
        yield from words_in(field.fields)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from leaves(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    elif value is not None and value != "":
        yield name, value


def ways_of_saying(name: str, value: Any) -> set[str]:
    """Return the ways in which a person may be told a value."""
    if isinstance(value, bool):
        return {"Yes" if value else "No", "chosen by the user"}
    told = {str(value), wording.sent_date(str(value))}
    if name == "system":
        told.add(system_name(system=str(value)))
    if name == "url":
        told.add(words_of(name=plain_name(url=str(value))))
    if name == "resourceType":
        told.add(words_of(name=str(value)))
    return told


def untold(resource: Any, copy: ReadableCopy) -> int:
    """Count the values that are nowhere on a copy, told apart from the code under test."""
    said = "\n".join(words_in(copy.fields))
    return sum(not any(way in said for way in ways_of_saying(name, value)) for name, value in leaves(resource))


def test_a_concept_is_read_with_the_systems_of_its_codes_by_name() -> None:
    read_v2 = {"system": "http://read.info/readv2", "code": "8B31400", "display": "Medication review"}
    code = {**concept(code="182836005", display="Review of medication"), "text": "Review"}
    code["coding"].append({**read_v2, "userSelected": True})
    own, chosen = "Review of medication (SNOMED CT 182836005)", "Medication review (Read v2 8B31400)"
    assert pairs(read({"code": code})) == [("Code", f"Review; {own}; {chosen}, chosen by the user")]


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ({"valueQuantity": {"value": 7.10, "unit": "mmol/L"}}, ("Value", "7.1 mmol/L")),
        (
            {"valueQuantity": {"value": 5, "unit": "tablet", "system": "http://unitsofmeasure.org", "code": "{tbl}"}},
            ("Value", "5 tablet (UCUM {tbl})"),
        ),
        ({"period": {"start": "2024-05-01", "end": "2024-05-02"}}, ("Period", "01-May-2024 to 02-May-2024")),
        ({"period": {"end": "2024-05"}}, ("Period", "until May-2024")),
        ({"active": False}, ("Active", "No")),
        ({"given": ["Ama", "Kofi"]}, ("Given", "Ama; Kofi")),
        ({"recordedDate": "2024-05-01T10:00:00Z"}, ("Recorded date", "01-May-2024 11:00")),
        ({"identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001006"}]}, None),
        ({"type": {"text": "Letter"}}, ("Type", "Letter")),
        ({"somethingNobodyKnows": "x"}, ("Something nobody knows", "x")),
        ({"subject": {"reference": "Patient/1", "display": "Ama"}}, ("Subject", "Ama (Patient/1)")),
        ({"_birthDate": {"id": "x"}}, ("Birth date (more)", "")),
    ],
)
def test_a_value_is_read_as_a_person_reads_it(resource: Json, told: tuple[str, str] | None) -> None:
    assert pairs(read(resource)) == [told or ("Identifier", "9990001006 (NHS number)")]


def test_a_reference_is_read_by_the_name_of_what_it_leads_to() -> None:
    resource = {"performer": [{"reference": "Practitioner/1"}, {"reference": "Practitioner/2"}]}
    copy = read(resource, name_of={"Practitioner/1": "Dr Osei"}.get)
    assert pairs(copy) == [("Performer 1", "Dr Osei (Practitioner/1)"), ("Performer 2", "Practitioner/2")]


def test_an_extension_is_read_by_its_plain_name() -> None:
    base = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
    resource = {
        "extension": [
            {"url": f"{base}ProblemSignificance", "valueCode": "major"},
            {"url": f"{base}MedicationRepeatInformation", "extension": [{"url": "issued", "valueUnsignedInt": 3}]},
            {"url": f"{base}Empty"},
        ]
    }
    copy = read(resource)
    assert pairs(copy) == [
        ("Problem significance", "major"),
        ("Medication repeat information", ""),
        ("Empty", "Stated, without a value"),
    ]
    assert [(field.label, field.value) for field in copy.fields[1].fields] == [("Issued", "3")]


def test_what_matters_most_comes_first_and_how_it_is_kept_last() -> None:
    kept = {"id": "1", "meta": {"versionId": "2"}}
    resource = {**kept, "note": [{"text": "n"}], "code": {"text": "c"}, "status": "final"}
    labels = [label for label, _ in pairs(read(resource, first=("status", "code")))]
    assert labels == ["Status", "Code", "Note", "Meta", "Id"]


def test_the_bytes_of_a_document_and_the_narrative_are_counted() -> None:
    resource = {"text": {"status": "generated", "div": "<div>Hello</div>"}, "data": "AAAA", "contentType": "image/png"}
    copy = read(resource)
    assert copy.hidden == 2
    assert not any("AAAA" in word or "Hello" in word for word in words_in(copy.fields))


def test_what_is_too_long_too_deep_or_too_much_is_counted() -> None:
    long = read({"note": [{"text": "x" * (LONGEST_VALUE + 1)}], "status": "final"})
    assert (pairs(long), long.hidden) == ([("Status", "final")], 1)
    deep: Any = {"leaf": "x"}
    for _ in range(DEEPEST + 5):
        deep = {"within": deep, "beside": "y"}
    copy = read(deep)
    assert untold(deep, copy) <= copy.hidden
    assert copy.hidden == 5
    much = read({"part": [{"words": f"w{n}"} for n in range(MOST_FIELDS + 10)]})
    assert sum(1 for _ in words_in(much.fields)) / 2 + much.hidden >= MOST_FIELDS + 10
    assert much.hidden >= 10


@pytest.mark.parametrize(
    "resource",
    [
        {"code": {"coding": "no list", "text": 7}},
        {"code": {"coding": [None, "x", {"code": 5, "display": ["y"]}]}},
        {"valueQuantity": {"value": {"a": 1}, "unit": ["x"]}},
        {"period": {"start": {"a": "b"}}},
        {"subject": {"reference": {"a": "b"}}},
        {"extension": "x", "modifierExtension": [{"url": 5, "value": "y"}, "z"]},
        {"a": [[["x"], {"b": "y"}]], "c": [1, {"d": 2}, None, True]},
        {"identifier": {"system": ["x"], "value": {"y": "z"}}},
        {"name": [], "other": {}, "nothing": None},
    ],
)
def test_a_misshapen_copy_is_read_and_nothing_of_it_is_lost(resource: Json) -> None:
    copy = read(resource)
    assert untold(resource, copy) <= copy.hidden


@given(resource=resources())
def test_nothing_of_a_copy_goes_unsaid(resource: Json) -> None:
    copy = read(resource)
    assert untold(resource, copy) == copy.hidden == 0


anything = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.text("abc-:19", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "coding text system code display value unit reference url extension start end userSelected data".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(value=anything)
def test_nothing_of_what_has_no_shape_at_all_goes_unsaid(value: Any) -> None:
    resource = {"resourceType": "Basic", "part": value}
    copy = read(resource)
    assert untold(resource, copy) <= copy.hidden


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recordedDate", "Recorded date"),
        ("valueCodeableConcept", "Value"),
        ("value", "Value"),
        ("medicationReference", "Medication"),
        ("effectiveDateTime", "Effective"),
        ("MedicationRequest", "Medication request"),
        ("isSubpotent", "Is subpotent"),
        ("NHSNumberVerificationStatus", "NHS number verification status"),
        ("Reference", "Reference"),
        ("", ""),
    ],
)
def test_the_name_of_an_element_is_split_into_words(name: str, words: str) -> None:
    assert words_of(name=name) == words


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("http://snomed.info/sct", "SNOMED CT"),
        ("http://terminology.hl7.org/CodeSystem/condition-clinical", "Condition clinical"),
        ("https://EMISWeb/A82038", "https://EMISWeb/A82038"),
    ],
)
def test_a_system_is_called_by_its_name_where_it_has_one(system: str, name: str) -> None:
    assert system_name(system=system) == name
