"""How strong a warning an allergy or a problem gives, so that the strongest leads and a difference is seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aggregator.record.reading import Resource, code_of, codings, concept_text
from aggregator.record.timeline import DetailLabel
from fhir_data.access import mappings, text

# Source: FHIR R4 reaction-event-severity; SNOMED CT severities; GP Connect, allergies.
SEVERITIES: Mapping[str, int] = {
    "mild": 1,
    "255604002": 1,
    "moderate": 2,
    "6736007": 2,
    "severe": 3,
    "24484000": 3,
    "life threatening": 4,
    "life-threatening": 4,
    "442452003": 4,
    "fatal": 5,
    "399166001": 5,
}
SEVERITY_WORDS = {1: "mild", 2: "moderate", 3: "severe", 4: "life-threatening", 5: "fatal"}
# Source: FHIR R4 allergy-intolerance-criticality.
CRITICALITIES: Mapping[str, int] = {"low": 1, "unable-to-assess": 2, "high": 3}
_SEVERE = SEVERITIES["severe"]
# A reaction that threatens life is severe, whether or not its severity is stated.
_THREATENING = re.compile(r"anaphyla|angio-? ?o?edema|cardiac arrest|respiratory arrest|stevens.johnson", re.IGNORECASE)
_THREATENING_CODES = frozenset({"39579001", "241929008", "417516000", "41291007"})


class Seriousness(NamedTuple):
    """How strong a warning is, greater for stronger; 0 where nothing is said."""

    strongest: int
    severity: int
    criticality: int


NO_WARNING = Seriousness(strongest=0, severity=0, criticality=0)


def seriousness_of(*, resource: Resource) -> Seriousness:
    """Return how strong a warning a resource gives."""
    severity = max(_severities(resource))
    criticality = CRITICALITIES.get(code_of(resource.get("criticality")).lower(), 0)
    return Seriousness(strongest=max(severity, criticality), severity=severity, criticality=criticality)


def assessments_of(*, resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return what a resource says that others may assess otherwise, as (label, what it compares by)."""
    stated = {_compared(severity) for severity in _stated_severities(resource)} - {""}
    assessed = {
        DetailLabel.SEVERITY: max(stated, key=lambda words: (SEVERITIES.get(words, 0), words), default=""),
        DetailLabel.CRITICALITY: code_of(resource.get("criticality")).lower(),
        DetailLabel.VERIFICATION: code_of(resource.get("verificationStatus")).lower(),
    }
    return tuple((label, words) for label, words in assessed.items() if words)


def _stated_severities(resource: Resource) -> Iterator[object]:
    yield resource.get("severity")
    yield from (reaction.get("severity") for reaction in mappings(resource.get("reaction")))


def _compared(severity: object) -> str:
    """Return a severity by one word whether it came as a word, a code or a text."""
    words = [text(severity), *(code for _, code, _ in codings(severity)), concept_text(severity)]
    known = [SEVERITIES[word.strip().lower()] for word in words if word.strip().lower() in SEVERITIES]
    stated = text(severity) or concept_text(severity)
    return SEVERITY_WORDS[known[0]] if known else " ".join(stated.lower().split())


def _severities(resource: Resource) -> Iterator[int]:
    """Yield how severe a resource says that it is, 0 where it does not say, and each of its reactions."""
    yield from (SEVERITIES.get(_compared(severity), 0) for severity in _stated_severities(resource))
    for reaction in mappings(resource.get("reaction")):
        signs = mappings(reaction.get("manifestation"))
        described = [text(reaction.get("description")), *map(concept_text, signs)]
        coded = {code for sign in signs for _, code, _ in codings(sign)}
        if coded & _THREATENING_CODES or any(_THREATENING.search(words) for words in described):
            yield _SEVERE
