"""A copy of the project in which mutmut may change things, and what it has made there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".cache" / "mutation"
SOURCES = ("aggregator", "config", "connectors", "fhir_data")
COPIED = (
    "launcher",
    "simulator",
    "benchmarks",
    "docs",
    "locks",
    "assets",
    "static-collected",
    "manage.py",
    "README.md",
    "Makefile",
)
PLUGINS = ("-p", "tests.mutation.quick_first", "-p", "tests.mutation.fresh_caches")
# mutmut's exit codes of a mutant: survived, and no test reaches it.
SURVIVED, NOT_REACHED = 0, 33


@dataclass(frozen=True)
class Workshop:
    """A copy of the project, and the environment in which its tests run."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def mutants(self) -> Path:
        """The folder in which mutmut keeps the changed copy."""
        return self.folder / "mutants"

    def make_mutants(self) -> None:
        """Make every mutant, and learn which tests reach which; try none.

        mutmut has no command for that: told to try those of a name that none bears, it makes them and then complains.
        Raises: SystemExit naming its log when it has made none.
        """
        self._mutmut("run", "none-bears-this-name", log="made.log")
        if not self.results() or not (self.mutants / "mutmut-stats.json").exists():
            raise SystemExit(f"No mutants were made: see {self.folder / 'made.log'}")

    def try_mutants(self, *, names: Sequence[str], at_once: int) -> None:
        """Try mutants against the tests that reach them; `results` then says how each ended.

        Raises: SystemExit naming the log when mutmut fails.
        """
        if self._mutmut("run", "--max-children", str(at_once), *names, log="tried.log") != 0:
            raise SystemExit(f"mutmut failed: see {self.folder / 'tried.log'}")

    def _mutmut(self, *arguments: str, log: str) -> int:
        with (self.folder / log).open("w") as out:
            return subprocess.run(
                [sys.executable, "-m", "mutmut", *arguments],
                cwd=self.folder,
                env=dict(self.environment),
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode

    def results(self) -> dict[str, int | None]:
        """Return how each mutant ended, by name: an exit code, None before it has run."""
        ended: dict[str, int | None] = {}
        for path in sorted(self.mutants.rglob("*.meta")):
            ended.update(json.loads(path.read_text())["exit_code_by_key"])
        return ended

    def show(self, name: str) -> str:
        """Return a mutant as a difference from the code."""
        shown = subprocess.run(
            [sys.executable, "-m", "mutmut", "show", name],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = shown.stdout.splitlines()
        return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def open_workshop(*, name: str, modules: Sequence[Path], tests: Iterable[str], services: bool) -> Workshop:
    """Copy the project, and say which modules are to be changed and which tests may notice.

    Without `services` no PostgreSQL and no Redis is started: the tests are those that need neither.
    """
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in _tracked():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / path, target)
    # What is fetched and collected is no part of the project, and pages name it.
    (folder / "assets" / "node_modules").symlink_to(PROJECT / "assets" / "node_modules")
    (folder / "static-collected").symlink_to(PROJECT / "static-collected")
    settings = {
        "source_paths": list(SOURCES),
        "only_mutate": [str(path) for path in modules],
        "also_copy": [name for name in COPIED if (folder / name).exists()],
        "pytest_add_cli_args_test_selection": list(tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", *PLUGINS, "-m", "not generators"],
    }
    lines = ["", "[tool.mutmut]", *(f"{name} = {json.dumps(value)}" for name, value in settings.items()), ""]
    configuration = folder / "pyproject.toml"
    text = configuration.read_text()
    if not services:
        text = text.replace("-p tests.services ", "")
    configuration.write_text(text + "\n".join(lines))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "MUTATING": "1"}
    if not services:
        nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
        environment.update(nowhere)
    return Workshop(folder=folder, environment=environment)


def _tracked() -> list[str]:
    """Return the files that are part of the project, committed or not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path and (PROJECT / path).exists()]
