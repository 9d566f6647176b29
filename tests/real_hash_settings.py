"""The settings of the tests with the hash of passwords that is installed."""

from __future__ import annotations

from config.settings.test import *  # noqa: F403

PASSWORD_HASHERS = ["aggregator.accounts.hashing.Argon2"]
