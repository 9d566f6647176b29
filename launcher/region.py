"""The synthetic region of the demonstration and the tests: written when its code, its seed or the day has changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from launcher.processes import StartError

PROJECT = Path(__file__).resolve().parents[1]
SIMULATOR = PROJECT / "simulator"


@dataclass(frozen=True)
class Region:
    """A folder with region.json, and one folder per source."""

    folder: Path
    description: dict[str, Any]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Return the sources as region.json lists them."""
        sources: list[dict[str, Any]] = self.description["sources"]
        return sources


def written_region(*, folder: Path, seed: str, today: date, say: Callable[[str], None] = lambda _: None) -> Region:
    """Return the region in this folder, writing it first if needed; safe beside other processes.

    Raises: StartError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "written-from"
    content = folder / "region"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest(seed=seed, today=today)
        if not stamp.exists() or stamp.read_text() != digest:
            say("region")
            stamp.unlink(missing_ok=True)
            shutil.rmtree(content, ignore_errors=True)
            _write(content, seed)
            stamp.write_text(digest)
    return Region(folder=content, description=json.loads((content / "region.json").read_text()))


def _write(folder: Path, seed: str) -> None:
    simulator = subprocess.run(
        [sys.executable, "-m", "simulator", "region", "--out", str(folder), "--seed", seed],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,  # people's names, although nobody's: what is usual for such files here is usual elsewhere
    )
    if simulator.returncode != 0:
        message = (simulator.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise StartError(f"The region could not be written: {message}")


def _digest(*, seed: str, today: date) -> str:
    digest = hashlib.sha256(f"{seed}|{today}".encode())
    for path in sorted(SIMULATOR.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
