"""Labels that a source puts on an item. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, ItemGate
from aggregator.record.item import Item, Label

# One code system by its address in R4, in STU3 and by its OID, without scheme and in lower case; a label that names no
# system is taken to be of this one.
CONFIDENTIALITY_SYSTEMS = frozenset(
    {
        "terminology.hl7.org/codesystem/v3-confidentiality",
        "hl7.org/fhir/v3/confidentiality",
        "urn:oid:2.16.840.1.113883.5.25",
        "2.16.840.1.113883.5.25",
        "",
    }
)
# Labels above "normal" are withheld until a policy permits them. Source: HL7 v3-Confidentiality.
WITHHELD_CONFIDENTIALITY = frozenset({"R", "V"})


def ask(case: Case, item: Item) -> Answer:
    """Return whether no label on the item forbids showing it."""
    is_withheld = any(_restricts(label) for label in item.labels)
    reason = "Labelled as restricted by its source." if is_withheld else "No restricting label."
    return Answer(passed=not is_withheld, reason=reason)


def _restricts(label: Label, /) -> bool:
    """Return whether a label restricts, however it is spelt: what is misspelt is not thereby open to all."""
    system = label.system.lower().removeprefix("https://").removeprefix("http://").partition("|")[0].rstrip("/#")
    return system in CONFIDENTIALITY_SYSTEMS and label.code.upper() in WITHHELD_CONFIDENTIALITY


GATE = ItemGate(name="sensitivity", ask=ask)
