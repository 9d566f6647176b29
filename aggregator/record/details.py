"""The lines under an entry's heading: label and value, each value as its source sent it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from aggregator.record.reading import (
    Resource,
    code_of,
    concept_text,
    mapping,
    mappings,
    note_texts,
    period_text,
    quantity_text,
    text,
)

Line = tuple[str, str]


def details_of(*, resource: Resource) -> tuple[Line, ...]:
    """Return the lines of a resource that have something to say, in a fixed order."""
    reader = READERS.get(text(resource.get("resourceType")), _any)
    return tuple((label, value) for label, value in reader(resource) if value)


def dosage_text(*, dosage: Resource) -> str:
    """Return one dosage in words: the text as sent, else what its parts say."""
    return text(dosage.get("text")) or _parts_text(dosage)


AMOUNT_ELEMENTS = ("doseQuantity", "doseRange", "rateQuantity", "rateRange", "rateRatio")


def _parts_text(dosage: Resource) -> str:
    timing = mapping(dosage.get("timing"))
    parts = [*_amounts(dosage), code_of(timing.get("code")) or _repeat_text(mapping(timing.get("repeat")))]
    parts.append("as needed" if dosage.get("asNeededBoolean") is True else "")
    return ", ".join(part for part in parts if part)


# How often a day, and words that say so.
_TIMES_A_DAY: Mapping[str, re.Pattern[str]] = {
    "1": re.compile(r"\b(?:once|daily|od|(?:each|every|a|per) (?:day|morning|evening|night))\b"),
    "2": re.compile(r"\b(?:twice|two times|2 times|bd)\b"),
    "3": re.compile(r"\b(?:thrice|three times|3 times|tds)\b"),
    "4": re.compile(r"\b(?:four times|4 times|qds)\b"),
}


def _words_say_it_all(dosage: Resource) -> bool:
    """Whether the words of a dosage tell the amounts and times that its parts tell, or there are no words at all."""
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


def dosages_of(*, resource: Resource) -> tuple[Resource, ...]:
    """Return the dosages of a medication resource, whatever its type calls them."""
    listed = resource.get("dosageInstruction") or resource.get("dosage")
    return (listed,) if isinstance(listed, dict) else tuple(mappings(listed))


def value_text(*, resource: Resource) -> str:
    """Return an Observation's value as sent, with its unit and comparator."""
    quantity = quantity_text(resource.get("valueQuantity"))
    concept = concept_text(resource.get("valueCodeableConcept"))
    plain = [text(resource.get(f"value{kind}")) for kind in ("String", "Integer", "DateTime", "Time")]
    truth = resource.get("valueBoolean")
    yes_or_no = "Yes" if truth is True else "No" if truth is False else ""
    period = period_text(resource.get("valuePeriod"))
    found = next((value for value in [quantity, concept, *plain, yes_or_no, period] if value), "")
    return found or concept_text(resource.get("dataAbsentReason"))


def _repeat_text(repeat: Resource) -> str:
    frequency, period, unit = (text(repeat.get(name)) for name in ("frequency", "period", "periodUnit"))
    return f"{frequency} times every {period} {unit}" if frequency and period else ""


def _allergy(resource: Resource) -> Iterator[Line]:
    for reaction in mappings(resource.get("reaction")):
        shown = ", ".join(concept_text(one) for one in mappings(reaction.get("manifestation")))
        description = text(reaction.get("description"))
        yield "Reaction", shown or description
        yield "Reaction described", description if shown and description != shown else ""
        yield "Substance", concept_text(reaction.get("substance"))
        yield "Severity", text(reaction.get("severity")) or concept_text(reaction.get("severity"))
    yield "Criticality", code_of(resource.get("criticality"))
    yield "Verification", code_of(resource.get("verificationStatus"))
    yield "Kind", text(resource.get("type"))
    yield "Began", _when(resource, "onset")
    yield "Note", note_texts(resource.get("note"))


def _condition(resource: Resource) -> Iterator[Line]:
    yield "Severity", concept_text(resource.get("severity"))
    yield "Verification", code_of(resource.get("verificationStatus"))
    yield "Began", _when(resource, "onset")
    yield "Ended", _when(resource, "abatement")
    yield "Note", note_texts(resource.get("note"))


