"""One file per category of content, each with one `RULES`. Pure.

Every category must have its file, and every file is found by being here: to add a category, name it in the contract
and add its file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping

from aggregator.record.details import all_lines
from aggregator.record.rules import CategoryRules, TypeRules
from connectors.contract.categories import RecordCategory


class BadRules(Exception):
    """The files of the categories do not fit together; the service must not start."""


def by_category(*, rules: Iterable[CategoryRules]) -> Mapping[RecordCategory, CategoryRules]:
    """Return the rules of every category, in the order of their sections.

    Raises: BadRules for a category without rules or with two, a clinical one without a place on the page, and two that
    share a place or a type.
    """
    listed = sorted(rules, key=lambda each: (each.place is None, each.place or 0))
    ruled = [each.category for each in listed]
    if missing := [category for category in RecordCategory if category not in ruled]:
        raise BadRules(f"no file in record/categories is about: {', '.join(missing)}")
    if unplaced := [each.category for each in listed if (each.place is None) is each.category.is_clinical]:
        raise BadRules(f"a clinical category, and no other, has a place on the page: {', '.join(unplaced)}")
    placed = [each.place for each in listed if each.place is not None]
    types = [of_type.name for each in listed for of_type in each.types]
    for what, names in (("category", ruled), ("place on the page", placed), ("FHIR type", types)):
        if len(set(names)) < len(names):
            raise BadRules(f"two files in record/categories have one {what}")
    return {each.category: each for each in listed}


def _discovered() -> Iterable[CategoryRules]:
    for module in pkgutil.iter_modules(__path__):
        rules = getattr(importlib.import_module(f"{__name__}.{module.name}"), "RULES", None)
        if not isinstance(rules, CategoryRules):
            raise BadRules(f"record/categories/{module.name} has no RULES")
        yield rules


CATEGORIES = by_category(rules=_discovered())
# The categories that have a section, in reading order.
SECTIONS = tuple(rules for rules in CATEGORIES.values() if rules.place is not None)
_TYPES: Mapping[str, TypeRules] = {of_type.name: of_type for rules in CATEGORIES.values() for of_type in rules.types}
_OWNERS: Mapping[str, RecordCategory] = {of_type.name: rules.category for rules in SECTIONS for of_type in rules.types}
_ANY_TYPE = TypeRules(name="", lines=all_lines)


def type_rules(*, resource_type: str) -> TypeRules:
    """Return how a resource of a FHIR type is read: by what every type has in common where no category has rules."""
    return _TYPES.get(resource_type, _ANY_TYPE)


def owner_of(*, resource_type: str) -> RecordCategory | None:
    """Return the category whose own a FHIR type is, None where none has rules for it."""
    return _OWNERS.get(resource_type)
