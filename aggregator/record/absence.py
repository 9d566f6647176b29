"""Statements that there is nothing, or that nothing is known: claims of their own, and never a finding. Pure.

"No known allergies" denies; "not asked" neither denies nor finds. Both come as a code, as words alone, or as an element
that says only why it is empty. When a statement can be read in two ways, the one that claims less is taken; what names
a thing beside it is read as a claim.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aggregator.record.placeholders import LOST_ALLERGY_CODES, Placeholder, placeholder
from aggregator.record.reading import Resource, codings, mapping, mappings, note_texts, text
from connectors.contract.categories import RecordCategory

ALLERGIES, PROBLEMS, MEDICATIONS = RecordCategory.ALLERGIES, RecordCategory.PROBLEMS, RecordCategory.MEDICATIONS
IMMUNISATIONS, PROCEDURES = RecordCategory.IMMUNISATIONS, RecordCategory.PROCEDURES
ALERTS, OTHER = RecordCategory.ALERTS, RecordCategory.OTHER


class AbsenceKind(StrEnum):
    """What is said to be absent: all of a kind of content, some of it, or only the knowledge."""

    NONE_KNOWN = "none-known"
    NONE_OF_A_KIND = "none-of-a-kind"
    NO_INFORMATION = "no-information"


@dataclass(frozen=True, kw_only=True)
class Absence:
    """What is absent, and of what. `of`: of which allergies, as AllergyIntolerance.category names them, where known."""

    kind: AbsenceKind
    about: RecordCategory
    of: str = ""


def _none(about: RecordCategory) -> Absence:
    return Absence(kind=AbsenceKind.NONE_KNOWN, about=about)


def _some(about: RecordCategory, of: str = "") -> Absence:
    return Absence(kind=AbsenceKind.NONE_OF_A_KIND, about=about, of=of)


def _unknown(about: RecordCategory) -> Absence:
    return Absence(kind=AbsenceKind.NO_INFORMATION, about=about)


# Source: SNOMED CT, situations with explicit context; IPS 2.0, absence of information mappings.
ABSENCE_CODES: Mapping[str, Absence] = {
    "716186003": _none(ALLERGIES),
    "160244002": _none(ALLERGIES),
    "409137002": _some(ALLERGIES, "medication"),
    "428607008": _some(ALLERGIES, "environment"),
    "429625007": _some(ALLERGIES, "food"),
    "428197003": _some(ALLERGIES),
    "716184000": _some(ALLERGIES),
    "716220001": _some(ALLERGIES),
    "1003774007": _some(ALLERGIES),
    "160245001": _none(PROBLEMS),
    "787481004": _none(MEDICATIONS),
    "182849000": _none(MEDICATIONS),
    "408350003": _some(MEDICATIONS),
    "1234391000168107": _none(MEDICATIONS),
    "182904002": _unknown(MEDICATIONS),
    "787482006": _none(IMMUNISATIONS),
    "787480003": _none(PROCEDURES),
    "787483001": _none(OTHER),
    # Source: http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips, IPS 1.1.
    "no-known-allergies": _none(ALLERGIES),
    "no-known-medication-allergies": _some(ALLERGIES, "medication"),
    "no-known-environmental-allergies": _some(ALLERGIES, "environment"),
    "no-known-food-allergies": _some(ALLERGIES, "food"),
    "no-known-problems": _none(PROBLEMS),
    "no-known-medications": _none(MEDICATIONS),
    "no-known-immunizations": _none(IMMUNISATIONS),
    "no-known-procedures": _none(PROCEDURES),
    "no-known-devices": _none(OTHER),
    "no-allergy-info": _unknown(ALLERGIES),
    "no-problem-info": _unknown(PROBLEMS),
    "no-medication-info": _unknown(MEDICATIONS),
    "no-immunization-info": _unknown(IMMUNISATIONS),
    "no-procedure-info": _unknown(PROCEDURES),
    "no-device-info": _unknown(OTHER),
}
# Codes for an allergy of no particular substance: beside them the words say what is meant. Source: SNOMED CT.
UNSPECIFIC_ALLERGY_CODES = frozenset(
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
)
# The types whose every resource claims that something is the case, and what a bare "none known" in it is about.
STATEMENT_TYPES: Mapping[str, RecordCategory] = {
    "AllergyIntolerance": ALLERGIES,
    "Condition": PROBLEMS,
    "MedicationStatement": MEDICATIONS,
    "MedicationRequest": MEDICATIONS,
    "MedicationAdministration": MEDICATIONS,
    "MedicationDispense": MEDICATIONS,
    "Immunization": IMMUNISATIONS,
    "Procedure": PROCEDURES,
    "DeviceUseStatement": OTHER,
    "Flag": ALERTS,
}
SUBJECT_NAMES = ("code", "vaccineCode", "medicationCodeableConcept", "device")
# What a resource says besides its code, so that one with an empty code still tells that something was the case.
TELLING_ELEMENTS = (
    "reaction dosage dosageInstruction lotNumber manufacturer bodySite site protocolApplied evidence stage severity "
    "occurrenceDateTime performedDateTime performedPeriod onsetDateTime onsetPeriod onsetAge doseQuantity quantity"
).split()
RISK_EXTENSION = "allergyintolerance-substanceExposureRisk"
ABSENT_EXTENSION = "data-absent-reason"
_LEAST_FIRST = (AbsenceKind.NO_INFORMATION, AbsenceKind.NONE_OF_A_KIND, AbsenceKind.NONE_KNOWN)


def absence_of(*, resource: Resource, elsewhere: Iterable[object] = ()) -> Absence | None:
    """Return what a resource says to be absent; None when it claims something.

    `elsewhere` are the concepts that say what it is about outside its own elements, such as the code of its medicine.
    """
    kind = text(resource.get("resourceType"))
    if kind == "Observation":
        return _coded([resource.get("code")])
    if kind not in STATEMENT_TYPES:
        return None
    concepts = [*_own_subjects(resource), *elsewhere]
    about = STATEMENT_TYPES[kind]
    coded = _coded(concepts)
    if not coded and not _no_risk(resource) and _names_a_concept(concepts, about):
        return None  # as most do; its words are read no further
    said = list(_said(concepts, about))
    if _Said.ALLERGY in said or _tells_of_a_reaction(resource):
        return None
    if coded:
        # Of another kind of content than its own, a code says nothing to words that name a thing.
        named = _Said.CONCEPT in said or (coded.about is not about and _named_in_words(concepts, about))
        return None if named else coded
    if _no_risk(resource):
        return _some(ALLERGIES)
    worded = [one for one in said if isinstance(one, Absence)]
    if _Said.CONCEPT in said or _Said.WORDS in said:
        return None
    if worded:
        return _least(worded)
    if any(resource.get(name) for name in TELLING_ELEMENTS):
        return None
    remaining = "" if said else _narrative(resource) or note_texts(resource.get("note"))
    if remaining:
        return absence_in_words(words=remaining, about=about)
    return _unknown(about) if _Said.SILENCE in said or _says_why_it_is_empty(resource) else None


class _Said(StrEnum):
    CONCEPT = "concept"  # a code whose meaning is shared, and which names a thing
    WORDS = "words"  # words that name a thing
    ALLERGY = "allergy"  # a code that was lost, of an allergy
    SILENCE = "silence"
    NOTHING = "nothing"  # a code that names nothing, or a local one without words


def _own_subjects(resource: Resource) -> Iterator[object]:
    yield from (resource[name] for name in SUBJECT_NAMES if name in resource)
    for contained in mappings(resource.get("contained")):
        if contained.get("resourceType") == "Medication":
            yield contained.get("code")
    if "medicationReference" in resource:
        yield text(mapping(resource["medicationReference"]).get("display"))


def _coded(concepts: Iterable[object]) -> Absence | None:
    found = [ABSENCE_CODES[code] for concept in concepts for _, code, _ in codings(concept) if code in ABSENCE_CODES]
    return _least(found) if found else None


def _names_a_concept(concepts: Sequence[object], about: RecordCategory) -> bool:
    return any(
        _said_by_coding(system=system, code=code, display=display, about=about) is _Said.CONCEPT
        for concept in concepts
        for system, code, display in codings(concept)
    )


def _named_in_words(concepts: Sequence[object], about: RecordCategory) -> bool:
    displays = [display for concept in concepts for _, _, display in codings(concept)]
    texts = [text(mapping(concept).get("text")) for concept in concepts]
    return any(_said_in_words(words, about) is _Said.WORDS for words in [*displays, *texts] if words)


def _said(concepts: Iterable[object], about: RecordCategory) -> Iterator[_Said | Absence]:
    """Yield what each coding and each text of the concepts says."""
    for concept in concepts:
        words = concept if isinstance(concept, str) else text(mapping(concept).get("text"))
        for system, code, display in codings(concept):
            yield _said_by_coding(system=system, code=code, display=display, about=about)
        if words.strip():
            yield _said_in_words(words, about)
        display = text(mapping(concept).get("display"))
        if display.strip():
            yield _said_in_words(display, about)


def _said_by_coding(*, system: str, code: str, display: str, about: RecordCategory) -> _Said | Absence:
    if code in LOST_ALLERGY_CODES:
        return _Said.ALLERGY
    if code in ABSENCE_CODES or code in UNSPECIFIC_ALLERGY_CODES:
        return _Said.NOTHING
    unnamed = placeholder(code=code, display=display)
    if unnamed is Placeholder.SILENT:
        return _Said.SILENCE
    if unnamed is Placeholder.UNNAMED:
        return _Said.NOTHING
    absent = absence_in_words(words=display or code, about=about) if display or code else None
    if absent:
        return absent
    if any(name in system.lower() for name in ("snomed", "dmd.nhs.uk", "loinc")) and code:
        return _Said.CONCEPT
    return _Said.WORDS if display else _Said.NOTHING


def _said_in_words(words: str, about: RecordCategory) -> _Said | Absence:
    if placeholder(code=normal_words(words)) is Placeholder.SILENT:
        return _Said.SILENCE
    return absence_in_words(words=words, about=about) or (_Said.WORDS if normal_words(words) else _Said.NOTHING)


def _least(absences: Iterable[Absence]) -> Absence:
    return min(absences, key=lambda one: (_LEAST_FIRST.index(one.kind), one.about, one.of))


def _tells_of_a_reaction(resource: Resource) -> bool:
    for reaction in mappings(resource.get("reaction")):
        shown = [*mappings(reaction.get("manifestation")), text(reaction.get("description"))]
        if {_Said.CONCEPT, _Said.WORDS} & set(_said(shown, ALLERGIES)):
            return True
    return False


def _no_risk(resource: Resource) -> bool:
    """Source: FHIR extensions, AllergyIntolerance substanceExposureRisk: known to cause no reaction."""
    for extension in mappings(resource.get("extension")):
        if RISK_EXTENSION in text(extension.get("url")):
            parts = list(mappings(extension.get("extension")))
            return any("no-known-reaction-risk" in str(part.get("valueCodeableConcept")) for part in parts)
    return False


def _says_why_it_is_empty(resource: Resource) -> bool:
    for name in SUBJECT_NAMES:
        element = mapping(resource.get(name))
        coded = [part for coding in mappings(element.get("coding")) for part in (coding, coding.get("_code"))]
        for part in (element, resource.get(f"_{name}"), element.get("_text"), *coded):
            extensions = mappings(mapping(part).get("extension"))
            if any(ABSENT_EXTENSION in text(extension.get("url")) for extension in extensions):
                return True
    return False


def _narrative(resource: Resource) -> str:
    written = text(mapping(resource.get("text")).get("div"))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", written)).split())


# Words: in lower case, without punctuation, accents and SNOMED's tags; each clause must be a statement of absence.

# Without one of these there is no such statement; most words have none, and are read no further.
_HINT = re.compile(r"\b(?:no|nil|not|non|without|zero|un|den|ne|do|miss|declin|refus|n\W?k|n\W?a)", re.IGNORECASE)
LONGEST = 120  # characters; what is longer tells more than that there is nothing
_TAGS = re.compile(r"\((?:situation|finding|disorder|qualifier value|context-dependent category|record artifact)\)")
_INITIALS = re.compile(r"\b[a-z](?:[./ ][a-z]){1,4}\b\.?")
_LETTERED = re.compile(r"nk[a-z]?a(?:ll)?")
_ALLERGY_WORD = re.compile(r"al{1,2}e?r?e?g\w*|sensitivit\w+|hypersensitivit\w+|intoleran\w+|reactions?|adrs?")
_KNOWN = re.compile(r"kn?o?n?w?o?n")
_NOUNS: Mapping[RecordCategory, re.Pattern[str]] = {
    ALLERGIES: _ALLERGY_WORD,
    IMMUNISATIONS: re.compile(r"immuni[sz]ations?|vaccin(?:es?|ations?)|jabs?|inoculations?"),
    PROCEDURES: re.compile(r"procedures?|surger(?:y|ies)|operations?|surgical|interventions?"),
    MEDICATIONS: re.compile(r"medic(?:ation|ine|ament)s?|meds?|drugs?|therap(?:y|ies)|treatments?|prescriptions?"),
    OTHER: re.compile(r"devices?|implants?"),
    ALERTS: re.compile(r"alerts?|warnings?|flags?"),
    PROBLEMS: re.compile(
        r"problems?|conditions?|diagnos[ei]s|diseases?|illness(?:es)?|disorders?|issues?|concerns?|comorbidit\w+|pmhx?"
        r"|disabilit\w+"
    ),
}
_KINDS: Mapping[str, re.Pattern[str]] = {
    "medication": _NOUNS[MEDICATIONS],
    "food": re.compile(r"foods?|foodstuffs?"),
    "environment": re.compile(r"environment\w*|pollens?"),
}
_NEGATIONS = frozenset("no nil nill none not zero without denies denied never neither dont doesnt negative".split())
# Words that add nothing to a statement of absence.
_PLAIN = frozenset(
    "the this a an any all of or and nor patient pt subject person he she they has have had is are was were been "
    "be being does do there with reports reported states stated say says current currently active ongoing "
    "relevant significant chronic major past previous prior regular repeat existing present confirmed identified "
    "declared personal medical clinical health history hx status now yet so far at time point moment whatsoever "
    "kind kinds use used using taking taken takes on in by adverse noted found self prescribed anything allergic "
    "suffers suffering from".split()
)
# Words that, denied, say that nothing was asked or written down, rather than that there is nothing.
_RECORDING = frozenset(
    "asked known recorded available obtained obtainable documented assessed reviewed specified stated provided "
    "supplied determined ascertained established elicited checked entered disclosed applicable listed charted "
    "information info data details detail records record entry entries file system notes documentation content "
    "held given".split()
)
_UNKNOWN = frozenset(
    "unknown unavailable undetermined undisclosed unrecorded undocumented unspecified unasked unassessed missing "
    "unk".split()
)
_UNABLE = re.compile(
    r"\b(?:unable|declined|refused|unwilling) to "
    r"(?:obtain|assess|determine|ask|answer|establish|say|disclose|provide|give|respond|communicate)\b"
)
_ON_FILE = re.compile(r"\b(?:on|in) (?:the )?(?:file|record|system|notes)\b")
_NOTHING_MORE = re.compile(r" to (?:be|anything|date)\b")
_ABOUT = frozenset("about on of for regarding concerning re to if whether".split())
_EXCEPTIONS = frozenset(
    "except excepting but apart besides however only unless though although save other than additional further".split()
)
# A thing whose cause or the like is not known is a thing all the same.
_NOT_THE_THING = frozenset(
    "cause causes reason etiology aetiology trigger triggers source primary contact cure origin precipitant".split()
)
_OF_A_KIND = re.compile(
    r"(?:(?:the )?(?:patient|pt) )?(?:(?:has|have|is|are|there) )*(?:no (?:(?:known|previous|prior|personal|past|"
    r"family|significant|current|clinical) )*(?:history|hx|evidence|signs?|symptoms?) of|no ho|no known|denies|denied|"
    r"negative for|not known to have|never had|not (?:known to be )?(?:allergic|intolerant) to) (?P<what>\w+).*"
)


def absence_in_words(*, words: str, about: RecordCategory) -> Absence | None:
    """Return what words say to be absent; None when they say anything else.

    `about`: what they are about when they do not say.
    """
    if len(words) > LONGEST or not _HINT.search(words):
        return None
    clauses = [normal_words(clause) for clause in re.split(r"[;\n]|\.(?=\s|\Z)|:\s*\Z", _joined_initials(words))]
    found = [_absence_in_clause(clause, about) for clause in clauses if clause]
    told = [one for one in found if one is not None]
    return _least(told) if told and len(told) == len(found) else None


def normal_words(words: str) -> str:
    """Return words for comparing: lower case, one space, no punctuation, no accents."""
    plain = unicodedata.normalize("NFKD", words).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"['\u2019]", "", _TAGS.sub(" ", plain))).split())


def _joined_initials(words: str) -> str:
    """Return words with "N.K.D.A." and "n/a" written as one."""
    return _INITIALS.sub(lambda found: re.sub(r"[./ ]", "", found[0]), words.casefold())


def _absence_in_clause(clause: str, about: RecordCategory) -> Absence | None:
    plain = _UNABLE.sub("not asked", _ON_FILE.sub("recorded", _NOTHING_MORE.sub("", clause)))
    words = ["known" if _KNOWN.fullmatch(word) else word for word in plain.split()]
    if words in (["na"], ["not", "applicable"]):
        return _unknown(about)
    nouns = [category for word in words for category, noun in _NOUNS.items() if noun.fullmatch(word)]
    if any(_LETTERED.fullmatch(word) for word in words):
        return _lettered(words) if not _remaining(words, nouns_too=True) else None
    about = ALLERGIES if ALLERGIES in nouns or "allergic" in words else nouns[0] if nouns else about
    denied = bool(_NEGATIONS.intersection(words))
    silent = bool(_UNKNOWN.intersection(words)) or (denied and bool((_RECORDING - {"known"}).intersection(words)))
    silent = silent or " ".join(words).endswith("not known") or " ".join(words[:3]) == "never known"
    if silent:
        return _unknown(about) if _only_silent(words, nouns) else None
    if not denied:
        return None
    remaining = _remaining(words, nouns_too=True)
    if _EXCEPTIONS.intersection(words):
        return _some(about) if not remaining - _EXCEPTIONS else None
    kinds = [kind for kind, noun in _KINDS.items() for word in words if noun.fullmatch(word)]
    if about is ALLERGIES and nouns and _names_a_kind(words):
        return _some(ALLERGIES, kinds[0] if len(set(kinds)) == 1 and not remaining - {"to"} else "")
    if not remaining:
        return _none(about)
    matched = None if ALLERGIES in nouns else _OF_A_KIND.fullmatch(" ".join(words))
    return _some(about) if matched and matched["what"] not in _NOT_THE_THING else None


def _lettered(words: list[str]) -> Absence:
    """NKA denies all allergies, NKDA those to drugs, and so on."""
    kinds = {"nkda": "medication", "nkma": "medication", "nkfa": "food", "nkea": "environment"}
    letters = next(word for word in words if _LETTERED.fullmatch(word))
    return _none(ALLERGIES) if letters in {"nka", "nkall"} else _some(ALLERGIES, kinds.get(letters, ""))


def _remaining(words: Iterable[str], *, nouns_too: bool) -> set[str]:
    """Return the words that a statement of absence does not need."""
    return {
        word
        for word in words
        if word not in _PLAIN | _NEGATIONS | {"known"}
        and not _LETTERED.fullmatch(word)
        and not (nouns_too and any(noun.fullmatch(word) for noun in [*_NOUNS.values(), *_KINDS.values()]))
    }


def _only_silent(words: list[str], nouns: list[RecordCategory]) -> bool:
    """Return whether nothing is told but that something is not known or was not asked.

    "Unknown allergy" and "unknown drug" may well be a thing that is there, so that they are not.
    """
    if words[0] in _UNKNOWN and nouns:
        told_of = {"allergies", "intolerances", "sensitivities", "status", "history", "reactions"}
        return not _remaining(words[1:], nouns_too=True) and bool(told_of.intersection(words))
    start = next((place for place, word in enumerate(words) if word in _ABOUT and place > 0), len(words))
    if _remaining(words[:start], nouns_too=True) - _RECORDING - _UNKNOWN - {"but", "temporarily"}:
        return False
    if start == len(words):
        return True
    # "No information about latex allergy": what follows only says about what. "Allergy to unknown drug" is a thing.
    return bool((_RECORDING | _UNKNOWN).intersection(words[:start])) and not _ALLERGY_WORD.fullmatch(words[0])


def _names_a_kind(words: list[str]) -> bool:
    """Return whether "no ... allergies" or "no allergies to ..." says which; few words may stand between."""
    last = max(place for place, word in enumerate(words) if _ALLERGY_WORD.fullmatch(word))
    first = next(place for place, word in enumerate(words) if _ALLERGY_WORD.fullmatch(word))
    between = _remaining(words[:first], nouns_too=False) | _remaining(words[first:last], nouns_too=False)
    between = {word for word in between if not _ALLERGY_WORD.fullmatch(word)} - {"to"}
    after = words[last + 1 :]
    if after[:1] in (["to"], ["from"]):
        return words[0] in _NEGATIONS | _PLAIN and len(after) <= 8
    return 0 < len(between) <= 4 and words[0] in _NEGATIONS | _PLAIN and not _remaining(after, nouns_too=False)
