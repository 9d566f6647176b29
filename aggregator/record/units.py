"""Quantities in one unit, for comparing only: what is shown is always what was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

# Spellings met in NHS systems -> UCUM. Source: The Unified Code for Units of Measure, case-sensitive codes.
SPELLINGS: Mapping[str, str] = {
    "mmhg": "mm[Hg]",
    "mm[hg]": "mm[Hg]",
    "mmol/l": "mmol/L",
    "umol/l": "umol/L",
    "µmol/l": "umol/L",
    "μmol/l": "umol/L",
    "micromol/l": "umol/L",
    "g/l": "g/L",
    "g/dl": "g/dL",
    "mg/l": "mg/L",
    "mg/dl": "mg/dL",
    "kg": "kg",
    "g": "g",
    "gram": "g",
    "grams": "g",
    "mg": "mg",
    "milligram": "mg",
    "milligrams": "mg",
    "ug": "ug",
    "µg": "ug",
    "μg": "ug",
    "mcg": "ug",
    "microgram": "ug",
    "micrograms": "ug",
    "ng": "ng",
    "nanogram": "ng",
    "nanograms": "ng",
    "ml": "mL",
    "millilitre": "mL",
    "millilitres": "mL",
    "milliliter": "mL",
    "milliliters": "mL",
    "l": "L",
    "litre": "L",
    "litres": "L",
    "tablet": "{tablet}",
    "tablets": "{tablet}",
    "tablet(s)": "{tablet}",
    "{tbl}": "{tablet}",
    "{tablet}": "{tablet}",
    "capsule": "{capsule}",
    "capsules": "{capsule}",
    "capsule(s)": "{capsule}",
    "cm": "cm",
    "m": "m",
    "%": "%",
    "/min": "/min",
    "bpm": "/min",
    "beats/min": "/min",
    "{beats}/min": "/min",
    "breaths/min": "/min",
    "cel": "Cel",
    "°c": "Cel",
    "degc": "Cel",
    "10*9/l": "10*9/L",
    "10^9/l": "10*9/L",
    "mmol/mol": "mmol/mol",
    "ml/min/1.73m2": "mL/min/{1.73_m2}",
    "ml/min/{1.73_m2}": "mL/min/{1.73_m2}",
    "kg/m2": "kg/m2",
}

# UCUM unit -> (unit compared in, factor). Only conversions that are the same for every substance.
CONVERSIONS: Mapping[str, tuple[str, Decimal]] = {
    "g/dL": ("g/L", Decimal(10)),
    "mg/dL": ("mg/L", Decimal(10)),
    "umol/L": ("mmol/L", Decimal("0.001")),
    "g": ("kg", Decimal("0.001")),
    "mg": ("kg", Decimal("0.000001")),
    "ug": ("kg", Decimal("0.000000001")),
    "ng": ("kg", Decimal("0.000000000001")),
    "L": ("mL", Decimal(1000)),
    "cm": ("m", Decimal("0.01")),
}


def comparable(*, value: str, unit: str, comparator: str = "") -> tuple[str, str, str] | None:
    """Return (comparator, value, unit) in a common unit and without trailing zeros; None when it is no number.

    A unit that is not known compares only with itself.
    """
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return None
    ucum = SPELLINGS.get(unit.strip().lower().replace(" ", ""), unit.strip())
    common, factor = CONVERSIONS.get(ucum, (ucum, Decimal(1)))
    return comparator, format((number * factor).normalize(), "f"), common
