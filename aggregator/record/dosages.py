"""A medicine's dosages in words: as their source wrote them, or as their parts say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aggregator.record.reading import Resource, code_of, quantity_text
from fhir_data.access import mapping, mappings, text

# The elements of a dosage that tell an amount. Source: FHIR R4, Dosage.
AMOUNT_ELEMENTS = ("doseQuantity", "doseRange", "rateQuantity", "rateRange", "rateRatio")
# One and several of each unit of time. Source: FHIR R4, Timing.repeat.periodUnit (UCUM units of time).
_PERIOD_WORDS: Mapping[str, tuple[str, str]] = {
    "s": ("a second", "seconds"),
    "min": ("a minute", "minutes"),
    "h": ("an hour", "hours"),
    "d": ("a day", "days"),
    "wk": ("a week", "weeks"),
    "mo": ("a month", "months"),
    "a": ("a year", "years"),
}
# How often a day, and words that say so.
_TIMES_A_DAY: Mapping[str, re.Pattern[str]] = {
    "1": re.compile(r"\b(?:once|daily|od|(?:each|every|a|per) (?:day|morning|evening|night))\b"),
    "2": re.compile(r"\b(?:twice|two times|2 times|bd)\b"),
    "3": re.compile(r"\b(?:thrice|three times|3 times|tds)\b"),
    "4": re.compile(r"\b(?:four times|4 times|qds)\b"),
}


def dosages_of(resource: Resource, /) -> tuple[Resource, ...]:
    """Return the dosages of a medication resource, whatever its type calls them."""
    listed = resource.get("dosageInstruction") or resource.get("dosage")
    return (listed,) if isinstance(listed, dict) else tuple(mappings(listed))


def dosage_text(*, dosage: Resource) -> str:
    """Return one dosage in words: the text as sent, else what its parts say."""
    return text(dosage.get("text")) or _parts_text(dosage)


def parts_untold(*, dosage: Resource) -> str:
    """Return what the parts of a dosage say, "" where its words say it all or there are no words."""
    return "" if _words_say_it_all(dosage) else _parts_text(dosage)


def _parts_text(dosage: Resource) -> str:
    timing = mapping(dosage.get("timing"))
    parts = [*_amounts(dosage), code_of(timing.get("code")) or _repeat_text(mapping(timing.get("repeat")))]
    parts.append("as needed" if dosage.get("asNeededBoolean") is True else "")
    return ", ".join(part for part in parts if part)


def _words_say_it_all(dosage: Resource) -> bool:
    words = text(dosage.get("text")).casefold()
    if not words:
        return True
    timing = mapping(dosage.get("timing"))
    repeat = mapping(timing.get("repeat"))
    often = _TIMES_A_DAY.get(text(repeat.get("frequency")))
    daily = text(repeat.get("period")) == "1" and text(repeat.get("periodUnit")) == "d"
    times_told = not timing or (daily and often is not None and often.search(words) is not None)
    amounts = [r"\s*".join(re.escape(word) for word in amount.casefold().split()) for amount in _amounts(dosage)]
    amounts_told = all(re.search(rf"(?<![\d.,]){amount}(?![a-z\d])", words) for amount in amounts)
    return times_told and amounts_told and dosage.get("asNeededBoolean") is not True


def _amounts(dosage: Resource) -> list[str]:
    return [
        amount
        for part in [*mappings(dosage.get("doseAndRate")), dosage]
        for name in AMOUNT_ELEMENTS
        if name in part and (amount := _amount_text(part[name]))
    ]


def _amount_text(amount: object) -> str:
    parts = mapping(amount)
    ends = [quantity_text(parts.get(name)) for name in ("low", "high", "numerator", "denominator")]
    joined = " in " if "denominator" in parts else " to "
    return quantity_text(amount) or joined.join(end for end in ends if end)


def _repeat_text(repeat: Resource) -> str:
    frequency, period, unit = (text(repeat.get(name)) for name in ("frequency", "period", "periodUnit"))
    if not (frequency and period and unit):
        return ""
    often = {"1": "once", "2": "twice"}.get(frequency, f"{frequency} times")
    one, several = _PERIOD_WORDS.get(unit, (f"every {unit}", unit))
    return f"{often} {one if period == '1' else f'every {period} {several}'}"
