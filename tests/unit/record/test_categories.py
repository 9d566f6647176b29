"""Every category of content has its rules, and they fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from aggregator.record.categories import CATEGORIES, SECTIONS, BadRules, by_category, owner_of, type_rules
from aggregator.record.details import all_lines
from aggregator.record.rules import CategoryRules, TypeRules
from connectors.contract.categories import RecordCategory, category_of

RULES = tuple(CATEGORIES.values())
ALERTS, ALLERGIES, SUPPORTING = (
    CATEGORIES[category] for category in (RecordCategory.ALERTS, RecordCategory.ALLERGIES, RecordCategory.SUPPORTING)
)


def without(*dropped: CategoryRules) -> list[CategoryRules]:
    return [rules for rules in RULES if rules not in dropped]


def test_every_category_has_rules_and_every_clinical_one_a_section() -> None:
    assert set(CATEGORIES) == set(RecordCategory)
    assert {rules.category for rules in SECTIONS} == {category for category in RecordCategory if category.is_clinical}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (without(ALERTS), "about: alerts"),
        ([*RULES, replace(ALERTS, place=11, types=())], "one category"),
        ([*without(ALERTS), replace(ALERTS, place=ALLERGIES.place)], "one place on the page"),
        ([*without(ALERTS), replace(ALERTS, types=ALLERGIES.types)], "one FHIR type"),
        ([*without(ALERTS), replace(ALERTS, place=None)], "a place on the page: alerts"),
        ([*without(SUPPORTING), replace(SUPPORTING, place=999)], "a place on the page: supporting"),
    ],
)
def test_rules_that_do_not_fit_together_stop_the_start(rules: Sequence[CategoryRules], says: str) -> None:
    with pytest.raises(BadRules, match=says):
        by_category(rules=rules)


def test_sections_stand_in_the_order_of_their_places_whatever_the_files_are_called() -> None:
    first = replace(CATEGORIES[RecordCategory.OTHER], place=1)
    assert list(by_category(rules=[*without(CATEGORIES[RecordCategory.OTHER]), first]))[:2] == [
        RecordCategory.OTHER,
        RecordCategory.ALERTS,
    ]


@pytest.mark.parametrize("rules", SECTIONS, ids=lambda rules: rules.category.value)
def test_a_category_reads_the_types_that_connectors_put_in_it(rules: CategoryRules) -> None:
    assert rules.types or rules.category is RecordCategory.OTHER
    for of_type in rules.types:
        assert category_of(resource={"resourceType": of_type.name}) is rules.category
        assert type_rules(resource_type=of_type.name) is of_type
        assert owner_of(resource_type=of_type.name) is rules.category


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.category.value)
def test_the_words_of_a_category_are_words_and_not_its_code(rules: CategoryRules) -> None:
    absent = [rules.absence.one, rules.absence.many] if rules.absence else []
    for words in (rules.title, rules.many, *absent):
        assert words
        assert "-" not in words
    assert rules.title[0].isupper()
    assert rules.many[0].islower()


@pytest.mark.parametrize("rules", SECTIONS, ids=lambda rules: rules.category.value)
def test_the_codes_of_an_absence_are_about_their_own_category(rules: CategoryRules) -> None:
    if rules.absence:
        assert {absence.about for absence in rules.absence.codes.values()} <= {rules.category}
        assert {absence.of for absence in rules.absence.codes.values()} <= {"", *rules.absence.kinds}


@pytest.mark.parametrize("rules", SECTIONS, ids=lambda rules: rules.category.value)
def test_a_category_has_words_for_what_its_types_may_say_is_absent(rules: CategoryRules) -> None:
    may_say_so = any(of_type.absence and not of_type.absence.by_code_alone for of_type in rules.types)
    assert rules.absence or not may_say_so


def test_a_type_without_rules_is_read_by_what_all_types_share() -> None:
    assert type_rules(resource_type="NoSuchType") == TypeRules(name="", lines=all_lines)
    assert owner_of(resource_type="NoSuchType") is None
