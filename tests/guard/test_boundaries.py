"""The code about itself: which room may know which."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).resolve().parents[2]
FRAMEWORKS = ("django", "rest_framework", "celery", "kombu", "redis", "psycopg2")
DOORS = ("aggregator.web.", "aggregator.api.")


def test_imports_between_rooms_keep_their_contracts() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def modules_that_say_they_are_pure() -> list[str]:
    """Return the modules of ours whose docstring says so."""
    pure = []
    for path in sorted((PROJECT / "aggregator").rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        if re.search(r"\bPure\b", docstring):
            pure.append(".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"))
    return pure


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("aggregator", "connectors", "fhir_data", include_external_packages=True)


def test_no_kind_of_connector_knows_another(graph: grimp.ImportGraph) -> None:
    kinds = sorted(f"connectors.{path.parent.name}" for path in (PROJECT / "connectors").glob("*/connector.py"))
    assert len(kinds) >= 2
    for kind, other in permutations(kinds, 2):
        assert not graph.chain_exists(importer=kind, imported=other, as_packages=True), f"{kind} knows {other}"


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_no_pure_module_of_a_room_reaches_a_framework(graph: grimp.ImportGraph, package: str) -> None:
    pure = modules_that_say_they_are_pure()
    assert len(pure) > 20
    if package not in graph.modules:
        return
    for module in pure:
        if module.startswith(DOORS):  # they take values from services, so what they import themselves is what counts
            assert not graph.direct_import_exists(importer=module, imported=package)
        else:
            assert graph.find_shortest_chain(importer=module, imported=package) is None, module


@pytest.mark.parametrize("driver", ["psycopg2", "django.db"])
def test_the_live_door_imports_no_database(driver: str) -> None:
    """It imports services, which import tables; what it itself reaches for is what counts."""
    source = (PROJECT / "aggregator" / "web" / "record" / "live.py").read_text()
    assert driver not in source


def test_no_import_hides_inside_a_function_of_a_room() -> None:
    """An import inside a function dodges a cycle: the line is in the wrong room."""
    hidden = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in sorted((PROJECT / "aggregator").rglob("*.py"))
        if path.name != "apps.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.startswith(" ")
        and line.lstrip().startswith(("from aggregator", "import aggregator"))
        and "TYPE_CHECKING" not in path.read_text()
    ]
    assert hidden == []
