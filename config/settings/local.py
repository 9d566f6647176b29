"""A developer's machine and the demonstration: by default, the addresses and keys that the launcher wrote."""

from __future__ import annotations

import base64
import secrets

from config import private_services
from config.env import KEY_BYTES, declare_defaults, read_environment

_folder = read_environment().data_folder
_running = private_services.addresses(folder=_folder)
_keys = private_services.keys(folder=_folder)

_services = _running["services"] if _running else {}

# Enough for a command; web and worker processes need keys that they share.
_temporary_keys = {
    "secret_key": secrets.token_urlsafe(48),
    "held_items_key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
}

declare_defaults(
    log_format="console",
    public_url="http://127.0.0.1:8000",
    allowed_hosts="127.0.0.1,localhost,[::1]",
    **(_keys or _temporary_keys),
    source_networks="127.0.0.0/8, ::1/128",
    webhook_networks="127.0.0.0/8, ::1/128",
    **{name: address for name, address in _services.items() if name != "database_owner_url"},
)

from config.settings.base import *  # noqa: E402, F403 (reads what was just declared)
from config.settings.base import ENVIRONMENT, INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "launcher"]
KEYS_ARE_TEMPORARY = any(ENVIRONMENT.text(name.upper()) == key for name, key in _temporary_keys.items())
PRIVATE_SERVICES = True
PLAIN_HTTP_SOURCES = True
