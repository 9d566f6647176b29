"""Removes all that set-up, the demonstration and tests created: `python3 -m launcher.clean`; needs no package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from config.private_services import lock_is_free
from launcher.installation import fallback_folder

PROJECT = Path(__file__).resolve().parents[1]
CREATED = (
    *(".venv", ".cache", ".data", "static-collected", "assets/node_modules", "tests/chromium/node_modules"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"),
)


def main() -> None:
    """Remove everything, unless some of it is in use."""
    folders = [PROJECT / ".data", *sorted((PROJECT / ".cache" / "test-services").glob("*"))]
    for folder in folders:
        if not lock_is_free(folder=folder):
            sys.exit(f"A demonstration or a test run is using {folder}: stop it first.")
    for folder in folders:
        shutil.rmtree(fallback_folder(folder=folder), ignore_errors=True)
    for name in CREATED:
        shutil.rmtree(PROJECT / name, ignore_errors=True)
    for folder in PROJECT.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
