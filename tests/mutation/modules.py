"""Which modules are pure, which are not, and which have changed. Pure modules say so in their docstring."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

from tests.mutation.workshop import PROJECT, SOURCES


def pure_modules() -> list[Path]:
    """Return the modules that say "Pure." of themselves or whose package does, below the project's folder."""
    return [path for path in _modules() if _is_pure(path)]


def other_modules() -> list[Path]:
    """Return all that ships and is not pure, but migrations and settings: nothing calls those."""
    return [
        path
        for path in _modules()
        if not _is_pure(path) and not {"migrations", "settings"} & set(path.parts) and path.name != "__init__.py"
    ]


def changed_since(*, base: str) -> set[Path]:
    """Return the files that differ from where this branch left `base`, committed or not."""
    fork = subprocess.run(
        ["git", "merge-base", "HEAD", base], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.strip()
    if not fork:
        raise SystemExit(f"There is no {base} to compare with: name another with BASE=, or take all with ALL=1.")
    changed = subprocess.run(
        ["git", "diff", "--name-only", fork], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    return {Path(line) for line in changed.splitlines()}


def _modules() -> list[Path]:
    return sorted(path.relative_to(PROJECT) for source in SOURCES for path in (PROJECT / source).rglob("*.py"))


def _is_pure(path: Path) -> bool:
    return _says_pure(PROJECT / path) or _says_pure(PROJECT / path.parent / "__init__.py")


def _says_pure(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text())) if path.exists() else None
    return re.search(r"\bPure\b", docstring or "") is not None
