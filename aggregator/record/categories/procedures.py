"""Procedures: what was done, on a day. Pure."""

from __future__ import annotations

import re

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.rules import (
    AbsenceElements,
    AbsenceRules,
    CategoryRules,
    Compared,
    ConflictRules,
    SameConcept,
    TypeRules,
)
from aggregator.record.timeline import CLAIMED, Standing
from connectors.contract.categories import RecordCategory

NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.PROCEDURES)

PROCEDURE = TypeRules(
    name="Procedure",
    happened=("performedDateTime", "performedPeriod.start"),
    statuses={
        "in-progress": Standing.ACTIVE,
        "completed": Standing.PAST,
        "stopped": Standing.PAST,
        "not-done": Standing.NEGATED,
    },
    negation="Not done",
    absence=AbsenceElements(names=("code",)),
)

RULES = CategoryRules(
    category=RecordCategory.PROCEDURES,
    title="Procedures",
    many="procedures",
    place=80,
    types=(PROCEDURE,),
    same_concept=SameConcept.DAY,
    conflicts=ConflictRules(denials=Compared.AT_ONE_TIME, contradicted_by_none=CLAIMED),
    absence=AbsenceRules(
        one="a procedure",
        many="procedures",
        noun=re.compile(r"procedures?|surger(?:y|ies)|operations?|surgical|interventions?"),
        # Source: IPS 2.0; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "787480003": NONE_KNOWN,
            "no-known-procedures": NONE_KNOWN,
            "no-procedure-info": Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.PROCEDURES),
        },
    ),
)
