"""What a source says of the patient beside who it is: language, contacts, practice, former names, addresses. Pure.

Read from the Patient as its source sent it, in R4 or STU3, whatever is at fault in it. A patient whose details are
restricted must not be found by them: where they live, how they are reached and who knows it is never told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from aggregator.record.reading import concept_text, period_text, words_in
from fhir_data.access import JsonObject, listed, mapping, mappings, text, texts
from fhir_data.confidentiality import restricts
from fhir_data.labels import Label, labels_in
from fhir_data.parsing import read_by_member

MOST_LINES = 100


class PatientLabel(StrEnum):
    """What a line about the patient tells."""

    LANGUAGE = "Language"
    INTERPRETER = "Interpreter"
    CONTACT = "Contact"
    GP = "GP"
    PRACTICE = "Registered with"
    NAME = "Name"
    FORMER_NAME = "Former name"
    ADDRESS = "Address"
    FORMER_ADDRESS = "Former address"
    TELECOM = "Telephone and email"
    MARITAL_STATUS = "Marital status"
    FURTHER = "Also sent"


@dataclass(frozen=True, kw_only=True)
class PatientDetails:
    """What one source says of the patient, as (label, words). `is_restricted`: it marks the patient's details so."""

    source_id: str
    lines: tuple[tuple[PatientLabel, str], ...]
    is_restricted: bool = False


Find = Callable[[str], JsonObject]


def labels_of_patient(*, patient: bytes) -> tuple[Label, ...]:
    """Return the security labels of a Patient as sent, of whatever in it can be read."""
    return labels_in(_readable(patient)[0])


def is_restricted(*, patient: bytes) -> bool:
    """Return whether a Patient as sent is marked as restricted, or cannot be shown not to be.

    Source: HL7 v3 Confidentiality; the Personal Demographics Service marks a sensitive patient so.
    """
    sent, lost = _readable(patient)
    return "meta" in lost or _hides_a_label(sent) or any(restricts(label) for label in labels_in(sent))


def details_of_patient(*, patient: bytes, source_id: str, find: Find, restricted: bool) -> PatientDetails:
    """Return what a Patient as sent says. `find` returns what a reference leads to, an empty mapping for nothing."""
    sent, _ = _readable(patient)
    lines = [line for line in _lines(sent, find) if line[1] and not (restricted and line[0] in _TELLS_WHERE)]
    return PatientDetails(source_id=source_id, lines=tuple(dict.fromkeys(lines))[:MOST_LINES], is_restricted=restricted)


def _readable(patient: bytes) -> tuple[JsonObject, list[str]]:
    return read_by_member(entry=patient) or ({}, ["meta"])


def _hides_a_label(sent: JsonObject) -> bool:
    meta = sent.get("meta")
    security = mapping(meta).get("security")
    return (
        not isinstance(meta, dict | None)
        or not isinstance(security, list | None)
        or any(not isinstance(label, dict) or not isinstance(label.get("code"), str) for label in security or ())
    )


_TELLS_WHERE = frozenset(
    {
        PatientLabel.CONTACT,
        PatientLabel.GP,
        PatientLabel.PRACTICE,
        PatientLabel.ADDRESS,
        PatientLabel.FORMER_ADDRESS,
        PatientLabel.TELECOM,
        PatientLabel.FURTHER,
    }
)


def _lines(sent: JsonObject, find: Find) -> Iterator[tuple[PatientLabel, str]]:
    yield from _languages(sent)
    for contact in listed(sent.get("contact")):
        yield PatientLabel.CONTACT, _contact(contact)
    for reference in listed(sent.get("generalPractitioner")):
        yield PatientLabel.GP, _named(reference, find)
    for reference in listed(sent.get("managingOrganization")):
        yield PatientLabel.PRACTICE, _named(reference, find)
    for name in listed(sent.get("name")):
        former = mapping(name).get("use") in ("old", "maiden")
        yield PatientLabel.FORMER_NAME if former else PatientLabel.NAME, _with_use(_name(name), name)
    for address in listed(sent.get("address")):
        former = mapping(address).get("use") == "old"
        yield PatientLabel.FORMER_ADDRESS if former else PatientLabel.ADDRESS, _with_use(_address(address), address)
    for telecom in listed(sent.get("telecom")):
        yield PatientLabel.TELECOM, _with_use(words_in(mapping(telecom).get("value") or telecom), telecom)
    yield PatientLabel.MARITAL_STATUS, concept_text(sent.get("maritalStatus")) or words_in(sent.get("maritalStatus"))
    for name, value in sent.items():
        if name not in _TOLD and (words := words_in(value)):
            yield PatientLabel.FURTHER, f"{name}: {words}"
    for extension in mappings(listed(sent.get("extension"))):
        url = text(extension.get("url"))
        if not _is_about_language(url) and (words := words_in(_without_url(extension))):
            yield PatientLabel.FURTHER, f"{url.rpartition('/')[2]}: {words}"