def _medication(resource: Resource) -> Iterator[Line]:
    for dosage in dosages_of(resource=resource):
        yield "Dose", dosage_text(dosage=dosage)
        yield "Dose in parts", "" if _words_say_it_all(dosage) else _parts_text(dosage)
        yield "Instruction", text(dosage.get("patientInstruction"))
        yield "Route", concept_text(dosage.get("route"))
    yield "Taken", _when(resource, "effective")
    supply = mapping(resource.get("dispenseRequest"))
    yield "Quantity", quantity_text(supply.get("quantity"))
    yield "Valid", period_text(supply.get("validityPeriod"))
    yield "Reason", ", ".join(concept_text(reason) for reason in mappings(resource.get("reasonCode")))
    yield "Why it ended", concept_text(resource.get("statusReason")) if resource.get("statusReason") else ""
    yield "Note", note_texts(resource.get("note"))


def _observation(resource: Resource) -> Iterator[Line]:
    yield "Value", value_text(resource=resource)
    for component in mappings(resource.get("component")):
        yield concept_text(component.get("code")) or "Part", value_text(resource=component)
    yield "Flag", ", ".join(concept_text(flag) for flag in mappings(resource.get("interpretation")))
    for reference in mappings(resource.get("referenceRange")):
        yield "Reference range", text(reference.get("text")) or _range_text(reference)
    yield "Note", note_texts(resource.get("note"))


def _range_text(reference: Resource) -> str:
    low, high = quantity_text(reference.get("low")), quantity_text(reference.get("high"))
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"up to {high}" if high else ""


def _immunisation(resource: Resource) -> Iterator[Line]:
    yield (
        "Dose",
        "; ".join(
            text(dose.get("doseNumberPositiveInt")) or text(dose.get("doseNumberString"))
            for dose in mappings(resource.get("protocolApplied"))
        ),
    )
    yield "Batch", text(resource.get("lotNumber"))
    yield "Site", concept_text(resource.get("site"))
    yield "Why not given", concept_text(resource.get("statusReason"))
    yield "Note", note_texts(resource.get("note"))


def _encounter(resource: Resource) -> Iterator[Line]:
    yield "Class", text(mapping(resource.get("class")).get("display"))
    yield "When", period_text(resource.get("period"))
    yield "Reason", ", ".join(concept_text(reason) for reason in mappings(resource.get("reasonCode")))
    for place in mappings(resource.get("location")):
        yield "Place", text(mapping(place.get("location")).get("display"))


def _document(resource: Resource) -> Iterator[Line]:
    yield "About", text(resource.get("description"))
    for content in mappings(resource.get("content")):
        yield "Format", text(mapping(content.get("attachment")).get("contentType"))


def _report(resource: Resource) -> Iterator[Line]:
    yield "Conclusion", text(resource.get("conclusion"))
    yield "Conclusion code", ", ".join(concept_text(code) for code in mappings(resource.get("conclusionCode")))


def _family(resource: Resource) -> Iterator[Line]:
    yield "Relative", concept_text(resource.get("relationship"))
    for condition in mappings(resource.get("condition")):
        yield "Condition", concept_text(condition.get("code"))


def _appointment(resource: Resource) -> Iterator[Line]:
    yield "When", text(resource.get("start"))
    yield "About", text(resource.get("description"))


def _any(resource: Resource) -> Iterator[Line]:
    yield "About", text(resource.get("description"))
    yield "When", _when(resource, "performed") or period_text(resource.get("period"))
    yield "Reason", ", ".join(concept_text(reason) for reason in mappings(resource.get("reasonCode")))
    yield "Outcome", concept_text(resource.get("outcome"))
    yield "Note", note_texts(resource.get("note"))


def _when(resource: Resource, stem: str) -> str:
    """Return the choice element `stem`[x] in words, whichever kind of time it was sent as."""
    moment = text(resource.get(f"{stem}DateTime")) or text(resource.get(f"{stem}String"))
    age = quantity_text(resource.get(f"{stem}Age"))
    return moment or period_text(resource.get(f"{stem}Period")) or age


READERS: Mapping[str, Callable[[Resource], Iterator[Line]]] = {
    "AllergyIntolerance": _allergy,
    "Condition": _condition,
    "MedicationStatement": _medication,
    "MedicationRequest": _medication,
    "MedicationAdministration": _medication,
    "MedicationDispense": _medication,
    "Observation": _observation,
    "Immunization": _immunisation,
    "Encounter": _encounter,
    "DocumentReference": _document,
    "DiagnosticReport": _report,
    "FamilyMemberHistory": _family,
    "Appointment": _appointment,
}
