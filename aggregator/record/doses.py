"""What a medicine's dosages say, part by part, for comparing: how much, how often, and in which words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from aggregator.record.dosages import AMOUNT_ELEMENTS, dosage_text, times_told
from aggregator.record.reading import Resource, code_of
from aggregator.record.units import comparable
from fhir_data.access import mapping, mappings, text

# Days in one unit of time. Source: UCUM; FHIR R4 units-of-time.
DAYS: Mapping[str, Decimal] = {
    "s": Decimal(1) / 86400,
    "min": Decimal(1) / 1440,
    "h": Decimal(1) / 24,
    "d": Decimal(1),
    "wk": Decimal(7),
    "mo": Decimal(30),
    "a": Decimal(365),
}
# Times a day. Source: HL7 v3 GTSAbbreviation, as in FHIR R4 timing-abbreviation.
TIMES_A_DAY: Mapping[str, Decimal] = {
    "QD": Decimal(1),
    "AM": Decimal(1),
    "PM": Decimal(1),
    "BED": Decimal(1),
    "BID": Decimal(2),
    "TID": Decimal(3),
    "QID": Decimal(4),
    "QOD": Decimal("0.5"),
    "Q1H": Decimal(24),
    "Q2H": Decimal(12),
    "Q3H": Decimal(8),
    "Q4H": Decimal(6),
    "Q6H": Decimal(4),
    "Q8H": Decimal(3),
    "WK": Decimal(1) / 7,
    "MO": Decimal(1) / 30,
}


@dataclass(frozen=True, kw_only=True)
class Dose:
    """What one item says of a dose; each part is empty where it does not say. Several dosages stand in order."""

    amounts: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


NO_DOSE = Dose()
_AMOUNT_ELEMENTS = frozenset(AMOUNT_ELEMENTS)


def dose_of(*, dosages: Iterable[Resource]) -> Dose:
    """Return what dosages say, each part in a form that compares."""
    listed = list(dosages)
    if not listed:
        return NO_DOSE
    return Dose(
        amounts=tuple(sorted(amount for dosage in listed for amount in _amounts(dosage))),
        rates=tuple(sorted(rate for dosage in listed if (rate := _rate(dosage)))),
        words=tuple(
            sorted(words for dosage in listed if (words := " ".join(text(dosage.get("text")).lower().split())))
        ),
    )


def dose_key(*, dosage: Resource) -> str:
    """Return one dosage as one text that compares: by its parts where they tell all of it, else by its words."""
    return coded_dose(dosage=dosage) or " ".join(dosage_text(dosage=dosage).lower().split())


def coded_dose(*, dosage: Resource) -> str:
    """Return one dosage by its parts, "" when it is words only."""
    parts = mappings(dosage.get("doseAndRate"))
    if len(parts) > 1:
        return ""  # such as what was ordered and what was calculated
    rate = next(iter(parts), {})
    quantity = mapping(rate.get("doseQuantity"))
    amount = comparable(
        value=text(quantity.get("value")), unit=text(quantity.get("unit")) or text(quantity.get("code"))
    )
    timing = mapping(dosage.get("timing"))
    repeat = mapping(timing.get("repeat"))
    times = [text(repeat.get(name)) for name in ("frequency", "period", "periodUnit")]
    at_most = [text(repeat.get(name)) for name in _AT_MOST]
    told = [*times_told(timing=timing), *(f"to {number}" if number else "" for number in at_most)]
    return " ".join(filter(None, [*amount, *times, *told])) if amount and all(times) else ""


# That something is done 1 to 2 times, or every 4 to 6 hours. Source: FHIR R4, Timing.repeat.
_AT_MOST = ("frequencyMax", "periodMax")


def _amounts(dosage: Resource) -> Iterable[str]:
    for part in [*mappings(dosage.get("doseAndRate")), dosage]:
        if _AMOUNT_ELEMENTS.isdisjoint(part):
            continue
        for name in ("doseQuantity", "dose", "rateQuantity"):
            yield from _quantity(part.get(name))
        for name in ("doseRange", "rateRange"):
            ends = [*_quantity(mapping(part.get(name)).get("low")), *_quantity(mapping(part.get(name)).get("high"))]
            yield from [" to ".join(ends)] if ends else []
        ratio = mapping(part.get("rateRatio"))
        ends = [*_quantity(ratio.get("numerator")), *_quantity(ratio.get("denominator"))]
        yield from [" in ".join(ends)] if ends else []


def _quantity(quantity: object) -> list[str]:
    parts = mapping(quantity)
    value, unit = text(parts.get("value")), text(parts.get("unit")) or text(parts.get("code"))
    amount = comparable(value=value, unit=unit, comparator=text(parts.get("comparator")))
    return [" ".join(amount)] if amount else [f"{value} {unit}"] if value else []


def _rate(dosage: Resource) -> str:
    """Return how often, in times a day."""
    timing = mapping(dosage.get("timing"))
    if not timing:
        return ""
    repeat = mapping(timing.get("repeat"))
    unit = DAYS.get(text(repeat.get("periodUnit")))
    try:
        often = Decimal(text(repeat.get("frequency")) or "1") / (Decimal(text(repeat.get("period"))) * (unit or 0))
    except (InvalidOperation, ZeroDivisionError):
        code = code_of(timing.get("code")).upper()
        return str(round(TIMES_A_DAY[code], 4).normalize()) if code in TIMES_A_DAY else code
    if not often.is_finite() or abs(often.adjusted()) >= 9:
        return ""
    at_most = [f"{name} {number}" for name in _AT_MOST if (number := text(repeat.get(name)))]
    return " ".join([str(round(often, 4).normalize()), *at_most])
