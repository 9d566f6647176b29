"""Generated secrets of a developer's machine: created once and kept in owner-only files in the data folder."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.env import KEY_BYTES
from config.private_services import KEYS_FILE


def make_private(*, folder: Path) -> None:
    """Create a data folder that only we can read; an existing one is left as it is.

    When we are root, the account that runs PostgreSQL must be able to pass through; files inside are still owner-only.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)


def kept_values(*, path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return the values in this file, creating it if needed; processes that start together get the same values."""
    if not path.exists():
        make_private(folder=path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(make(), file)
        with suppress(FileExistsError):  # the first writer wins
            os.link(draft, path)
        draft.unlink()
    values: dict[str, str] = json.loads(path.read_text())
    return values


def make_keys(*, folder: Path) -> None:
    """Create the keys of this data folder unless it has some; local settings read them."""
    kept_values(path=folder / KEYS_FILE, make=_new_keys)


def _new_keys() -> dict[str, str]:
    return {
        "secret_key": secrets.token_urlsafe(48),
        "held_items_key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        "alerts_key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
    }
