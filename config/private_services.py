"""Where the private PostgreSQL and Redis of a data folder run, and its keys, as the launcher wrote them; read only."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

ADDRESS_FILE = "services.json"
KEYS_FILE = "keys.json"
LOCK_FILE = "lock"


def addresses(*, folder: Path) -> dict[str, dict[str, str]] | None:
    """Return what is running for this data folder, or None when nothing is.

    Shape: `services` maps settings of config/env.py to their values, `addresses` names what people open.
    """
    if _lock_is_free(folder):
        return None
    return read_addresses(folder=folder)


def read_addresses(*, folder: Path) -> dict[str, dict[str, str]] | None:
    """Return what the address file says, whether or not anything runs."""
    try:
        written: dict[str, dict[str, str]] = json.loads((folder / ADDRESS_FILE).read_text())
    except (FileNotFoundError, PermissionError, json.JSONDecodeError):
        return None
    return written


def keys(*, folder: Path) -> dict[str, str]:
    """Return the keys of this data folder as settings of config/env.py; empty before the launcher has made any."""
    try:
        written: dict[str, str] = json.loads((folder / KEYS_FILE).read_text())
    except (FileNotFoundError, PermissionError):
        return {}
    return written


def _lock_is_free(folder: Path) -> bool:
    try:
        with (folder / LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
