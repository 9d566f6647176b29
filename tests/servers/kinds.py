"""The servers, how each is fetched from its registry by its ordinary client, and how it is started."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.processes import Child, start
from tests.servers.raw import read
from tests.servers.records import as_transaction

HERE = Path(__file__).parent
PUBLIC = "https://records.hospital.example/r4"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server: what it is, which programs it needs, and the path of its FHIR base.

    `fetch` puts it into a folder, `command` starts it there at a port. `load` gives it records, before it is started
    where `loads_before`.
    """

    name: str
    words: str
    programs: tuple[str, ...]
    base: str
    fetch: Callable[[Path], None]
    command: Callable[[int], Sequence[str | Path]]
    load: Callable[[Path, str, list[dict[str, Any]]], None]
    loads_before: bool = False

    @property
    def lacking(self) -> list[str]:
        """The programs that it needs and this machine lacks."""
        return [program for program in self.programs if shutil.which(program) is None]

    def start(self, *, folder: Path, port: int) -> Child:
        """Start it."""
        return start(name=self.name, command=self.command(port), log=folder / "server.log", folder=folder)


def _run(*command: str | Path, folder: Path) -> None:
    with (folder / "fetch.log").open("a") as log:
        subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=True)


def _fetch_hapi(folder: Path) -> None:
    shutil.copy(HERE / "hapi" / "pom.xml", folder)
    if not (folder / "lib").exists():
        _run("mvn", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=fetched", folder=folder)
        (folder / "fetched").rename(folder / "lib")
    _run("javac", "-cp", "lib/*", "-d", "classes", HERE / "hapi" / "Main.java", folder=folder)


def _fetch_medplum(folder: Path) -> None:
    shutil.copy(HERE / "medplum" / "package.json", folder)
    shutil.copy(HERE / "medplum" / "server.mjs", folder)
    _run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)


def _fetch_fhirsnake(folder: Path) -> None:
    if not (folder / "venv").exists():
        _run(sys.executable, "-m", "uv", "venv", "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    _run(sys.executable, "-m", "uv", "pip", "install", "--python", python, "fhirsnake==1.1.0", folder=folder)


def _send(folder: Path, base: str, resources: list[dict[str, Any]]) -> None:
    read(base, body=as_transaction(resources))


def _write(folder: Path, base: str, resources: list[dict[str, Any]]) -> None:
    shutil.rmtree(folder / "resources", ignore_errors=True)
    for resource in resources:
        path = folder / "resources" / resource["resourceType"] / f"{resource['id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(resource))


SNAKE = "import fhirsnake, os, sys, uvicorn; sys.path.insert(0, os.path.dirname(fhirsnake.__file__))"
SERVERS = (
    Server(
        name="hapi",
        words="HAPI FHIR JPA server 8.8.0 (Maven), which calls itself by a public name",
        programs=("java", "javac", "mvn"),
        base="/fhir",
        fetch=_fetch_hapi,
        command=lambda port: ["java", "-Xmx2g", "-cp", "classes:lib/*", "Main", str(port), PUBLIC],
        load=_send,
    ),
    Server(
        name="medplum",
        words="Medplum's FHIR router 4.5.2 with its store in memory (npm), without a statement",
        programs=("node", "npm"),
        base="/fhir/R4",
        fetch=_fetch_medplum,
        command=lambda port: ["node", "server.mjs", str(port)],
        load=_send,
    ),
    Server(
        name="fhirsnake",
        words="fhirsnake 1.1.0 (PyPI), which pays no heed to search parameters",
        programs=(),
        base="",
        fetch=_fetch_fhirsnake,
        # Its modules import one another as if they stood alone, and its records are where it is started.
        command=lambda port: [
            *("venv/bin/python", "-c"),
            f"{SNAKE}; uvicorn.run('main:app', port={port}, log_level='warning')",
        ],
        load=_write,
        loads_before=True,
    ),
)
