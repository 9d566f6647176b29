"""What tells two things of one concept and time apart: place on the body, person, specimen or batch. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.names import name_of
from aggregator.record.reading import Resource, codings, concept_text
from aggregator.record.sent import Sent
from fhir_data.access import listed, mappings, text

Particular = tuple[str, str]  # what is told, and in a form that compares

SNOMED_CT = "http://snomed.info/sct"
# Source: FHIR R4, Condition, Procedure, Observation, ServiceRequest; Immunization, MedicationAdministration.
SITES = ("bodySite", "site")
_TELLING = frozenset({*SITES, "focus", "specimen", "lotNumber", "protocolApplied"})


def particulars_of(sent: Sent, /) -> Iterator[Particular]:
    """Yield what a resource says that tells it from others like it; nothing for what it does not say."""
    resource = sent.resource
    if _TELLING.isdisjoint(resource):
        return
    if sites := _concepts(resource, *SITES):
        yield "site", sites
    if focus := "; ".join(sorted(map(_folded, focus_names(sent)))):
        yield "focus", focus
    yield from _specimens(sent)
    if batch := text(resource.get("lotNumber")).strip():
        yield "batch", batch.casefold()
    doses = sorted(
        number
        for dose in mappings(listed(resource.get("protocolApplied")))
        if (number := text(dose.get("doseNumberPositiveInt")) or text(dose.get("doseNumberString")))
    )
    if doses:
        yield "dose", "; ".join(map(_folded, doses))


def focus_names(sent: Sent, /) -> list[str]:
    """Return of whom or what an observation is, where it is not of the patient.

    Source: FHIR R4, Observation.focus: such as a fetus, a parent, a donor, or an implanted device.
    """
    pointers = mappings(listed(sent.resource.get("focus")))
    others = [pointer for pointer in pointers if text(pointer.get("reference")) not in sent.item.subject_references]
    return [name_of(sent=sent, reference=pointer) or "not named" for pointer in others]


def _specimens(sent: Sent) -> Iterator[Particular]:
    references = [text(pointer.get("reference")) for pointer in mappings(listed(sent.resource.get("specimen")))]
    found = [sent.find(reference=reference) for reference in references if reference]
    kinds = sorted(kind for specimen in found if (kind := _concepts(specimen, "type")))
    if kinds:
        yield "specimen", "; ".join(kinds)
    # Two specimens of one kind are two at their own server, and of another's it says nothing.
    own = sorted(sent.name(reference=reference) for reference in references if reference and reference[0] != "#")
    if own:
        yield f"specimen of {sent.item.source_id}", "; ".join(own)


def _concepts(resource: Resource, *names: str) -> str:
    concepts = [concept for name in names for concept in mappings(listed(resource.get(name)))]
    return "; ".join(sorted(key for concept in concepts if (key := _concept_key(concept))))


def _concept_key(concept: Resource) -> str:
    shared = [code for system, code, _ in codings(concept) if system == SNOMED_CT and code]
    return min(shared, default="") or _folded(concept_text(concept))


def _folded(words: str) -> str:
    return " ".join(words.casefold().split())
