"""What structs accept by themselves, and how they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_data import releases, structs
from fhir_data.exact_json import encode
from fhir_data.parsing import is_named_otherwise, parse_quickly
from fhir_data.releases import Release, datatype_of
from fhir_data.shapes import Element, Kind, Shape, shape_of
from fhir_data.structs import is_accepted
from tests.made_up_resources import types_of

OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
MORE = "http://example.org/more"


def accepts(release: Release = Release.R4, **members: Any) -> bool:
    resource = OBSERVATION | members
    return is_accepted(body=encode(resource), name="Observation", release=release)


def with_extension(**members: Any) -> dict[str, Any]:
    return {"extension": [{"url": MORE} | members]}


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"id": "a-1.B", "effectiveDateTime": "2024"},
    {"effectiveDateTime": "2024-02-29T23:59:59.123456789+14:00"},
    {"effectivePeriod": {"start": "2024-05"}},
    {"issued": "2024-05-01T10:00:00Z"},
    {"valueQuantity": {"value": Decimal("7.10"), "unit": "g"}},
    {"valueBoolean": True},
    {"valueTime": "10:00:00"},
    {"code": {"text": "x\u00a0"}, "language": "en GB"},
    {"_status": {"extension": [{"url": MORE, "valueCode": "unknown"}]}},
    {"note": [{"text": "first\nsecond"}]},
    {"component": [{"code": {"text": "x"}, "valueString": "y"}]},
    {"contained": [{"resourceType": "Patient", "contained": [{"resourceType": "Observation"} | OBSERVATION]}]},
    with_extension(valueDecimal=-5),
    with_extension(valueBase64Binary="aGlo"),
    with_extension(valueOid="urn:oid:1.2.0"),
    with_extension(extension=[{"url": MORE, "valueUrl": "http://example.org"}]),
]
REFUSED: list[dict[str, Any]] = [
    {"status": None},
    {"code": {}, "_code": {"id": "a"}},
    {"for_fhir": "x"},
    {"fhir_comments": "x"},
    {"subject": {"resourceType": "Reference", "reference": "Patient/1"}},
    {"id": "a\n"},
    {"id": "a_b"},
    {"id": "x" * 256},
    {"id": "١"},
    {"language": " en"},
    {"language": "en  GB"},
    {"language": "en\n"},
    {"language": "en\u00a0GB"},
    {"code": {"text": ""}},
    {"code": {"text": "\u00a0"}},
    {"code": {"text": "\u00a0x"}},
    {"code": {"text": "\x0b\x0c"}},
    {"code": {"text": "\x0c"}},
    {"effectiveDateTime": "٢٠٢٤"},
    {"effectiveDateTime": "2024\n"},
    {"effectiveDateTime": "0000"},
    {"effectiveDateTime": "2023-02-29"},
    {"effectiveDateTime": "1900-02-29"},
    {"effectiveDateTime": "2024-04-31"},
    {"effectiveDateTime": "2024-05-01T10:00:00"},
    {"effectiveDateTime": "2024-05-01T10:00Z"},
    {"effectiveDateTime": "2024-05-01T24:00:00Z"},
    {"effectiveDateTime": "2024-05-01T10:00:00+14:30"},
    {"effectiveDateTime": 5},
    {"effectiveDateTime": "2024", "effectivePeriod": {}},
    {"issued": "2024-05-01"},
    {"valueBoolean": "true"},
    {"valueBoolean": 1},
    {"valueInteger": "5"},
    {"valueInteger": True},
    {"valueInteger": 2**31},
    {"valueQuantity": {"value": "7.10"}},
    {"valueQuantity": {"value": 10**31}},
    {"valueQuantity": {"value": Decimal("NaN")}},
    {"note": []},
    {"note": {"text": "x"}},
    {"note": [None]},
    {"note": [{"text": "x"}, {}]},
    {"note": [[{"text": "x"}]]},
    with_extension(extension=[[]]),
    {"component": [{"valueString": "x"}]},
    {"_status": {}},
    {"_status": {"extension": []}},
    {"contained": [{"resourceType": "Bundle", "type": "collection"}]},
    {"contained": [{"resourceType": "Nonsense"}]},
    {"contained": [{"id": "x"}]},
    {"contained": [{"resourceType": "Patient", "contained": [{"resourceType": "Patient", "gender": ""}]}]},
    {"contained": ["x"]},
    with_extension(valueString="x", valueCode="y"),
    with_extension(url=None),
    with_extension(valueOid="urn:oid:1.02"),
    with_extension(valueBase64Binary="aGk"),
    with_extension(valueBase64Binary="a-k="),
    {"extension": [{"valueString": "x"}]},
]


@pytest.mark.parametrize("members", ACCEPTED)
def test_what_is_sound_is_accepted_without_a_model(members: dict[str, Any]) -> None:
    assert accepts(**members)


@pytest.mark.parametrize("members", REFUSED)
def test_what_is_in_doubt_is_left_to_the_model(members: dict[str, Any]) -> None:
    assert not accepts(**members)


@pytest.mark.parametrize("required", ["status", "code"])
@pytest.mark.parametrize("release", Release)
def test_what_the_standard_requires_must_be_there(release: Release, required: str) -> None:
    rest = {name: value for name, value in OBSERVATION.items() if name != required}
    assert accepts(release)
    assert not is_accepted(body=encode(rest), name="Observation", release=release)


def test_one_of_a_required_choice_must_be_there() -> None:
    usage = {"resourceType": "MedicationStatement", "status": "active", "subject": {"reference": "Patient/1"}}

    def accepts_with(**members: Any) -> bool:
        return is_accepted(body=encode(usage | members), name="MedicationStatement", release=Release.R4)

    assert accepts_with(medicationCodeableConcept={"text": "x"})
    assert not accepts_with()
    assert not accepts_with(medicationCodeableConcept={"text": "x"}, medicationReference={"reference": "Medication/1"})


@pytest.mark.parametrize(
    "name", ["Bundle", "Parameters", "Resource", "DomainResource", "Quantity", "Nonsense", "", "é"]
)
def test_what_is_no_content_of_a_record_has_no_struct(name: str) -> None:
    assert not is_accepted(body=encode({"resourceType": name}), name=name, release=Release.R4)


def test_a_type_of_one_release_is_none_of_the_other() -> None:
    request = {"resourceType": "ProcedureRequest", "status": "active", "intent": "order", "code": {"text": "x"}}
    request["subject"] = {"reference": "Patient/1"}
    answers = [is_accepted(body=encode(request), name="ProcedureRequest", release=release) for release in Release]
    assert answers == [False, True]


@pytest.mark.parametrize("release", Release)
def test_every_type_has_a_struct(release: Release) -> None:
    types = types_of(release=release)
    structs._decoder_of.cache_clear()
    structs.warm_up(types=types, release=release)
    assert structs._decoder_of.cache_info().currsize == len(types) > 100


def all_shapes(release: Release) -> list[Shape]:
    pending = [shape for name in types_of(release=release) if (shape := shape_of(name=name, release=release))]
    known = {shape.name: shape for shape in pending}
    while pending:
        for element in pending.pop().elements.values():
            if element.kind is Kind.OBJECT and element.type_name not in known:
                known[element.type_name] = element.shape
                pending.append(element.shape)
    return list(known.values())


def elements_where(release: Release, holds: Callable[[str, Element], bool]) -> set[tuple[str, str]]:
    return {
        (shape.name, name)
        for shape in all_shapes(release)
        for name, element in shape.elements.items()
        if holds(name, element)
    }


@pytest.mark.parametrize("release", Release)
def test_shapes_know_all_that_the_models_require(release: Release) -> None:
    shapes = all_shapes(release)
    assert len(shapes) > 400
    for shape in shapes:
        model = datatype_of(name=shape.name, release=release)
        assert model is not None
        empty = model.model_construct()
        aliases = {field: information.alias or field for field, information in model.model_fields.items()}
        choices: dict[str, set[str]] = {}
        for name, element in shape.elements.items():
            if element.choice:
                choices.setdefault(element.choice, set()).add(name)
        of_model = empty.get_one_of_many_fields()
        assert {choice: {aliases[name] for name in names} for choice, names in of_model.items()} == choices
        assert {name for name, _ in empty.get_required_fields()} <= {*shape.required}


@pytest.mark.parametrize("release", Release)
def test_structs_leave_out_no_element_but_those_that_are_named_for_what_they_are_not(release: Release) -> None:
    left_out = elements_where(release, lambda name, element: not structs._is_expressible(name, element))
    assert left_out == ({("TerminologyCapabilities", "lockedDate")} if release is Release.R4 else set())


@pytest.mark.parametrize("release", Release)
def test_no_number_is_called_as_a_time_is_within_a_period(release: Release) -> None:
    numbers = elements_where(release, lambda name, element: name in {"start", "end"} and element.kind is Kind.NUMBER)
    holders = {kind for kind, _ in numbers}
    within = elements_where(release, lambda name, element: element.type_name in holders and "period" in name.lower())
    assert numbers
    assert within == set()


@pytest.mark.parametrize("release", Release)
def test_no_text_stands_where_the_guards_expect_the_number_of_a_quantity(release: Release) -> None:
    texts = elements_where(release, lambda name, element: name == "value" and element.kind is not Kind.NUMBER)
    holders = {kind for kind, _ in texts}
    beside_a_unit = elements_where(release, lambda name, _: name in {"unit", "comparator"})
    of_a_quantity = elements_where(
        release, lambda name, element: name.endswith("Quantity") and element.type_name in holders
    )
    assert "Identifier" in holders
    assert holders.isdisjoint(kind for kind, _ in beside_a_unit)
    assert of_a_quantity == set()


@pytest.mark.parametrize(
    ("name", "types", "mistaken"),
    [
        ("lockedDate", (bool,), True),
        ("count", (bool,), True),
        ("active", (bool,), False),
        ("preferred", (str,), True),
        ("count", (str,), True),
        ("birthDate", (str,), False),
        ("active", (int, Decimal), True),
        ("date", (int, Decimal), True),
        ("count", (int, Decimal), False),
        ("active", (dict,), False),
    ],
)
def test_an_element_may_be_named_for_what_it_is_not(name: str, types: tuple[type, ...], mistaken: bool) -> None:
    assert is_named_otherwise(name=name, types=types) is mistaken


def test_threads_that_need_a_type_at_once_all_judge_by_the_whole_of_it() -> None:
    structs._decoder_of.cache_clear()
    structs._classes.cache_clear()
    start = threading.Barrier(8)
    answers: list[bool] = []

    def judge() -> None:
        start.wait()
        answers.append(accepts(note=[{"text": "x"}]) and not accepts(note=[{"text": ""}]))

    threads = [threading.Thread(target=judge) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


@pytest.mark.parametrize(
    "entry",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":"\\u0022"}',
        b'{"a":"\\u0022","a":"\\u0022"}',
        b'{"b":{"a":"x"},"b":{}}',
        b'{"a":"\\u0000"}',
        b'{"a":"\\ud800"}',
        b'{"a":1e31}',
        b'{"a":0.%s1}' % (b"0" * 40),
        b'{"a":NaN}',
        b'{"a":' + b'{"a":' * 64 + b"1" + b"}" * 65,
        b'{"a":' + b'[{"a":' * 32 + b"1" + b"}]" * 32 + b"}",
        b'{"a":[%s1]}' % (b"1," * 10_000),
        b'{"a":"%s"}' % (b"x" * (2**20 + 1)),
        b'{"data":"a-k="}',
        b'{"contained":[{"resourceType":"Binary","content":"a-k="}]}',
        b'{"url":"javascript:alert(1)","contentType":"text/plain"}',
        b"[1]",
        b'{"a":1} {}',
        b"{",
        b"",
    ],
)
def test_what_is_quickly_parsed_has_no_fault(entry: bytes) -> None:
    assert parse_quickly(entry=entry) is None


@pytest.mark.parametrize(
    "entry",
    [
        b'{"a":' + b'{"a":' * 62 + b"1" + b"}" * 63,
        b'{"a":' + b'[{"a":' * 31 + b"1" + b"}]" * 31 + b"}",
        b'{"a" : "\\"b\\"" ,\n "\\u0061b" : [7.10, 1E5, "\\\\u0000x"]}'.replace(b"\\\\u0000x", b"x"),
        b'{"data":"aGk=","contentType":"text/plain"}',
        b'{"a":[%s1]}' % (b"1," * 9_000),
    ],
)
def test_what_has_no_fault_is_quickly_parsed(entry: bytes) -> None:
    parsed = parse_quickly(entry=entry)
    assert parsed is not None
    assert encode(parsed[0]) == parsed[1]


def test_the_names_that_a_source_gives_its_types_are_not_remembered_without_end() -> None:
    for number in range(5_000):
        name = "A" + "".join(chr(ord("a") + int(digit)) for digit in str(number))
        assert not is_accepted(body=encode({"resourceType": name}), name=name, release=Release.R4)
    assert not is_accepted(body=b"{}", name="A" * 1_000_000, release=Release.R4)
    known = [releases._model_of.cache_info(), releases.datatype_of.cache_info()]
    assert [info.currsize for info in known] == [info.maxsize for info in known]
    assert accepts()
