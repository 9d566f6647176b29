"""Whose an entry is, by an allow-list. Pure.

An entry of a type in FHIR's Patient compartment is the patient's only if its subject resolves to the Patient whom the
answer is about. One that names somebody else, or in a way that does not show whom it names, is somebody else's.

Source: FHIR R4 CompartmentDefinition "patient", of each type the members that say whose it is (not those that say who
performed or recorded it); FHIR R4, References, and Bundle, "Resolving references in Bundles".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from fhir_data.access import JsonObject, listed, mapping, mappings, text
from fhir_data.compartment import AMONG_OTHERS, ANY_MEMBER, COMPARTMENT, MAY_NAME_NOBODY, MEMBERS
from fhir_data.flaws import UNKNOWN_FIELD
from fhir_data.identifiers import identifiers_of, is_nhs_number, nhs_numbers_of, token_of
from fhir_data.references import (
    base_of,
    looks_like_a_patient,
    relative_name,
    split_absolute,
    uuid_of,
    without_version,
)

# A resource of these members alone says of nobody that it is theirs.
_SAYS_NOTHING = frozenset({"resourceType", "id"})


class Belonging(StrEnum):
    """OURS: its subject is the answer's. SUPPORTING: its type belongs to nobody. UNNAMED: it does not say whose it is.
    OTHER: it names somebody else, or nothing shows that it does not."""

    OURS = "ours"
    SUPPORTING = "supporting"
    UNNAMED = "unnamed"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`member` is where an OTHER names whom it is about; `references` are those that mean the subject, as written."""

    belonging: Belonging
    member: str = ""
    references: tuple[str, ...] = ()


