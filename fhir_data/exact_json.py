"""JSON that keeps every number as it was sent: 7.10 stays 7.10. Pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: object, /) -> bytes:
    """Return a value as JSON, a Decimal with the digits that it came with."""
    return _ENCODER.encode(value)


def decode(body: bytes, /) -> Any:
    """Return what JSON of ours says, every fraction as a Decimal. What a stranger sent is for `parsing.read_entry`.

    Raises: ValueError.
    """
    return json.loads(body, parse_float=Decimal)
