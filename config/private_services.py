"""The addresses and keys of a data folder's private PostgreSQL and Redis, as the launcher wrote them. Read only."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

ADDRESS_FILE = "services.json"
KEYS_FILE = "keys.json"
LOCK_FILE = "lock"


def addresses(*, folder: Path) -> dict[str, dict[str, str]] | None:
    """Return what is running for this data folder, or None when nothing is.

    Shape: `services` maps settings of config/env.py to values, `addresses` has the addresses that people open.
    """
    if lock_is_free(folder=folder):
        return None
    return read_addresses(folder=folder)


def read_addresses(*, folder: Path) -> dict[str, dict[str, str]] | None:
    """Return the content of the address file, whether or not anything is running."""
    try:
        content: dict[str, dict[str, str]] = json.loads((folder / ADDRESS_FILE).read_text())
    except (FileNotFoundError, PermissionError, json.JSONDecodeError):
        return None
    return content


def keys(*, folder: Path) -> dict[str, str]:
    """Return the keys of this data folder as settings of config/env.py; empty before the launcher has made any."""
    try:
        content: dict[str, str] = json.loads((folder / KEYS_FILE).read_text())
    except (FileNotFoundError, PermissionError):
        return {}
    return content


def lock_is_free(*, folder: Path) -> bool:
    """Return whether nothing holds this data folder."""
    try:
        with (folder / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
