"""Labels that a source puts on an item. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item

# One code system by its address in R4, in STU3 and by its OID; a label that names no system is taken to be of this one.
CONFIDENTIALITY_SYSTEMS = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "http://hl7.org/fhir/v3/Confidentiality",
        "urn:oid:2.16.840.1.113883.5.25",
        "",
    }
)
# Labels above "normal" are withheld until a policy permits them. Source: HL7 v3-Confidentiality.
WITHHELD_CONFIDENTIALITY = frozenset({"R", "V"})


def ask(case: Case, item: Item) -> Answer:
    """Return whether no label on the item forbids showing it."""
    is_withheld = any(
        label.system in CONFIDENTIALITY_SYSTEMS and label.code in WITHHELD_CONFIDENTIALITY for label in item.labels
    )
    reason = "Labelled as restricted by its source." if is_withheld else "No restricting label."
    return Answer(passed=not is_withheld, reason=reason)


GATE = ItemGate(name="sensitivity", ask=ask)
