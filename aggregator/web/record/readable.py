"""A source's copy of a resource as a person reads it: labels and values, everything that was sent. Pure.

Nothing is hidden: what is not drawn, such as the bytes of a document, is counted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.record.extensions import plain_name
from aggregator.record.reading import Resource, quantity_text
from aggregator.web import wording
from fhir_data.access import JsonObject

DEEPEST = 12  # levels of fields within fields
LONGEST_VALUE = 20_000  # characters
MOST_FIELDS = 4_000  # per copy
FIELD_WEIGHT = 70  # bytes of markup per field
MOST_WEIGHT = 150_000  # bytes of HTML per copy

# How people call the systems that codes and identifiers are of.
SYSTEM_NAMES: Mapping[str, str] = {
    "http://snomed.info/sct": "SNOMED CT",
    "https://dmd.nhs.uk": "dm+d",
    "http://loinc.org": "LOINC",
    "http://unitsofmeasure.org": "UCUM",
    "http://read.info/readv2": "Read v2",
    "http://read.info/ctv3": "Read CTV3",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "urn:iso:std:iso:3166": "ISO 3166",
    "urn:ietf:bcp:47": "BCP 47",
    "urn:ietf:rfc:3986": "URI",
    "https://tools.ietf.org/html/rfc4122": "UUID",
    "https://fhir.nhs.uk/Id/nhs-number": "NHS number",
    "https://fhir.nhs.uk/Id/ods-organization-code": "ODS code",
    "https://fhir.nhs.uk/Id/ods-site-code": "ODS site code",
    "https://fhir.nhs.uk/Id/sds-user-id": "SDS user id",
    "https://fhir.nhs.uk/Id/sds-role-profile-id": "SDS role profile id",
    "https://fhir.hl7.org.uk/Id/gmc-number": "GMC number",
    "https://fhir.hl7.org.uk/Id/gmp-number": "GMP number",
    "https://fhir.hl7.org.uk/Id/emis-drug-codes": "EMIS drug code",
    "https://fhir.hl7.org.uk/Id/egton-codes": "Egton code",
    "https://fhir.hl7.org.uk/Id/multilex-drug-codes": "Multilex drug code",
    "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes": "Gemscript drug code",
}
# Where these publishers' systems are, the last part of the address is a name.
_PUBLISHED = re.compile(r"https?://(?:terminology\.)?(?:hl7\.org|fhir\.hl7\.org\.uk|fhir\.nhs\.uk)/", re.IGNORECASE)
# Elements that say how a resource is kept, and not what it says; they come last.
_LAST = ("identifier", "meta", "implicitRules", "language", "text", "id", "contained")
_NOT_DRAWN = frozenset({"div"})  # the narrative: markup, which says again what the fields say
_CHOICES = ("CodeableConcept", "Reference", "DateTime", "Quantity", "String", "Boolean", "Integer")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?\Z", re.ASCII)
_NAMES = frozenset({"resourceType", "type", "code", "value", "id", "version"})  # never a date, whatever they look like
_CONCEPT = frozenset({"coding", "text"})
_CODING = frozenset({"system", "code", "display"})
_BESIDE = frozenset({"version", "userSelected", "id", "extension", "_text", "_display"})
_QUANTITY = frozenset({"value", "comparator", "unit", "system", "code"})
_PERIOD = frozenset({"start", "end"})
_IDENTIFIER = frozenset({"system", "value"})
_REFERENCE = frozenset({"reference", "display"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One label with its value, or with the fields that stand under it, or both."""

    label: str
    value: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadableCopy:
    """A copy as fields. `hidden` counts the values that are only in the JSON."""

    fields: tuple[Field, ...]
    hidden: int


def readable(
    *, resource: Resource, first: Sequence[str] = (), name_of: Callable[[str], str] = lambda _: ""
) -> ReadableCopy:
    """Return a resource as a person reads it.

    `first` are the elements that come first, as its type says; the rest follows as sent, and how it is kept comes last.
    `name_of` returns what a reference leads to, "" where that is not known.
    """
    reader = _Reader(name_of=name_of)
    return ReadableCopy(fields=reader.fields(_ordered(resource, first), depth=0), hidden=reader.hidden)


