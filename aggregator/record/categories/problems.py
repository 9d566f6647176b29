"""Problems: conditions and diagnoses, an episode each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, note_line, when_text
from aggregator.record.reading import Resource, code_of, concept_text
from aggregator.record.rules import (
    AbsenceElements,
    AbsenceRules,
    CategoryRules,
    Compared,
    ConflictRules,
    SameConcept,
    TypeRules,
)
from aggregator.record.timeline import DetailLabel
from connectors.contract.categories import RecordCategory

NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.PROBLEMS)


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.SEVERITY, concept_text(resource.get("severity"))
    yield DetailLabel.VERIFICATION, code_of(resource.get("verificationStatus"))
    yield DetailLabel.BEGAN, when_text(resource=resource, stem="onset")
    yield DetailLabel.ENDED, when_text(resource=resource, stem="abatement")
    yield note_line(resource)


CONDITION = TypeRules(
    name="Condition",
    happened=("onsetDateTime", "onsetPeriod.start"),
    negation="Refuted",
    lines=_lines,
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
