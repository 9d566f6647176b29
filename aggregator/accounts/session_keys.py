"""Keys of sessions, which only this service can make: a forged one costs no query."""

from __future__ import annotations

import base64
import hmac
import re

from django.utils.crypto import get_random_string, salted_hmac

# 100 bits of chance and 100 of code: together as long as the column, which holds 40 characters.
RANDOM_LENGTH = 20
CODE_LENGTH = 20
KEY = re.compile(rf"[a-z2-7]{{{RANDOM_LENGTH + CODE_LENGTH}}}", re.ASCII)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SALT = "longview.session-key"


def new_key() -> str:
    """Return a new key: random characters, and a code over them."""
    random = get_random_string(RANDOM_LENGTH, ALPHABET)
    return random + _code(random)


def is_own_key(key: str, /) -> bool:
    """Return whether this service has made the key; whether its session still stands is for the database to say."""
    if not KEY.fullmatch(key):
        return False
    return hmac.compare_digest(key[RANDOM_LENGTH:], _code(key[:RANDOM_LENGTH]))


def _code(random: str) -> str:
    digest = salted_hmac(SALT, random, algorithm="sha256").digest()
    return base64.b32encode(digest).decode().lower()[:CODE_LENGTH]
