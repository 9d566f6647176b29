"""The test suite: fixed keys and a cheap password hash; tests/services.py or the environment names the services."""

from __future__ import annotations

import base64

from config.env import declare_defaults

declare_defaults(
    secret_key="only-for-tests-" * 4,
    held_items_key=base64.b64encode(b"only for tests: seals held items").decode(),
    alerts_key=base64.b64encode(b"only for tests: seals of webhook").decode(),
    public_url="http://testserver",
    allowed_hosts="testserver,127.0.0.1,localhost",
    log_level="WARNING",
    source_networks="127.0.0.0/8, ::1/128",
    webhook_networks="127.0.0.0/8, ::1/128",
)

from config.settings.base import *  # noqa: E402, F403 (reads what was just declared)
from config.settings.base import ENVIRONMENT  # noqa: E402

for _name in ("DATABASE_URL", "REDIS_URL"):
    ENVIRONMENT.text(_name)  # raises if it is not set

# scrypt and argon2 are slow on purpose; a test signs in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

PLAIN_HTTP_SOURCES = True

# Every test asks for its tokens at the same address.
TOKENS_PER_MINUTE = 100_000
