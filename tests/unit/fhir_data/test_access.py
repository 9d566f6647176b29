"""A member of the wrong type costs that member and nothing else."""

from __future__ import annotations

import pytest

from fhir_data.access import listed, mapping, mappings, text, texts

ODD = [None, 7, 1.5, True, "words", ["words"], {"a": 1}, [{"a": 1}, "words", None]]


@pytest.mark.parametrize("value", ODD)
def test_each_gives_what_is_of_its_type_and_nothing_else(value: object) -> None:
    elements = value if isinstance(value, list) else []
    assert text(value) == (value if isinstance(value, str) else "")
    assert mapping(value) == (value if isinstance(value, dict) else {})
    assert texts(value) == [element for element in elements if isinstance(element, str)]
    assert mappings(value) == [element for element in elements if isinstance(element, dict)]


def test_one_value_where_a_list_belongs_is_a_list_of_one() -> None:
    assert (listed(None), listed("a"), listed(["a", "b"])) == ([], ["a"], ["a", "b"])
