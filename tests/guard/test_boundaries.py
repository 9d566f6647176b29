"""The code about itself: which room may know which."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
CONTRACTS = {contract["id"]: contract for contract in TOOLS["importlinter"]["contracts"]}


def test_imports_between_rooms_keep_their_contracts() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_connector_is_kept_apart_from_the_others() -> None:
    found = {f"connectors.{path.parent.name}" for path in (PROJECT / "connectors").glob("*/connector.py")}
    assert found <= set(CONTRACTS["connectors"]["modules"])


def test_modules_that_say_they_are_pure_are_checked_for_it() -> None:
    pure = {name.replace(".", "/") for name in CONTRACTS["pure"]["source_modules"]}
    typed = set(TOOLS["mypy"]["files"])
    missing = {name for name in pure if name not in typed and f"{name}.py" not in typed}
    assert not missing, "mypy is to read every pure module strictly"


@pytest.mark.parametrize("driver", ["psycopg2", "django.db"])
def test_the_live_door_imports_no_database(driver: str) -> None:
    """It imports services, which import tables; what it itself reaches for is what counts."""
    source = (PROJECT / "aggregator" / "web" / "live.py").read_text()
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
