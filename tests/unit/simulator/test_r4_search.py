"""Search within one person's resources, as FHIR R4 has it."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.r4_search import BadPage, PageToken, provenance_of, read_token, searched_for

LAB = {"coding": [{"system": "http://example.org/kinds", "code": "laboratory"}]}
SIGN = {"coding": [{"system": "http://example.org/kinds", "code": "vital-signs"}]}
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Observation", "id": "1", "status": "final", "category": [LAB]},
    {"resourceType": "Observation", "id": "2", "status": "amended", "category": [SIGN]},
    {"resourceType": "Condition", "id": "3"},
    {"resourceType": "Provenance", "id": "4", "target": [{"reference": "Observation/1"}]},
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["1", "2"]),
        ({"category": "laboratory"}, ["1"]),
        ({"category": "laboratory,vital-signs"}, ["1", "2"]),
        ({"category": "http://example.org/kinds|laboratory"}, ["1"]),
        ({"category": "http://example.org/other|laboratory"}, []),
        ({"category": "|laboratory"}, []),
        ({"status": "amended"}, ["2"]),
        ({"category": "laboratory", "status": "amended"}, []),
        ({"_id": "2"}, ["2"]),
    ],
)
def test_tokens_are_matched(query: dict[str, str], found: list[str]) -> None:
    assert [r["id"] for r in searched_for(resources=RESOURCES, kind="Observation", query=query)] == found


def test_provenance_goes_with_its_target() -> None:
    assert [r["id"] for r in provenance_of(resources=RESOURCES, targets=RESOURCES[:1])] == ["4"]
    assert provenance_of(resources=RESOURCES, targets=RESOURCES[1:2]) == []


def test_a_page_token_comes_back_as_it_was() -> None:
    token = PageToken(local_id="A/1", query={"_count": "3"}, kind="Observation", begin=3)
    assert read_token(text=token.written()) == token


@pytest.mark.parametrize("text", ["", "!", "e30", "W10"])
def test_a_page_that_was_never_given_out_is_refused(text: str) -> None:
    with pytest.raises(BadPage):
        read_token(text=text)
