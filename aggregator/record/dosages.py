"""A medicine's dosages in words: as their source wrote them, or as their parts say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aggregator.record.reading import Resource, code_of, concept_text, quantity_text
from fhir_data.access import mapping, mappings, text

# The elements of a dosage that tell an amount. Source: FHIR R4, Dosage.
AMOUNT_ELEMENTS = ("doseQuantity", "doseRange", "rateQuantity", "rateRange", "rateRatio")
# The elements that tell the most that may be given, and of what.
_MOST: Mapping[str, str] = {
    "maxDosePerPeriod": "",
    "maxDosePerAdministration": " at a time",
    "maxDosePerLifetime": " in a lifetime",
}
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
    parts += [_as_needed(dosage), *_most(dosage)]
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
    return times_told and amounts_told and not _as_needed(dosage) and not any(_most(dosage))


def _as_needed(dosage: Resource) -> str:
    """Return that a medicine is taken only when it is needed, and for what."""
    reason = concept_text(dosage.get("asNeededCodeableConcept"))
    if reason:
        return f"as needed: {reason}"
    is_needed = dosage.get("asNeededBoolean") is True or bool(dosage.get("asNeededCodeableConcept"))
    return "as needed" if is_needed else ""


def _most(dosage: Resource) -> list[str]:
    amounts = {name: _amount_text(dosage.get(name)) for name in _MOST}
    return [f"at most {amount}{_MOST[name]}" for name, amount in amounts.items() if amount]


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
