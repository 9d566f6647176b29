"""JSON that keeps every number as it was sent: 7.10 stays 7.10. Pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def encode(value: object, /) -> bytes:
    """Return a value as JSON, a Decimal with the digits that it came with."""
    return _ENCODER.encode(value)


def decode(body: bytes, /) -> Any:
    """Return what JSON of ours says, every fraction as a Decimal. What a stranger sent is for `parsing.read_entry`.

    Raises: ValueError.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:
        return json.loads(body, parse_float=Decimal)  # which takes NaN and halves of surrogate pairs, too
