"""Production: every setting is explicit, none is generated, and unsafe settings prevent the start."""

from __future__ import annotations

import os

from config.env import SettingError, database_parts, is_on_this_machine, is_one_byte_repeated, redis_parts
from config.settings.base import *  # noqa: F403
from config.settings.base import ALERTS_KEY, ENVIRONMENT

SHORTEST_SECRET, FEWEST_CHARACTERS = 50, 5  # as Django's own check asks


def _refuse(condition: bool, message: str) -> None:
    if condition:
        raise SettingError(message)


_refuse(
    os.environ.get("DEBUG", "").lower() in {"1", "true", "yes", "on"},
    "DEBUG must not be set in production: its error pages show records.",
)
_secret = ENVIRONMENT.text("SECRET_KEY")
_refuse(
    len(_secret) < SHORTEST_SECRET or len(set(_secret)) < FEWEST_CHARACTERS,
    f"SECRET_KEY must have {SHORTEST_SECRET} random characters.",
)
_refuse(
    is_one_byte_repeated(ENVIRONMENT.key("HELD_ITEMS_KEY")),
    "HELD_ITEMS_KEY is one byte repeated, which is no secret: `openssl rand -base64 32` generates a key.",
)
_refuse(
    is_one_byte_repeated(ALERTS_KEY),
    "ALERTS_KEY is one byte repeated, which is no secret: `openssl rand -base64 32` generates a key.",
)
_refuse(
    bool(ENVIRONMENT.email_host) and not ENVIRONMENT.email_from,
    "EMAIL_FROM is not set: alerts by email need an address that they come from.",
)
_refuse(
    ENVIRONMENT.email_use_tls and ENVIRONMENT.email_use_ssl,
    "EMAIL_USE_TLS and EMAIL_USE_SSL are both set: a connection begins with TLS, or turns to it.",
)
_refuse(
    not is_on_this_machine(ENVIRONMENT.email_host) and not (ENVIRONMENT.email_use_tls or ENVIRONMENT.email_use_ssl),
    "EMAIL_HOST is another machine: set EMAIL_USE_TLS=true or EMAIL_USE_SSL=true, so that the connection is encrypted.",
)
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

for _name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
    _url = ENVIRONMENT.text("DATABASE_URL") and getattr(ENVIRONMENT, _name.lower()).get_secret_value()
    if _url:
        _database = database_parts(_url)
        _refuse(
            not is_on_this_machine(_database["HOST"]) and _database["OPTIONS"].get("sslmode") != "verify-full",
            f"{_name} leads to another machine: it must end in ?sslmode=verify-full, so that the connection is "
            "encrypted and the server is who it says.",
        )
for _name in ("REDIS_URL", "HELD_REDIS_URL"):
    _url = ENVIRONMENT.text("REDIS_URL") if _name == "REDIS_URL" else ENVIRONMENT.held_redis_url.get_secret_value()
    if _url:
        _redis = redis_parts(_url, name=_name)
        _refuse(not _redis.password, f"{_name} has no password: anybody who reaches the server could use it.")
        _refuse(
            not is_on_this_machine(_redis.host) and not _redis.is_verified,
            f"{_name} leads to another machine: it must begin with rediss:// and check the server's certificate.",
        )

SECURE_HSTS_SECONDS = 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_SSL_REDIRECT = True
# A load balancer checks these from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
if ENVIRONMENT.trusted_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_NAME = "__Host-sid"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
CSRF_COOKIE_SECURE = True
# Whether the whole domain goes on browsers' preload lists is for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
