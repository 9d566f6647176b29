"""One mutant of the rest, tried against the tests that reach the function that it changes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tests.mutation.reach import Reach
from tests.mutation.workshop import PROJECT, Workshop

PATIENCE_S = 150
# What runs in the worker and in the web process is reached by no test in its own process: these go through both.
THROUGH_PROCESSES = ("tests/journey/test_stories_over_http.py",)
CLASS_MARK = "ǁ"  # how mutmut names a method: xǁClassǁmethod__mutmut_1


class Ended(Enum):
    """How a trial ended."""

    NOTICED = auto()
    SURVIVED = auto()


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A mutant by mutmut's name, and the tests that may notice it."""

    name: str
    tests: tuple[str, ...]

    @classmethod
    def of(cls, *, name: str, reach: Reach) -> Trial:
        """Return the trial of a mutant."""
        module, _, function = name.rpartition(".")
        path = Path(*module.split(".")).with_suffix(".py")
        lines = _lines_of(path=path, mangled=function.partition("__mutmut_")[0])
        return cls(name=name, tests=tuple(reach.tests_of(path=path, lines=lines)) or THROUGH_PROCESSES)


def try_mutant(trial: Trial, *, workshop: Workshop) -> Ended:
    """Run the tests with the mutant switched on; a run that takes too long has noticed it."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *trial.tests]
    try:
        ended = subprocess.run(
            command,
            cwd=workshop.mutants,
            env={**workshop.environment, "MUTANT_UNDER_TEST": trial.name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ended.NOTICED
    return Ended.SURVIVED if ended.returncode == 0 else Ended.NOTICED


def _lines_of(*, path: Path, mangled: str) -> range:
    """Return the lines of a function of the code as it stands."""
    owner, name = "", mangled.removeprefix("x_")
    if CLASS_MARK in mangled:
        _, owner, name = mangled.split(CLASS_MARK)
    for found_owner, function in _functions(ast.parse((PROJECT / path).read_text())):
        if (found_owner, function.name) == (owner, name):
            return range(function.lineno, (function.end_lineno or function.lineno) + 1)
    return range(0)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield node.name, member
