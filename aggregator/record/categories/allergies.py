"""Allergies and adverse reactions: claims that last, and the denials of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.categories.medications import MEDICINE_WORD
from aggregator.record.details import Line, note_line, when_text
from aggregator.record.extensions import extension_value, extensions_named, part_of_extension
from aggregator.record.placeholders import LOST_DRUG_ALLERGY
from aggregator.record.reading import Resource, code_of, codings, concept_text
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
from fhir_data.access import mappings, text

MEDICATION, FOOD, ENVIRONMENT = "medication", "food", "environment"  # as AllergyIntolerance.category names them
RISK_EXTENSION = "allergyintolerance-substanceExposureRisk"


def _none(*, of: str = "") -> Absence:
    """Return the denial of all allergies of a kind, of some of them where the kind is not known."""
    return Absence(kind=AbsenceKind.NONE_OF_A_KIND, about=RecordCategory.ALLERGIES, of=of)


NONE_KNOWN = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.ALLERGIES)
NO_INFORMATION = Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.ALLERGIES)


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    for reaction in mappings(resource.get("reaction")):
        signs = ", ".join(concept_text(sign) for sign in mappings(reaction.get("manifestation")))
        description = text(reaction.get("description"))
        yield DetailLabel.REACTION, signs or description
        yield DetailLabel.REACTION_DESCRIBED, description if signs and description != signs else ""
        yield DetailLabel.SUBSTANCE, concept_text(reaction.get("substance"))
        yield DetailLabel.SEVERITY, text(reaction.get("severity")) or concept_text(reaction.get("severity"))
    yield DetailLabel.CRITICALITY, code_of(resource.get("criticality"))
    yield DetailLabel.VERIFICATION, code_of(resource.get("verificationStatus"))
    yield DetailLabel.KIND, text(resource.get("type"))
    yield DetailLabel.BEGAN, when_text(resource=resource, stem="onset")
    for ending in extensions_named(resource, "AllergyIntoleranceEnd"):
        yield DetailLabel.ENDED, text(extension_value(part_of_extension(ending, "endDate")))
        reason = extension_value(part_of_extension(ending, "reasonEnded"))
        yield DetailLabel.WHY_IT_ENDED, concept_text(reason) or text(reason)
    yield note_line(resource)


def _reactions(resource: Resource) -> Iterator[object]:
    """Yield what reactions are called: whoever reacted has an allergy, whatever its code says."""
    for reaction in mappings(resource.get("reaction")):
        yield from mappings(reaction.get("manifestation"))
        yield text(reaction.get("description"))


def _is_no_risk(resource: Resource) -> bool:
    """Source: FHIR extensions, AllergyIntolerance substanceExposureRisk: known to cause no reaction."""
    for extension in mappings(resource.get("extension")):
        if RISK_EXTENSION in text(extension.get("url")):
            parts = mappings(extension.get("extension"))
            return any("no-known-reaction-risk" in str(part.get("valueCodeableConcept")) for part in parts)
    return False


def _kinds_of(resource: Resource) -> frozenset[str]:
    """Return the kinds of substance that an allergy is to. Source: FHIR R4, AllergyIntolerance.category."""
    stated = resource.get("category")
    kinds = {text(kind) for kind in (stated if isinstance(stated, list) else [stated])}
    if any(code == LOST_DRUG_ALLERGY for _, code, _ in codings(resource.get("code"))):
        kinds.add(MEDICATION)
    return frozenset(kinds)


ALLERGY_INTOLERANCE = TypeRules(
    name="AllergyIntolerance",
    happened=("onsetDateTime", "onsetPeriod.start"),
    negation="Refuted",
    lines=_lines,
    reads_first=(
        *("clinicalStatus", "verificationStatus", "code", "criticality", "reaction", "type", "category"),
        *("onsetDateTime", "recordedDate", "lastOccurrence", "note"),
    ),
    absence=AbsenceElements(names=("code",), evidence=_reactions, denies=_is_no_risk),
    is_assessed=True,
)

RULES = CategoryRules(
    category=RecordCategory.ALLERGIES,
    title="Allergies and adverse reactions",
    many="allergies",
    place=20,
    types=(ALLERGY_INTOLERANCE,),
    always_shown=True,
    is_lasting=True,
    same_concept=SameConcept.STANDING,
    conflicts=ConflictRules(denials=Compared.AT_ANY_TIME, statuses=Compared.AT_ANY_TIME),
    absence=AbsenceRules(
        one="an allergy",
        many="allergies",
        noun=re.compile(r"al{1,2}e?r?e?g\w*|sensitivit\w+|hypersensitivit\w+|intoleran\w+|reactions?|adrs?"),
        not_one=frozenset({"allergies", "intolerances", "sensitivities", "reactions"}),
        # Source: SNOMED CT, situations with explicit context; IPS 2.0, absence of information mappings.
        codes={
            "716186003": NONE_KNOWN,
            "160244002": NONE_KNOWN,
            "409137002": _none(of=MEDICATION),
            "428607008": _none(of=ENVIRONMENT),
            "429625007": _none(of=FOOD),
            "428197003": _none(),
            "716184000": _none(),
            "716220001": _none(),
            "1003774007": _none(),
            # Source: http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips, IPS 1.1.
            "no-known-allergies": NONE_KNOWN,
            "no-known-medication-allergies": _none(of=MEDICATION),
            "no-known-environmental-allergies": _none(of=ENVIRONMENT),
            "no-known-food-allergies": _none(of=FOOD),
            "no-allergy-info": NO_INFORMATION,
        },
        # Codes for an allergy to no particular substance. Source: SNOMED CT.
        unspecific_codes=frozenset(
            {
                "106190000",
                "609328004",
                "419199007",
                "416098002",
                "414285001",
                "420134006",
                "418038007",
                "419511003",
                "418471000",
                "235719002",
                "59037007",
            }
        ),
        kinds={
            MEDICATION: MEDICINE_WORD,
            FOOD: re.compile(r"foods?|foodstuffs?"),
            ENVIRONMENT: re.compile(r"environment\w*|pollens?"),
        },
        kinds_of=_kinds_of,
        abbreviation=re.compile(r"nk[a-z]?a(?:ll)?"),
        abbreviated={
            "nka": NONE_KNOWN,
            "nkall": NONE_KNOWN,
            "nkda": _none(of=MEDICATION),
            "nkma": _none(of=MEDICATION),
            "nkfa": _none(of=FOOD),
            "nkea": _none(of=ENVIRONMENT),
        },
    ),
)