# Told above, by the banner, or no words for a reader.
_TOLD = frozenset(
    "resourceType id meta text contained photo implicitRules extension identifier communication contact"
    " generalPractitioner managingOrganization name address telecom maritalStatus".split()
)


def _languages(sent: JsonObject) -> Iterator[tuple[PatientLabel, str]]:
    """Yield languages, and whether an interpreter is needed, be it as an element or as an extension.

    Source: FHIR R4 and STU3, Patient.communication; UK Core and Care Connect, NHSCommunication; FHIR extensions,
    patient-interpreterRequired.
    """
    interpreters: list[object] = []
    languages: list[str] = []
    for communication in listed(sent.get("communication")):
        language = mapping(communication).get("language")
        words = concept_text(language) or words_in(language or communication)
        languages.append(_preferred(words, mapping(communication).get("preferred")))
        for extension in mappings(listed(mapping(communication).get("extension"))):
            interpreters.extend(_interpreters(extension))
    for extension in mappings(listed(sent.get("extension"))):
        if _is_about_language(text(extension.get("url"))):
            interpreters.extend(_interpreters(extension))
            languages.append(_spoken(extension))
    for words in dict.fromkeys(languages):
        yield PatientLabel.LANGUAGE, words
    for value in dict.fromkeys(words_in(value) for value in interpreters):
        said = {"true": "An interpreter is needed", "false": "No interpreter is needed"}
        yield PatientLabel.INTERPRETER, said.get(value.casefold(), value)


def _is_about_language(url: str) -> bool:
    return "NHSCommunication" in url or "NhsCommunication" in url or "interpreterRequired" in url


def _interpreters(extension: JsonObject) -> Iterator[object]:
    parts = mappings(listed(extension.get("extension")))
    for part in (extension, *parts):
        if "interpreterRequired" in text(part.get("url")):
            yield _value(part)


def _spoken(extension: JsonObject) -> str:
    """Return the language of an NHSCommunication with how it is used."""
    parts = [(text(part.get("url")), _value(part)) for part in mappings(listed(extension.get("extension")))]
    language = next((concept_text(value) or words_in(value) for url, value in parts if url == "language"), "")
    how = [concept_text(value) or words_in(value) for url, value in parts if url in _WAYS]
    words = f"{language} ({', '.join(dict.fromkeys(how))})" if language and how else language
    return _preferred(words, next((value for url, value in parts if url == "preferred"), None))


_WAYS = frozenset({"modeOfCommunication", "communicationProficiency"})


def _preferred(words: str, preferred: object) -> str:
    return f"{words}, preferred" if words and preferred is True else words


def _value(extension: JsonObject) -> object:
    return next((value for name, value in extension.items() if name.startswith("value")), None)


def _without_url(extension: JsonObject) -> object:
    return [value for name, value in extension.items() if name != "url"]


def _contact(contact: object) -> str:
    sent = mapping(contact)
    relations = [concept_text(relation) or words_in(relation) for relation in listed(sent.get("relationship"))]
    telecoms = [_with_use(words_in(mapping(way).get("value") or way), way) for way in listed(sent.get("telecom"))]
    parts = [_name(sent.get("name")), ", ".join(filter(None, relations)), *telecoms, _address(sent.get("address"))]
    return "; ".join(filter(None, parts)) or words_in(contact)


def _named(sent: object, find: Find) -> str:
    """Return whom a reference names, by its own words or by those of what it leads to."""
    reference = mapping(sent)
    literal = text(reference.get("reference"))
    meant = find(literal) if literal else {}
    names = [_name(name) for name in listed(meant.get("name"))]
    if words := text(reference.get("display")) or next(filter(None, names), ""):
        return words
    return text(mapping(reference.get("identifier")).get("value")) or words_in(sent)


def _name(name: object) -> str:
    parts = mapping(name)
    written = [*texts(listed(parts.get("prefix"))), *texts(listed(parts.get("given"))), text(parts.get("family"))]
    return " ".join(filter(None, written)) or text(parts.get("text")) or words_in(name)


def _address(address: object) -> str:
    parts = mapping(address)
    lines = [*texts(listed(parts.get("line"))), *(text(parts.get(name)) for name in _PLACES)]
    return ", ".join(filter(None, lines)) or text(parts.get("text")) or words_in(address)


_PLACES = ("city", "district", "state", "postalCode", "country")


def _with_use(words: str, element: object) -> str:
    """Return words with what they are used for, and when."""
    parts = mapping(element)
    said = [text(parts.get("use")), period_text(parts.get("period"))]
    use = ", ".join(filter(None, said))
    return f"{words} ({use})" if words and use else words
