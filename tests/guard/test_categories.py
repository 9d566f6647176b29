"""What is known of one category stands in its file: nobody else names a category or one of its FHIR types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.record.categories import SECTIONS
from aggregator.record.timeline import DetailLabel
from connectors.contract.categories import RecordCategory

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "aggregator" / "record"
# An operation names the type that it is called on.
OPERATIONS = ROOT / "aggregator" / "api" / "fhir" / "operations"
MODULES = [
    *sorted(RECORD.glob("*.py")),
    *sorted((RECORD / "completeness").glob("*.py")),
    *sorted((ROOT / "aggregator" / "web").rglob("*.py")),
    *(path for path in sorted((ROOT / "aggregator" / "api").rglob("*.py")) if path.parent != OPERATIONS),
]
TYPES = {of_type.name for rules in SECTIONS for of_type in rules.types}
EXCEPTIONS = {
    # The banner speaks of allergies, and of nothing else, whatever categories there are.
    RECORD / "completeness" / "claims.py": {RecordCategory.ALLERGIES.name},
    # Labels of lines, which two types are called like.
    RECORD / "timeline.py": {DetailLabel.CONDITION.value, DetailLabel.FLAG.value},
}


def named_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "RecordCategory":
            yield node.attr
        if isinstance(node, ast.Constant) and node.value in TYPES:
            yield str(node.value)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "aggregator")))
def test_no_module_but_its_own_file_knows_a_category(path: Path) -> None:
    assert set(named_in(path)) == EXCEPTIONS.get(path, set())


def test_the_files_of_the_categories_are_found_to_name_them() -> None:
    for rules in SECTIONS:
        path = RECORD / "categories" / f"{rules.category.value.replace('-', '_')}.py"
        assert set(named_in(path)) >= {rules.category.name, *(of_type.name for of_type in rules.types)}