class PlacedResource(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A resource and the `fullUrl` that it was sent under, "" for none. `at_fault` are its members that hold a flaw."""

    resource: JsonObject
    full_url: str = ""
    at_fault: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The server that it is on, "" where its `fullUrl` does not say."""
        if not self.full_url or not self.full_url.startswith(("http://", "https://")):
            return ""
        usual = f"/{self.resource.get('resourceType')}/{self.resource.get('id')}"
        if self.full_url.endswith(usual):
            return self.full_url.removesuffix(usual)
        return base_of(full_url=self.full_url)

    @property
    def contained(self) -> Sequence[JsonObject]:
        """The resources that it holds inside it."""
        return mappings(self.resource.get("contained"))


def members_that_say_whose(*, kind: str) -> tuple[str, ...]:
    """Return the members of a type that `Ownership` looks at, beside the type and the id, where none holds a flaw."""
    within = (path.partition(".")[0] for path in AMONG_OTHERS.get(kind, ()))
    return ("contained", *MEMBERS.get(kind, ANY_MEMBER), *within)


class Ownership:
    """Decides whose each entry of one answer is.

    `subject` is the Patient that the answer is about, `patients` every Patient in the answer that can be read; each is
    known by being the same object. `unread`: there are further Patients that cannot be read. `bases` are the
    addresses by which the server that was asked calls itself; a file has none but those of its `fullUrl`s.
    """

    def __init__(
        self,
        *,
        subject: PlacedResource,
        patients: Sequence[PlacedResource],
        unread: bool = False,
        bases: Iterable[str] = (),
    ) -> None:
        self._subject = subject.resource
        self._identifiers = identifiers_of(subject.resource)
        self._numbers = nhs_numbers_of(subject.resource)
        self._unread = unread
        self._seen: dict[tuple[str, str, str], Finding] = {}
        own = base_of(full_url=subject.full_url)
        self._bases = frozenset(base.rstrip("/") for base in (*bases, own) if base)
        self._named: dict[str, list[JsonObject]] = {}
        for patient in (subject, *(patient for patient in patients if patient is not subject)):
            for name in self._names(patient):
                self._named.setdefault(name, []).append(patient.resource)
        ours = self._certain({*self._linked_names(subject), *self._names(subject)})
        self._others = [
            patient for patient in patients if patient is not subject and ours.isdisjoint(self._names(patient))
        ]
        for patient in patients:  # a linked Patient's other names are the subject's as well
            if not self._is_other(patient):
                ours |= self._certain(self._names(patient))
        self._ours = frozenset(ours)
        self._other_ids = frozenset(f"Patient/{patient.resource.get('id')}" for patient in self._others)

    def of(self, *, entry: PlacedResource) -> Finding:
        """Return whose an entry is. Where the answer holds a second Patient, one that names nobody may be anybody's."""
        if _is_patient(entry.resource):
            belonging = Belonging.OTHER if self._is_other(entry) else Belonging.SUPPORTING
            return Finding(belonging=belonging, member="Patient")
        finding = self._of(entry)
        if finding.belonging is Belonging.UNNAMED and (self._others or self._unread):
            return Finding(belonging=Belonging.OTHER, member="names no patient")
        return finding

    def _is_other(self, patient: PlacedResource) -> bool:
        return any(patient is other for other in self._others)

    def _of(self, entry: PlacedResource) -> Finding:
        kind = str(entry.resource.get("resourceType", ""))
        reference = "" if entry.at_fault else _only_reference(resource=entry.resource, kind=kind)
        if not reference and (entry.at_fault or not entry.resource.keys() <= _SAYS_NOTHING):
            return self._examine(entry=entry, kind=kind)
        # Most entries name the patient in the same way, or nobody at all, so it is looked up once.
        spelling = (kind, reference, entry.base)
        finding = self._seen.get(spelling)
        if finding is None:
            finding = self._seen[spelling] = self._examine(entry=entry, kind=kind)
        return finding

    def _examine(self, *, entry: PlacedResource, kind: str) -> Finding:
        if member := self._foreign_within(entry):
            return Finding(belonging=Belonging.OTHER, member=member)
        findings = [
            *self._whole_members(kind=kind, entry=entry),
            *self._among_others(kind=kind, entry=entry),
            *self._where_none_belongs(kind=kind, entry=entry),
        ]
        for member, finding in findings:
            if finding.belonging is Belonging.OTHER:
                return Finding(belonging=Belonging.OTHER, member=member)
        references = tuple(reference for _, finding in findings for reference in finding.references)
        if any(finding.belonging is Belonging.OURS for _, finding in findings):
            return Finding(belonging=Belonging.OURS, references=references)
        if kind in COMPARTMENT and kind not in MAY_NAME_NOBODY:
            return Finding(belonging=Belonging.UNNAMED)
        return Finding(belonging=Belonging.SUPPORTING)

    def _whole_members(self, *, kind: str, entry: PlacedResource) -> Iterator[tuple[str, Finding]]:
        if kind in AMONG_OTHERS:
            return
        for member in MEMBERS.get(kind, ANY_MEMBER):
            for reference in listed(entry.resource.get(member)):
                if reference is not None:
                    yield member, self._resolve(reference=reference, entry=entry)

    def _among_others(self, *, kind: str, entry: PlacedResource) -> Iterator[tuple[str, Finding]]:
        for path in AMONG_OTHERS.get(kind, ()):
            for reference in _values_at(value=entry.resource, path=path.split(".")):
                if self._names_a_patient(reference=reference, entry=entry):
                    yield path, self._resolve(reference=reference, entry=entry)

    def _where_none_belongs(self, *, kind: str, entry: PlacedResource) -> Iterator[tuple[str, Finding]]:
        """Yield whom an entry names where the standard has nobody: it may be somebody else, and never the subject."""
        for member in entry.at_fault:
            if member in MEMBERS.get(kind, ANY_MEMBER):
                continue  # it has been looked at
            value = entry.resource.get(member)
            if member.strip("_").casefold() in ANY_MEMBER:
                named = [reference for reference in listed(value) if reference is not None]
            else:
                named = [part for part in _objects_in(value) if self._names_a_patient(reference=part, entry=entry)]
            for reference in named:
                finding = self._resolve(reference=reference, entry=entry)
                if finding.belonging is Belonging.OTHER:
                    yield UNKNOWN_FIELD, finding

    def _foreign_within(self, entry: PlacedResource) -> str:
        """Return where an entry contains somebody else, "" when it does not."""
        patients = [resource for resource in entry.contained if _is_patient(resource)]
        if any(_differ(nhs_numbers_of(patient), self._numbers) for patient in patients):
            return "contained"
        for resource in entry.contained:
            if _is_patient(resource):
                continue
            inner = PlacedResource(resource={**resource, "contained": patients}, full_url=entry.full_url)
            if self._of(inner).belonging is Belonging.OTHER:
                return "contained"
        return ""

    def _resolve(self, *, reference: object, entry: PlacedResource) -> Finding:
        """Return whether a Reference means the subject. An empty one names nobody."""
        if not isinstance(reference, dict):
            return Finding(belonging=Belonging.OTHER)
        literal, identifier = reference.get("reference"), reference.get("identifier")
        if literal is not None and not isinstance(literal, str):
            return Finding(belonging=Belonging.OTHER)
        is_subjects = self._is_subjects(identifier)
        if literal:
            named = self._means_subject(literal=literal, entry=entry)
            other_number = is_nhs_number(identifier) and not is_subjects and self._has_a_number
            known_other = not named and self._means_another(literal=literal, entry=entry)
            if (named and not other_number) or (is_subjects and not known_other and not literal.startswith("#")):
                return Finding(belonging=Belonging.OURS, references=(literal,))
            return Finding(belonging=Belonging.OTHER)
        if mapping(identifier).get("value"):
            if is_nhs_number(identifier) and self._numbers and not self._has_a_number:
                return Finding(belonging=Belonging.UNNAMED)  # the subject's own is no number: nothing to compare
            return Finding(belonging=Belonging.OURS if is_subjects else Belonging.OTHER)
        display = text(reference.get("display"))
        if display.strip() and not self._is_called(display):
            return Finding(belonging=Belonging.OTHER)
        return Finding(belonging=Belonging.UNNAMED)

    def _means_subject(self, *, literal: str, entry: PlacedResource) -> bool:
        if literal.startswith("#"):
            return self._is_contained_subject(key=literal[1:], entry=entry)
        spellings = self._spellings(literal=literal, entry=entry)
        # One id on two servers, in an entry that does not say which of them it is on.
        if not entry.base and relative_name(reference=literal) in self._other_ids:
            return False
        return not self._ours.isdisjoint(spellings)

    def _means_another(self, *, literal: str, entry: PlacedResource) -> bool:
        return any(name in self._named for name in self._spellings(literal=literal, entry=entry))

    def _is_contained_subject(self, *, key: str, entry: PlacedResource) -> bool:
        resource = next((resource for resource in entry.contained if resource.get("id") == key), {})
        return (
            _is_patient(resource)
            and not _contradict(resource, self._subject)
            and not identifiers_of(resource).isdisjoint(self._identifiers)
        )

    def _spellings(self, *, literal: str, entry: PlacedResource) -> tuple[str, ...]:
        """Return the names by which the Patient that a reference means may be known; none where it is to no Patient."""
        literal = without_version(reference=literal)
        if name := relative_name(reference=literal):
            if not name.startswith("Patient/"):
                return ()
            base = entry.base
            if not base:
                return (name,)
            return (name, f"{base}/{name}") if base in self._bases else (f"{base}/{name}",)
        base, name = split_absolute(reference=literal)
        if name.startswith("Patient/"):
            return (literal, name) if base in self._bases else (literal,)
        if key := uuid_of(reference=literal):
            return (f"urn:uuid:{key}",)
        return (literal,)

    def _certain(self, names: Iterable[str]) -> set[str]:
        """Return the names that mean the subject. A name of two Patients does only if they may be one person."""
        return {
            name
            for name in names
            if not any(_contradict(self._subject, patient) for patient in self._named.get(name, ()))
        }

    def _names(self, patient: PlacedResource) -> tuple[str, ...]:
        """Return what a Patient goes by: its `fullUrl` and, on the server that was asked, its id."""
        names: list[str] = []
        base = base_of(full_url=patient.full_url)
        if patient.full_url:
            key = uuid_of(reference=patient.full_url)
            names.append(f"urn:uuid:{key}" if key else patient.full_url)
        if own_id := text(patient.resource.get("id")):
            if not base or base in self._bases:
                names.append(f"Patient/{own_id}")
            if uuid := uuid_of(reference=f"urn:uuid:{own_id}"):
                names.append(f"urn:uuid:{uuid}")
        return tuple(dict.fromkeys(names))

    def _linked_names(self, subject: PlacedResource) -> Iterator[str]:
        """Yield what the subject's own `link`s call it. Source: FHIR R4, Patient.link."""
        for link in mappings(subject.resource.get("link")):
            literal = mapping(link.get("other")).get("reference")
            if not isinstance(literal, str) or literal.startswith("#"):
                continue
            base, _ = split_absolute(reference=literal)
            if base in self._bases or relative_name(reference=literal) or uuid_of(reference=literal):
                yield from self._spellings(literal=literal, entry=subject)

    def _names_a_patient(self, *, reference: object, entry: PlacedResource) -> bool:
        """Whether a reference that may lead to anything leads to a patient, however it is spelt."""
        parts = mapping(reference)
        literal = text(parts.get("reference"))
        if str(parts.get("type", "")).lower().endswith("patient") or is_nhs_number(parts.get("identifier")):
            return True
        if literal.startswith("#"):
            return any(_is_patient(resource) and resource.get("id") == literal[1:] for resource in entry.contained)
        return looks_like_a_patient(reference=literal) or (
            bool(literal) and self._means_another(literal=literal, entry=entry)
        )

    @property
    def _has_a_number(self) -> bool:
        return any(re.fullmatch(r"[0-9]{10}", number) for number in self._numbers)

    def _is_subjects(self, identifier: object) -> bool:
        return token_of(identifier) in self._identifiers

    def _is_called(self, words: str) -> bool:
        """Whether words contain the subject's own surname and first name."""
        spoken = set(_words(words))
        for name in mappings(self._subject.get("name")):
            family, given = text(name.get("family")), name.get("given")
            first = text(given[0]) if isinstance(given, list) and given else ""
            if family and first and {*_words(family), *_words(first)} <= spoken:
                return True
        return False


def _only_reference(*, resource: JsonObject, kind: str) -> str:
    """Return the reference in the one member by which a resource says whose it is; "" where it says more than that."""
    members = MEMBERS.get(kind, ())
    if len(members) != 1 or "contained" in resource:
        return ""
    reference = mapping(resource.get(members[0]))
    return "" if "identifier" in reference else text(reference.get("reference"))


def _is_patient(resource: JsonObject, /) -> bool:
    return resource.get("resourceType") == "Patient"


def _contradict(left: JsonObject, right: JsonObject) -> bool:
    """Whether two Patients cannot be one person: another NHS number, or another whole birth date."""
    if left is right:
        return False
    dates = {str(patient.get("birthDate") or "") for patient in (left, right)}
    whole = {day for day in dates if len(day) == len("2000-01-01")}
    return len(whole) > 1 or _differ(nhs_numbers_of(left), nhs_numbers_of(right))


def _differ(left: frozenset[str], right: frozenset[str]) -> bool:
    return bool(left and right) and left.isdisjoint(right)


def _words(words: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", words.casefold())


def _objects_in(value: object) -> Iterator[JsonObject]:
    """Yield every object inside a value, the value included."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _values_at(*, value: object, path: Sequence[str]) -> Iterator[object]:
    """Yield what stands at a path, through lists."""
    if isinstance(value, list):
        for element in value:
            yield from _values_at(value=element, path=path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _values_at(value=value[path[0]], path=path[1:])
