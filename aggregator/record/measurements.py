"""What an Observation measured: its value as it is shown, and as it is compared. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.record.reading import Resource, code_of, codings, concept_text, period_text, quantity_text, range_text
from aggregator.record.units import SPELLINGS, comparable
from fhir_data.access import mapping, mappings, text

# Each way in which a blood pressure is taken: the codes of its systolic and of its diastolic pressure. A pressure taken
# standing is no part of a reading taken lying, and a target is no reading.
# Source: GP Connect, Pharmacy First, "Blood pressure triplets" (SNOMED CT); LOINC 2.7x.
PRESSURE_CODES: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (
        frozenset({"72313002", "271649006", "163030003", "8480-6"}),
        frozenset({"1091811000000102", "271650006", "163031004", "8462-4"}),
    ),
    (frozenset({"407554009", "8459-0"}), frozenset({"407555005", "8453-3"})),  # sitting
    (frozenset({"400974009", "8460-8"}), frozenset({"400975005", "8454-1"})),  # standing
    (frozenset({"407556006", "8461-6"}), frozenset({"407557002", "8455-8"})),  # lying
    (frozenset({"716579001"}), frozenset({"716632005"})),  # baseline
    (frozenset({"2181381000000109"}), frozenset({"2181391000000106"})),  # ambulatory average
    (frozenset({"1162737008"}), frozenset({"1162735000"})),  # as the patient reports it
)
UNIT_WORDS: Mapping[str, str] = {"mm[Hg]": "mmHg"}


@dataclass(frozen=True, kw_only=True)
class PressureReading:
    """A blood pressure as one reading, such as "142/88 mmHg", and the places of the two parts that make it."""

    words: str
    pair: frozenset[int]


def value_text(*, resource: Resource) -> str:
    """Return an Observation's value as sent, with its unit and comparator; why there is none, or why it may be none."""
    worded = (words(resource[name]) for name, words in _VALUE_WORDS.items() if name in resource)
    value = next((words for words in worded if words), "")
    reason = concept_text(resource.get("dataAbsentReason")) or ("" if value else _why_absent(resource))
    return f"{value}, but also: {reason}" if value and reason else value or reason


def _why_absent(resource: Resource) -> str:
    """Return what an extension of an empty value says. Source: FHIR extension data-absent-reason, a code."""
    for name, value in resource.items():
        if name.lstrip("_").startswith("value"):
            for extension in mappings(mapping(value).get("extension")):
                if ABSENT_EXTENSION in text(extension.get("url")):
                    return f"No value: {text(extension.get('valueCode')) or text(extension.get('valueString'))}"
    return ""


def _series_text(series: object) -> str:
    """Return that a series of values came, such as a trace, which is no text."""
    return "A recorded series of values: see the source copy" if mapping(series) else ""


def _truth_text(truth: object) -> str:
    return "Yes" if truth is True else "No" if truth is False else ""


def _ratio_text(ratio: object) -> str:
    ends = [quantity_text(mapping(ratio).get(name)) for name in ("numerator", "denominator")]
    return " : ".join(end for end in ends if end)


# The elements that hold a value, and how each is worded; the first that says something counts.
_VALUE_WORDS: Mapping[str, Callable[[object], str]] = {
    "valueQuantity": quantity_text,
    "valueCodeableConcept": concept_text,
    **{f"value{kind}": text for kind in ("String", "Integer", "DateTime", "Time")},
    "valueBoolean": _truth_text,
    "valuePeriod": period_text,
    "valueRange": range_text,
    "valueRatio": _ratio_text,
    "valueSampledData": _series_text,
}
ABSENT_EXTENSION = "data-absent-reason"


def value_key(*, resource: Resource) -> tuple[str, ...]:
    """Return an Observation's value for comparing; its parts' values too, since a blood pressure is two."""
    quantity = mapping(resource.get("valueQuantity"))
    number = comparable(
        value=text(quantity.get("value")),
        unit=text(quantity.get("code")) or text(quantity.get("unit")),
        comparator=text(quantity.get("comparator")),
    )
    series = text(mapping(resource.get("valueSampledData")).get("data"))
    own = number or tuple(filter(None, [value_text(resource=resource), series]))
    parts = [
        (code_of(component.get("code")), *value_key(resource=component))
        for component in mappings(resource.get("component"))
    ]
    return (*own, *(word for part in sorted(parts) for word in part))


def pressure_reading(*, parts: Sequence[Resource]) -> PressureReading | None:
    """Return the blood pressure that parts make together, each a part's `code` and value.

    None where they are not one systolic and one diastolic pressure taken in one way, with plain values in one unit.
    """
    if len(parts) < 2:
        return None
    codes = [{code for _, code, _ in codings(part.get("code"))} for part in parts]
    for systolic, diastolic in PRESSURE_CODES:
        tops = [place for place, named in enumerate(codes) if named & systolic]
        bottoms = [place for place, named in enumerate(codes) if named & diastolic]
        if len(tops) == len(bottoms) == 1 and tops != bottoms:
            values = [_plain_value(parts[place]) for place in (*tops, *bottoms)]
            (top, unit), (bottom, other_unit) = values
            if top and bottom and unit and unit == other_unit:
                words = f"{top}/{bottom} {UNIT_WORDS.get(unit, unit)}"
                return PressureReading(words=words, pair=frozenset({*tops, *bottoms}))
    return None


def _plain_value(part: Resource) -> tuple[str, str]:
    """Return the value and the unit of a quantity that says nothing else, the unit in one spelling."""
    quantity = mapping(part.get("valueQuantity"))
    if text(quantity.get("comparator")):
        return "", ""
    unit = text(quantity.get("unit")) or text(quantity.get("code"))
    return text(quantity.get("value")), SPELLINGS.get(unit.lower().replace(" ", ""), unit)
