"""FHIR types in words: no page names a type to a clinician."""

from __future__ import annotations

import pytest

from connectors.contract.categories import RecordCategory
from connectors.fhir_r4.type_words import type_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Condition", "problems and diagnoses"),
        ("CarePlan", "care plan records"),
        ("NutritionOrder", "nutrition order records"),
        ("nonsense", "other records"),
    ],
)
def test_a_type_is_called_by_its_words_or_spelt_out(name: str, words: str) -> None:
    assert type_words(name=name) == words


def test_no_words_of_a_type_hold_its_name() -> None:
    for name in {name for category in RecordCategory for name in category.types}:
        assert type_words(name=name) == type_words(name=name).lower()