def words_of(*, name: str) -> str:
    """Return the name of an element in words: `recordedDate` as Recorded date, `valueQuantity` as Value."""
    if name.startswith("value") and name[5:6].isupper():
        return "Value"
    for choice in _CHOICES:
        if name.endswith(choice) and name != choice:
            name = name.removesuffix(choice)
            break
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(name)]
    phrase = " ".join(words) or name
    return phrase[:1].upper() + phrase[1:]


def system_name(*, system: str) -> str:
    """Return how people call a system of codes or identifiers; its address where no name is known."""
    if system in SYSTEM_NAMES:
        return SYSTEM_NAMES[system]
    if _PUBLISHED.match(system):
        return words_of(name=plain_name(url=system))
    return system


def _ordered(resource: Resource, first: Iterable[str]) -> Mapping[str, object]:
    names = dict.fromkeys(("resourceType", *first))
    names.update(dict.fromkeys(name for name in resource if name not in _LAST and name.lstrip("_") not in _LAST))
    names.update(dict.fromkeys(each for name in _LAST for each in (name, f"_{name}")))
    # What a value of one element has besides is told right after it.
    following = [each for name in names for each in (name, f"_{name}")]
    return {name: resource[name] for name in dict.fromkeys(following) if name in resource}


@dataclass(kw_only=True)
class _Reader:
    """Reads one copy, and counts what it leaves out."""

    name_of: Callable[[str], str]
    hidden: int = 0
    drawn: int = 0
    weight: int = 0

    def fields(self, members: Mapping[str, object], *, depth: int) -> tuple[Field, ...]:
        fields: list[Field] = []
        for name, value in members.items():
            fields.extend(self._member(name, value, depth))
        return tuple(fields)

    def _member(self, name: str, value: object, depth: int) -> list[Field]:
        if name in ("extension", "modifierExtension"):
            return [made for extension in _list(value) for made in self._extension(extension, depth)]
        label = f"{words_of(name=name[1:])} (more)" if name.startswith("_") else words_of(name=name)
        if name in _NOT_DRAWN or (name == "data" and isinstance(value, str)):
            self.hidden += _leaves(value)
            return []
        if not isinstance(value, list):
            return self._single(label, name, value, depth)
        if all(not isinstance(element, (dict, list)) for element in value):
            return self._plain(label, name, value)
        numbered = len(value) > 1
        return [
            made
            for number, element in enumerate(value, 1)
            for made in self._single(f"{label} {number}" if numbered else label, name, element, depth)
        ]

    def _plain(self, label: str, name: str, values: Sequence[object]) -> list[Field]:
        words = [self._scalar(name, value) for value in values]
        return self._made(label, "; ".join(words), (), values) if words else []

    def _single(self, label: str, name: str, value: object, depth: int) -> list[Field]:
        if isinstance(value, dict):
            if depth >= DEEPEST:
                self.hidden += _leaves(value)
                return []
            words, rest = self._summary(value)
            return self._made(label, words, self.fields(_ordered_within(rest), depth=depth + 1), value)
        if isinstance(value, list):
            return self._member(name, value, depth) if depth < DEEPEST else self._left_out(value)
        return self._made(label, self._scalar(name, value), (), value)

    def _made(self, label: str, words: str, fields: tuple[Field, ...], value: object) -> list[Field]:
        if not words and not fields:
            return []
        weight = weight_of(fields=[Field(label=label, value=words)])
        is_full = self.drawn >= MOST_FIELDS or self.weight + weight > MOST_WEIGHT
        if is_full or len(words) > LONGEST_VALUE:
            return self._left_out(value) if not fields else [Field(label=label, fields=fields)]
        self.drawn += 1
        self.weight += weight
        return [Field(label=label, value=words, fields=fields)]

    def _left_out(self, value: object) -> list[Field]:
        self.hidden += _leaves(value)
        return []

    def _extension(self, extension: object, depth: int) -> list[Field]:
        if not isinstance(extension, dict) or not isinstance(extension.get("url"), str):
            return self._single("Extension", "extension", extension, depth)
        label = words_of(name=plain_name(url=extension["url"]))
        members = {name: value for name, value in extension.items() if name != "url"}
        made = self.fields(members, depth=depth + 1) if depth < DEEPEST else ()
        if depth >= DEEPEST:
            self.hidden += _leaves(members)
        if len(made) == 1 and made[0].label == "Value":
            return [Field(label=label, value=made[0].value, fields=made[0].fields)]
        return [Field(label=label, fields=made)] if made else self._made(label, "Stated, without a value", (), "")

    def _summary(self, value: JsonObject) -> tuple[str, Mapping[str, object]]:
        """Return a structure that is read at once in words, and the members that these words do not say."""
        names = set(value)
        if names == {"text"} and isinstance(value["text"], str):
            return value["text"], {}
        if "coding" in names and names <= _CONCEPT | _BESIDE:
            return self._concept(value)
        if names & {"code", "display"} and names <= _CODING | _BESIDE:
            return self._coding(value)
        if "value" in names and names & {"unit", "code", "comparator"} and names <= {*_QUANTITY, "extension"}:
            return self._quantity(value)
        if names & _PERIOD and names <= _PERIOD and all(isinstance(end, str) for end in value.values()):
            ends = {name: wording.sent_date(str(end)) for name, end in value.items()}
            start, end = ends.get("start", ""), ends.get("end", "")
            words = f"{start} to {end}" if start and end else f"from {start}" if start else f"until {end}"
            return words, {}
        if "value" in names and names <= _IDENTIFIER and all(isinstance(part, str) for part in value.values()):
            system = value.get("system")
            return f"{value['value']} ({system_name(system=system)})" if system else str(value["value"]), {}
        if "reference" in names and isinstance(value["reference"], str):
            return self._reference(value)
        return "", value

    def _concept(self, value: JsonObject) -> tuple[str, Mapping[str, object]]:
        """Return the text of a concept with its codings after it, each with its system by name."""
        codings = value["coding"]
        if not isinstance(codings, list) or not all(isinstance(coding, dict) for coding in codings):
            return "", value
        read = [self._coding(coding) for coding in codings]
        text = value.get("text")
        words = [text] if isinstance(text, str) and text else []
        words.extend(said for said, _ in read if said)
        rest: dict[str, object] = {name: each for name, each in value.items() if name not in _CONCEPT}
        if text is not None and not isinstance(text, str):
            rest["text"] = text
        rest["coding"] = [more for _, more in read if more]
        return "; ".join(words), rest

    def _coding(self, coding: JsonObject) -> tuple[str, Mapping[str, object]]:
        in_words = {name: coding[name] for name in _CODING if isinstance(coding.get(name), str) and coding[name]}
        system = system_name(system=in_words["system"]) if "system" in in_words else ""
        name = " ".join(part for part in (system, in_words.get("code", "")) if part)
        display = in_words.get("display", "")
        words = f"{display} ({name})" if display and name else display or name
        rest = {member: value for member, value in coding.items() if member not in in_words}
        if rest.get("userSelected") is True:
            words, rest = f"{words}, chosen by the user", {k: v for k, v in rest.items() if k != "userSelected"}
        return words, rest

    def _quantity(self, value: JsonObject) -> tuple[str, Mapping[str, object]]:
        in_words = {name for name in _QUANTITY if isinstance(value.get(name), str)}
        words = quantity_text(value)
        if "value" not in in_words or not words:
            return "", value
        unit, code, system = (str(value.get(name) or "") for name in ("unit", "code", "system"))
        if system or (code and unit and code != unit):
            of = " ".join(part for part in (system_name(system=system) if system else "", code) if part)
            words = f"{words} ({of})"
        return words, {name: each for name, each in value.items() if name not in in_words}

    def _reference(self, value: JsonObject) -> tuple[str, Mapping[str, object]]:
        reference, display = value["reference"], value.get("display")
        name = display if isinstance(display, str) and display else self.name_of(reference)
        in_words = {"reference", "display"} if isinstance(display, str) else {"reference"}
        words = f"{name} ({reference})" if name else reference
        return words, {member: each for member, each in value.items() if member not in in_words}

    def _scalar(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        words = str(value)
        if name == "resourceType":
            return words_of(name=words)
        if name == "system":
            return system_name(system=words)
        return wording.sent_date(words) if name not in _NAMES and _DATE.match(words) else words


def _ordered_within(members: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in members.items() if value not in ({}, [], None)}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _leaves(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_leaves, value))
    return value is not None


def weight_of(*, fields: Iterable[Field]) -> int:
    """Return roughly how many bytes of HTML fields take."""
    return sum(
        FIELD_WEIGHT + len(html.escape(each.label + each.value).encode()) + weight_of(fields=each.fields)
        for each in fields
    )
