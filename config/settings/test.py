"""The test suite: fixed keys, a cheap password hash; services are named by tests/services.py or by the environment."""

from __future__ import annotations

import base64
import os

from config.env import read_environment
from config.settings.base import *  # noqa: F403
from config.settings.base import cache, database, from_environment

_environment = read_environment(
    secret_key="only-for-tests-" * 4,
    held_items_key=base64.b64encode(b"only for tests: seals held items").decode(),
    public_url="http://testserver",
    allowed_hosts="testserver,127.0.0.1,localhost",
    log_level="WARNING",
)

globals().update(from_environment(environment=_environment))

REDIS_URL = _environment.text("REDIS_URL")
HELD_REDIS_URL = _environment.held_redis_url.get_secret_value() or REDIS_URL
PUBLIC_URL = _environment.public_url
ALLOWED_HOSTS = _environment.allowed_hosts.split(",")
DATABASES = {"default": database(url=_environment.text("DATABASE_URL"))}
DATABASE_OWNER_URL = _environment.database_owner_url.get_secret_value()
DATABASE_APP_ROLE = DATABASES["default"].get("USER", "")
CACHES = {"default": cache(url=HELD_REDIS_URL)}

# scrypt and argon2 are slow on purpose; a test signs in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Playwright leaves a running loop in the test's thread, and Django then refuses the ORM there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
