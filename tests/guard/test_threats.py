"""docs/threats.md: every test that it names exists, and every id that the code or a test uses is explained in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TESTS = PROJECT / "tests"
PAGE = (PROJECT / "docs" / "threats.md").read_text()
CODE = ("aggregator", "config", "connectors", "fhir_data", "launcher", "simulator", "benchmarks", "tests")

# T threats, H hostile input, C clinical hazards, as they stand in prose, in the name of a case, or in that of a test.
IN_PROSE = re.compile(r"\b[THC]\d{2}\b")
IN_A_CASE = re.compile(r"([THC]\d{2}) ")
IN_A_NAME = re.compile(r"test_([thc]\d{2})_")


def rows() -> dict[str, tuple[str, str, str]]:
    """Return threat, what stands against it, and tests by id."""
    found = [
        [cell.strip() for cell in line.split("|")]
        for line in re.findall(r"^\| ([THC]\d{2} \|.*)\|$", PAGE, re.MULTILINE)
    ]
    assert len({identifier for identifier, *_ in found}) == len(found)
    return {identifier: (threat, against, tests) for identifier, threat, against, tests in found}


def named_tests(cell: str) -> list[tuple[str, str]]:
    """Return the file and the name of each test in a cell."""
    named: list[tuple[str, str]] = []
    path = ""
    for code in re.findall(r"`([^`]+)`", cell):
        before, separator, name = code.partition("::")
        assert separator, code
        path = before or path
        named.append((path, name))
    return named


def functions(path: Path) -> set[str]:
    """Return the names of the functions of a file."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def used_ids(path: Path) -> Iterator[str]:
    """Yield the ids in a file's docstrings, comments, names of cases and names of tests."""
    source = path.read_text()
    yield from (name.upper() for name in IN_A_NAME.findall(source))
    for comment in re.findall(r"(?m)(?:^|  )#(?!.*noqa)(.*)$", source):
        yield from IN_PROSE.findall(comment)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            case = IN_A_CASE.match(node.value)
            if case:
                yield case[1]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from IN_PROSE.findall(ast.get_docstring(node) or "")


ROWS = rows()


def test_the_page_has_a_row_for_each_id_without_a_gap() -> None:
    for letter, count in (("T", 56), ("H", 30), ("C", 20)):
        numbers = [int(identifier[1:]) for identifier in ROWS if identifier.startswith(letter)]
        assert numbers == list(range(1, count + 1))
    assert len(re.findall(r"^\| [A-Z]\d+ ", PAGE, re.MULTILINE)) == len(ROWS)


@pytest.mark.parametrize("identifier", ROWS)
def test_every_test_that_is_named_exists(identifier: str) -> None:
    _, against, tests = ROWS[identifier]
    named = named_tests(tests)
    assert named or re.search(r"\b[Nn]ot yet\b", against), "neither a test nor the reason why there is none"
    for path, name in named:
        assert name in functions(TESTS / path), f"{path}::{name}"


# Threats to who may see what: access rests on their tests, so "not yet" is no answer.
TRIED = [f"T{number:02}" for number in (*range(1, 9), 13, 14, 15, 20, *range(36, 41))]


@pytest.mark.parametrize("identifier", TRIED)
def test_what_threatens_access_has_a_test(identifier: str) -> None:
    _, _, tests = ROWS[identifier]
    assert named_tests(tests), "no test tries it"


def test_every_id_that_is_used_is_explained() -> None:
    own = Path(__file__)
    paths = (path for folder in CODE for path in (PROJECT / folder).rglob("*.py") if path != own)
    used = {identifier: path for path in paths for identifier in used_ids(path)}
    assert {"T26", "H01", "H11"} <= set(used)
    assert {identifier: path for identifier, path in used.items() if identifier not in ROWS} == {}


def test_every_case_of_hostile_input_is_named_by_its_row() -> None:
    case = "contract/test_hostile_input.py"
    names = functions(TESTS / case)
    for name in sorted(names):
        found = IN_A_NAME.match(name)
        if found and found[1].startswith("h"):
            assert (case, name) in named_tests(ROWS[found[1].upper()][2]), name
