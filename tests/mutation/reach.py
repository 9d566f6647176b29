"""Which tests reach which lines of the code that is not pure, measured once by coverage with a context per test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import coverage

from tests.mutation.workshop import PROJECT

# Those that start a browser or the launcher take too long to be tried on single mutants.
MEASURED = (
    "tests/unit",
    "tests/property",
    "tests/integration",
    "tests/contract/test_promises.py",
    "tests/guard/test_routes.py",
)
LEFT_OUT = ("tests/integration/launcher", "tests/integration/test_benchmarks.py", "tests/integration/config")
MOST_TESTS = 25


class Reach:
    """The tests that run each line, as one run of them has shown."""

    def __init__(self, *, data_file: Path) -> None:
        self._data = coverage.CoverageData(basename=str(data_file))
        self._data.read()

    def tests_of(self, *, path: Path, lines: range) -> list[str]:
        """Return up to MOST_TESTS tests that run any of these lines of a module, those with the fewest lines first."""
        contexts = self._data.contexts_by_lineno(str(PROJECT / path))
        tests = {context.partition("|")[0] for line in lines for context in contexts.get(line, ()) if "::" in context}
        return sorted(tests, key=lambda test: ("tests/integration" in test, test))[:MOST_TESTS]


def measure(*, data_file: Path) -> Reach:
    """Run the tests once and return what they reach.

    Raises: SystemExit when they do not pass.
    """
    data_file.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not browser"),
        *("--cov", "--cov-context=test", "--cov-report=", "--no-cov-on-fail"),
        *MEASURED,
        *(f"--ignore={path}" for path in LEFT_OUT),
    ]
    environment = {**os.environ, "COVERAGE_FILE": str(data_file)}
    log = data_file.with_suffix(".log")
    with log.open("w") as out:
        ended = subprocess.run(command, cwd=PROJECT, env=environment, stdout=out, stderr=out, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"The tests do not pass as the code stands: see {log}")
    return Reach(data_file=data_file)
