"""How many values JSON holds is counted on its bytes."""

from __future__ import annotations

import json

import pytest

from fhir_data.size import holds_more_members, holds_more_values, rough_count

SAMPLES = [
    (b"{}", 1, 0),
    (b'{"a":1}', 1, 1),
    (b'{"a":1,"b":[1,2,{"c":"d"}],"e":{}}', 8, 3),
    (rb'{"a":"x,y,{[,","b":"\",[{"}', 2, 2),
    (rb'{"a":"\\","b":"c"}', 2, 2),
    (b'{"a":"\xc3\xa4,","b":[[],[]]}', 6, 2),
]


@pytest.mark.parametrize(("body", "values", "members"), SAMPLES)
def test_values_and_members_are_counted_and_marks_in_texts_are_not(body: bytes, values: int, members: int) -> None:
    assert json.loads(body) is not None
    assert holds_more_values(body=body, than=values - 1)
    assert not holds_more_values(body=body, than=values)
    assert rough_count(body=body) >= values
    assert not holds_more_members(body=body, than=max(members, 1))
    assert members < 2 or holds_more_members(body=body, than=members - 1)


def test_the_elements_of_an_array_are_members() -> None:
    body = json.dumps([[1, 2], {"a": 1, "b": 2}, "x,y"]).encode()
    assert not holds_more_members(body=body, than=3)
    assert holds_more_members(body=body, than=2)


@pytest.mark.parametrize("mark", [b'"', b'\\"', b'"\\', b"\\", b'"a\\"b'])
def test_what_is_no_json_is_gone_through_once(mark: bytes) -> None:
    # Looked at again from every quote, this would take hours.
    body = b'{"a":' + mark * 400_000
    assert not holds_more_values(body=body + b"," * 10, than=10_000_000)
    assert not holds_more_members(body=body + b"," * 10, than=10_000_000)
    assert holds_more_values(body=b",,," + body, than=2)
