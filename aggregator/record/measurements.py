"""What an Observation measured: its value as it is shown, and as it is compared. Pure."""

from __future__ import annotations

from aggregator.record.reading import Resource, code_of, concept_text, period_text, quantity_text
from aggregator.record.units import comparable
from fhir_data.access import mapping, mappings, text


def value_text(*, resource: Resource) -> str:
    """Return an Observation's value as sent, with its unit and comparator."""
    quantity = quantity_text(resource.get("valueQuantity"))
    concept = concept_text(resource.get("valueCodeableConcept"))
    plain = [text(resource.get(f"value{kind}")) for kind in ("String", "Integer", "DateTime", "Time")]
    truth = resource.get("valueBoolean")
    yes_or_no = "Yes" if truth is True else "No" if truth is False else ""
    period = period_text(resource.get("valuePeriod"))
    value = next((value for value in [quantity, concept, *plain, yes_or_no, period] if value), "")
    return value or concept_text(resource.get("dataAbsentReason"))


def value_key(*, resource: Resource) -> tuple[str, ...]:
    """Return an Observation's value for comparing; its parts' values too, since a blood pressure is two."""
    quantity = mapping(resource.get("valueQuantity"))
    number = comparable(
        value=text(quantity.get("value")),
        unit=text(quantity.get("code")) or text(quantity.get("unit")),
        comparator=text(quantity.get("comparator")),
    )
    own = number or tuple(filter(None, [value_text(resource=resource)]))
    parts = [
        (code_of(component.get("code")), *value_key(resource=component))
        for component in mappings(resource.get("component"))
    ]
    return (*own, *(word for part in sorted(parts) for word in part))
