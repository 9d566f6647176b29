"""Problems: conditions and diagnoses, an episode each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, concept_texts, note_line, when_text
from aggregator.record.extensions import extension_value, extensions_named, part_of_extension
from aggregator.record.parts import SentPart
from aggregator.record.reading import code_of, concept_text
from aggregator.record.rules import (
    AbsenceElements,
    AbsenceRules,
    CategoryRules,
    Compared,
    ConflictRules,
    SameConcept,
    TypeRules,
)
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel
from connectors.contract.categories import RecordCategory
from fhir_data.access import mapping, text

NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.PROBLEMS)


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    for extension in extensions_named(resource, "ProblemSignificance"):
        yield DetailLabel.SIGNIFICANCE, _word(extension_value(extension))
    yield DetailLabel.SEVERITY, concept_text(resource.get("severity"))
    yield DetailLabel.VERIFICATION, code_of(resource.get("verificationStatus"))
    yield DetailLabel.BEGAN, when_text(resource=resource, stem="onset")
    yield DetailLabel.ENDED, when_text(resource=resource, stem="abatement")
    yield DetailLabel.SITE, concept_texts(resource.get("bodySite"))
    yield note_line(resource)


def _word(value: object) -> str:
    """Return a code, or a concept, as a word: "major" as Major."""
    words = concept_text(value) or text(value)
    return words[:1].upper() + words[1:]


# The extensions by which a problem names what it was recorded as, and what belongs to it.
# Source: GP Connect and UK Core, problems.
_RELATED: Mapping[str, str] = {
    "ActualProblem": "Recorded as",
    "RelatedProblemHeader": "Related problems",
    "RelatedClinicalContent": "Related content",
}


def _parts(sent: Sent) -> Iterator[SentPart]:
    for name, heading in _RELATED.items():
        parts = []
        for extension in extensions_named(sent.resource, name):
            target = extension_value(part_of_extension(extension, "target")) or extension_value(extension)
            if reference := text(mapping(target).get("reference")):
                parts.append(SentPart(reference=reference))
        if parts:
            yield SentPart(heading=heading, parts=tuple(parts))


CONDITION = TypeRules(
    name="Condition",
    happened=("onsetDateTime", "onsetPeriod.start"),
    negation="Refuted",
    lines=_lines,
    parts=_parts,
    reads_first=(
        *("clinicalStatus", "verificationStatus", "code", "severity", "onsetDateTime", "onsetPeriod"),
        *("abatementDateTime", "recordedDate", "note"),
    ),
    absence=AbsenceElements(names=("code",)),
    is_assessed=True,
)

RULES = CategoryRules(
    category=RecordCategory.PROBLEMS,
    title="Problems",
    many="problems",
    place=40,
    types=(CONDITION,),
    always_shown=True,
    is_lasting=True,
    same_concept=SameConcept.DAY,
    conflicts=ConflictRules(denials=Compared.AT_ANY_TIME, statuses=Compared.AT_ONE_TIME),
    absence=AbsenceRules(
        one="a problem",
        many="problems",
        noun=re.compile(
            r"problems?|conditions?|diagnos[ei]s|diseases?|illness(?:es)?|disorders?|issues?|concerns?|comorbidit\w+"
            r"|pmhx?|disabilit\w+"
        ),
        # Source: SNOMED CT, situations with explicit context; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "160245001": NONE_KNOWN,
            "no-known-problems": NONE_KNOWN,
            "no-problem-info": Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.PROBLEMS),
        },
    ),
)
