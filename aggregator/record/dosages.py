"""A medicine's dosages in words: as their source wrote them, or as their parts say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aggregator.record.reading import Resource, code_of, concept_text, period_text, quantity_text, range_text
from fhir_data.access import mapping, mappings, text, texts

# The elements of a dosage that tell an amount. Source: FHIR R4, Dosage; MedicationAdministration.dosage.
AMOUNT_ELEMENTS = ("doseQuantity", "doseRange", "dose", "rateQuantity", "rateRange", "rateRatio")
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
# Source: FHIR R4, event-timing (HL7 v3 TimingEvent), and days-of-week.
_WHEN_WORDS: Mapping[str, str] = {
    "MORN": "in the morning",
    "NOON": "at noon",
    "AFT": "in the afternoon",
    "EVE": "in the evening",
    "NIGHT": "at night",
    "HS": "before sleep",
    "WAKE": "on waking",
    "AC": "before meals",
    "ACM": "before breakfast",
    "ACD": "before lunch",
    "ACV": "before dinner",
    "C": "with meals",
    "CM": "with breakfast",
    "CD": "with lunch",
    "CV": "with dinner",
    "PC": "after meals",
    "PCM": "after breakfast",
    "PCD": "after lunch",
    "PCV": "after dinner",
    "PHS": "after sleep",
}
_DAY_WORDS: Mapping[str, str] = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
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
    dosages = (listed,) if isinstance(listed, dict) else tuple(mappings(listed))
    steps = [text(dosage.get("sequence")) for dosage in dosages]
    if not all(step.isdecimal() and len(step) < _LONGEST_STEP for step in steps):
        return dosages
    return tuple(sorted(dosages, key=lambda dosage: int(text(dosage.get("sequence")))))


_LONGEST_STEP = 6  # digits


def steps_of(*, dosages: Sequence[Resource]) -> list[str]:
    """Return what stands before each dosage: which step it is, where they follow each other and are no sum."""
    steps = [text(dosage.get("sequence")) for dosage in dosages]
    follow = len(set(steps) - {""}) > 1
    return [f"Step {step}: " if follow and step else "" for step in steps]


def dosage_text(*, dosage: Resource) -> str:
    """Return one dosage in words: the text as sent, else what its parts say."""
    return text(dosage.get("text")) or _parts_text(dosage)


def parts_untold(*, dosage: Resource) -> str:
    """Return what the parts of a dosage say, "" where its words say it all or there are no words."""
    return "" if _words_say_it_all(dosage) else _parts_text(dosage)


def _parts_text(dosage: Resource) -> str:
    timing = mapping(dosage.get("timing"))
    often = code_of(timing.get("code")) or concept_text(timing.get("code"))
    parts = [*_amounts(dosage), often or _repeat_text(mapping(timing.get("repeat")))]
    parts += [*times_told(timing=timing), _bounds_text(mapping(timing.get("repeat")))]
    parts += [_as_needed(dosage), *_most(dosage)]
    return ", ".join(part for part in parts if part)


_BOUNDS = frozenset({"boundsDuration", "boundsRange", "boundsPeriod"})
_TIMES = frozenset("offset when dayOfWeek timeOfDay duration durationMax count countMax".split())


def times_told(*, timing: Resource) -> list[str]:
    """Return when and how long a medicine is taken, beside how often: "before breakfast", "on Monday"."""
    repeat = mapping(timing.get("repeat"))
    if "event" not in timing and _TIMES.isdisjoint(repeat):
        return []
    offset = text(repeat.get("offset"))
    away = f"{offset} minutes " if offset and offset != "0" else ""
    when = [f"{away}{_WHEN_WORDS.get(code, code)}" for code in texts(repeat.get("when"))]
    days = [_DAY_WORDS.get(day, day) for day in texts(repeat.get("dayOfWeek"))]
    times = [time.removesuffix(":00") if time.count(":") > 1 else time for time in texts(repeat.get("timeOfDay"))]
    lasting = _from_to(repeat, "duration")
    count = _from_to(repeat, "count")
    events = texts(timing.get("event"))
    told = [
        " and ".join(when),
        f"on {' and '.join(days)}" if days else "",
        f"at {' and '.join(times)}" if times else "",
        f"over {lasting} {text(repeat.get('durationUnit'))}".strip() if lasting else "",
        f"{count} times in all" if count else "",
        f"on {' and '.join(events)}" if events else "",
    ]
    return [words for words in told if words]


def _bounds_text(repeat: Resource) -> str:
    """Return for how long a medicine is taken."""
    if _BOUNDS.isdisjoint(repeat):
        return ""
    lasting = quantity_text(repeat.get("boundsDuration")) or range_text(repeat.get("boundsRange"))
    return f"for {lasting}" if lasting else period_text(repeat.get("boundsPeriod"))


def _from_to(repeat: Resource, name: str) -> str:
    """Return a number that may be a range, such as `period` with `periodMax`."""
    return " to ".join(filter(None, (text(repeat.get(name)), text(repeat.get(f"{name}Max")))))


def _words_say_it_all(dosage: Resource) -> bool:
    words = text(dosage.get("text")).casefold()
    if not words:
        return True
    timing = mapping(dosage.get("timing"))
    repeat = mapping(timing.get("repeat"))
    often = _TIMES_A_DAY.get(text(repeat.get("frequency")))
    daily = _from_to(repeat, "period") == "1" and text(repeat.get("periodUnit")) == "d"
    daily = daily and not text(repeat.get("frequencyMax"))
    is_often_told = not timing or (daily and often is not None and often.search(words) is not None)
    others = [*times_told(timing=timing), _bounds_text(repeat)]
    is_told = is_often_told and all(other.casefold() in words for other in others)
    amounts = [r"\s*".join(re.escape(word) for word in amount.casefold().split()) for amount in _amounts(dosage)]
    amounts_told = all(re.search(rf"(?<![\d.,]){amount}(?![a-z\d])", words) for amount in amounts)
    return is_told and amounts_told and not _as_needed(dosage) and not any(_most(dosage))


def _as_needed(dosage: Resource) -> str:
    """Return that a medicine is taken only when it is needed, and for what."""
    reason = concept_text(dosage.get("asNeededCodeableConcept"))
    if reason:
        return f"as needed: {reason}"
    is_needed = dosage.get("asNeededBoolean") is True or bool(dosage.get("asNeededCodeableConcept"))
    return "as needed" if is_needed else ""


def _most(dosage: Resource) -> list[str]:
    amounts = {name: _amount_text(dosage[name]) for name in _MOST if name in dosage}
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
    frequency, period = _from_to(repeat, "frequency"), _from_to(repeat, "period")
    # Without a frequency it is once. Source: FHIR R4, Timing.repeat.frequency, meaning if missing.
    often = {"1": "once", "2": "twice"}.get(frequency, f"{frequency} times" if frequency else "")
    unit = text(repeat.get("periodUnit"))
    if not (period and unit):
        return ""
    one, several = _PERIOD_WORDS.get(unit, (f"every {unit}", unit))
    every = f"every {period} {several}" if period != "1" else one if often else f"every {one.split()[-1]}"
    return f"{often} {every}".strip()
