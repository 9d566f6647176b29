"""Production: every setting is explicit, none is generated, and unsafe settings prevent the start."""

from __future__ import annotations

import os

from config.env import SettingError
from config.settings.base import *  # noqa: F403
from config.settings.base import ENVIRONMENT

SHORTEST_SECRET = 50  # characters, as Django's own check asks


def _refuse(condition: bool, message: str) -> None:
    if condition:
        raise SettingError(message)


_refuse(
    os.environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"},
    "DEBUG must not be set in production: its error pages show records.",
)
_refuse(len(ENVIRONMENT.text("SECRET_KEY")) < SHORTEST_SECRET, f"SECRET_KEY must have {SHORTEST_SECRET} characters.")
_refuse(
    not ENVIRONMENT.text("PUBLIC_URL").startswith("https://"),
    "PUBLIC_URL must begin with https://: sessions must not be sent unencrypted.",
)
_refuse(
    (ENVIRONMENT.data_folder / "passwords.json").exists(),
    "DATA_FOLDER holds the private PostgreSQL and Redis of a demonstration, which are not for patient data: "
    "name another folder and set DATABASE_URL and REDIS_URL.",
)
_refuse("*" in ENVIRONMENT.text("ALLOWED_HOSTS"), "ALLOWED_HOSTS must name each host; wildcards are not allowed.")

for _name in ("DATABASE_URL", "REDIS_URL"):
    ENVIRONMENT.text(_name)  # raises if it is not set

SECURE_HSTS_SECONDS = 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_SSL_REDIRECT = True
# A load balancer checks these from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
if ENVIRONMENT.trusted_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_NAME = "__Host-sid"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Whether the whole domain goes on browsers' preload lists is for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
