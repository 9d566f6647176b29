"""Statements that there is nothing, or that nothing is known: claims of their own, and never a finding. Pure.

"No known allergies" denies; "not asked" neither denies nor finds. Both come as a code, as words alone, or as an element
that says only why it is empty. When a statement can be read in two ways, the one that claims less is taken; what names
a thing beside it is read as a claim.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from aggregator.record.absence import Absence, AbsenceKind, least_claimed
from aggregator.record.absence_words import absence_in_words, normal_words
from aggregator.record.categories import SECTIONS, owner_of, type_rules
from aggregator.record.placeholders import LOST_ALLERGY_CODES, Placeholder, placeholder
from aggregator.record.reading import Resource, codings, note_texts
from aggregator.record.rules import AbsenceElements
from connectors.contract.categories import RecordCategory
from fhir_data.access import mapping, mappings, text

ABSENCE_CODES: Mapping[str, Absence] = {
    code: absence for rules in SECTIONS if rules.absence for code, absence in rules.absence.codes.items()
}
# Beside these the words say what is meant.
UNSPECIFIC_CODES: frozenset[str] = frozenset().union(
    *(rules.absence.unspecific_codes for rules in SECTIONS if rules.absence)
)
# What a resource says besides its code, so that one with an empty code still tells that something was the case.
TELLING_ELEMENTS = (
    "reaction dosage dosageInstruction lotNumber manufacturer bodySite site protocolApplied evidence stage severity "
    "occurrenceDateTime performedDateTime performedPeriod onsetDateTime onsetPeriod onsetAge doseQuantity quantity"
).split()
ABSENT_EXTENSION = "data-absent-reason"


def absence_of(*, resource: Resource, elsewhere: Iterable[object] = ()) -> Absence | None:
    """Return what a resource says to be absent; None when it claims something.

    `elsewhere` are the concepts that say what it is about outside its own elements, such as the code of its medicine.
    """
    resource_type = text(resource.get("resourceType"))
    elements = type_rules(resource_type=resource_type).absence
    about = owner_of(resource_type=resource_type)
    if elements is None or about is None:
        return None
    own = [*(resource[name] for name in elements.names if name in resource), *elements.within(resource)]
    if elements.by_code_alone:
        return _coded(own)
    concepts = [*own, *elsewhere]
    coded, denies = _coded(concepts), elements.denies(resource)
    if not coded and not denies and _names_a_concept(concepts, about):
        return None  # as most do; its words are read no further
    said = list(_said(concepts, about))
    if _Said.LOST in said or {_Said.CONCEPT, _Said.WORDS} & set(_said(elements.evidence(resource), about)):
        return None
    if coded:
        # Of another kind of content than its own, a code says nothing to words that name a thing.
        named = _Said.CONCEPT in said or (coded.about is not about and _named_in_words(concepts, about))
        return None if named else coded
    if denies:
        return Absence(kind=AbsenceKind.NONE_OF_A_KIND, about=about)
    if _Said.CONCEPT in said or _Said.WORDS in said:
        return None
    if worded := [absence for absence in said if isinstance(absence, Absence)]:
        return least_claimed(*worded)
    if any(resource.get(name) for name in TELLING_ELEMENTS):
        return None
    remaining = "" if said else _narrative(resource) or note_texts(resource.get("note"))
    if remaining:
        return absence_in_words(words=remaining, about=about)
    if _Said.SILENCE in said or _says_why_it_is_empty(resource, elements):
        return Absence(kind=AbsenceKind.NO_INFORMATION, about=about)
    return None


class _Said(StrEnum):
    CONCEPT = "concept"  # a code whose meaning is shared, and which names a thing
    WORDS = "words"  # words that name a thing
    LOST = "lost"  # a code that was lost, and whose thing is one all the same
    SILENCE = "silence"
    NOTHING = "nothing"  # a code that names nothing, or a local one without words


def _coded(concepts: Iterable[object]) -> Absence | None:
    absences = [ABSENCE_CODES[code] for concept in concepts for _, code, _ in codings(concept) if code in ABSENCE_CODES]
    return least_claimed(*absences) if absences else None


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
        return _Said.LOST
    if code in ABSENCE_CODES or code in UNSPECIFIC_CODES:
        return _Said.NOTHING
    unnamed = placeholder(code=code, display=display)
    if unnamed is Placeholder.SILENT:
        return _Said.SILENCE
    if unnamed is Placeholder.UNNAMED:
        return _Said.NOTHING
    if absent := absence_in_words(words=display or code, about=about):
        return absent
    if any(name in system.lower() for name in ("snomed", "dmd.nhs.uk", "loinc")) and code:
        return _Said.CONCEPT
    return _Said.WORDS if display else _Said.NOTHING


def _said_in_words(words: str, about: RecordCategory) -> _Said | Absence:
    plain = normal_words(words)
    if placeholder(code=plain) is Placeholder.SILENT:
        return _Said.SILENCE
    return absence_in_words(words=words, about=about) or (_Said.WORDS if plain else _Said.NOTHING)


def _says_why_it_is_empty(resource: Resource, elements: AbsenceElements) -> bool:
    for name in elements.names:
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
