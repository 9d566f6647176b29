"""FHIR on the wire: its media type, the system of NHS numbers, and JSON that keeps 7.10 as 7.10.

Source: FHIR R4 data types, decimal: "the precision of the decimal value has significance".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

FHIR_JSON = "application/fhir+json"
# Source: UK Core, identifier systems.
NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
Resource = dict[str, Any]

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def encode(*, value: object) -> bytes:
    """Return the value as compact JSON, decimals with their digits."""
    return _ENCODER.encode(value)


def decode(*, text: bytes) -> Any:
    """Return the value that JSON text stands for, decimals with their digits.

    Raises: ValueError when the text is not JSON.
    """
    return _DECODER.decode(text)
