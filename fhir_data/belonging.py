"""Whose entry is it: an allow-list. Pure.

An entry of a type in FHIR's Patient compartment is the patient's only if its subject resolves to the Patient whom the
answer is about. What names somebody else, or is spelt so that nothing shows whom it names, is somebody else's.

Source: FHIR R4 CompartmentDefinition "patient", of each type the members that say whose it is (not those that say who
performed or recorded it); FHIR R4, References, and Bundle, "Resolving references in Bundles".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fhir_data.compartment import AMONG_OTHERS, ANY_MEMBER, COMPARTMENT, MAY_NAME_NOBODY, MEMBERS
from fhir_data.identifiers import identifiers, is_nhs_number, nhs_numbers, token
from fhir_data.references import base_of, relative_name, split_absolute, uuid_of, without_version

Resource = Mapping[str, Any]

_LOOKS_LIKE_A_PATIENT = re.compile(r"(?:^|[/.])patient[/#?]", re.IGNORECASE)


class Belonging(StrEnum):
    """OURS: its subject is the answer's. SUPPORTING: of a type that is nobody's. UNNAMED: it does not say whose it is.
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


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A resource and the `fullUrl` that it was sent under, "" for none."""

    resource: Resource
    full_url: str = ""

    @property
    def base(self) -> str:
        """The server that it is on, "" where its `fullUrl` does not say."""
        usual = f"/{self.resource.get('resourceType')}/{self.resource.get('id')}"
        if self.full_url.endswith(usual) and self.full_url.startswith(("http://", "https://")):
            return self.full_url.removesuffix(usual)
        return base_of(full_url=self.full_url)


class Whose:
    """Says of each entry of one answer whose it is.

    `subject` is the Patient that the answer is about, `patients` every Patient in the answer that can be read; each is
    known by being the same object. `unread` says that there are Patients beside that cannot. `bases` are the addresses
    by which the server that was asked calls itself; a file has none but those of its `fullUrl`s.
    """

    def __init__(
        self, *, subject: Placed, patients: Sequence[Placed], unread: bool = False, bases: Iterable[str] = ()
    ) -> None:
        self._subject = subject.resource
        self._identifiers = identifiers(subject.resource)
        self._numbers = nhs_numbers(subject.resource)
        self._unread = unread
        self._seen: dict[tuple[str, str, str], Finding] = {}
        own = base_of(full_url=subject.full_url)
        self._bases = frozenset(base.rstrip("/") for base in (*bases, own) if base)
        self._named: dict[str, list[Resource]] = {}
        for patient in (subject, *(one for one in patients if one is not subject)):
            for name in self._names(patient):
                self._named.setdefault(name, []).append(patient.resource)
        self._linked = frozenset(self._linked_names(subject))
        ours = self._certain(self._linked | set(self._names(subject)))
        self._others = [one for one in patients if one is not subject and ours.isdisjoint(self._names(one))]
        for patient in patients:  # a linked Patient's other names are the subject's as well
            if not any(patient is one for one in self._others):
                ours |= self._certain(self._names(patient))
        self._ours = frozenset(ours)
        self._other_ids = frozenset(f"Patient/{one.resource.get('id')}" for one in self._others)

    def of(self, *, entry: Placed) -> Finding:
        """Return whose an entry is. One that names nobody may be anybody's where the answer holds a second Patient."""
        if entry.resource.get("resourceType") == "Patient":
            other = any(entry is one for one in self._others)
            return Finding(belonging=Belonging.OTHER if other else Belonging.SUPPORTING, member="Patient")
        finding = self._of(entry=entry)
        if finding.belonging is Belonging.UNNAMED and (self._others or self._unread):
            return Finding(belonging=Belonging.OTHER, member="names no patient")
        return finding

    def _of(self, *, entry: Placed) -> Finding:
        resource = entry.resource
        kind = str(resource.get("resourceType", ""))
        text = _only_reference(resource=resource, kind=kind)
        if not text:
            return self._found(entry=entry, kind=kind)
        # As most entries name the patient in one way, it is looked up once.
        spelt = (kind, text, entry.base)
        if spelt not in self._seen:
            self._seen[spelt] = self._found(entry=entry, kind=kind)
        return self._seen[spelt]

    def _found(self, *, entry: Placed, kind: str) -> Finding:
        if member := self._foreign_within(entry=entry):
            return Finding(belonging=Belonging.OTHER, member=member)
        found = [*self._whole_members(kind=kind, entry=entry), *self._among_others(kind=kind, entry=entry)]
        for member, one in found:
            if one.belonging is Belonging.OTHER:
                return Finding(belonging=Belonging.OTHER, member=member)
        references = tuple(text for _, one in found for text in one.references)
        if any(one.belonging is Belonging.OURS for _, one in found):
            return Finding(belonging=Belonging.OURS, references=references)
        if kind in COMPARTMENT and kind not in MAY_NAME_NOBODY:
            return Finding(belonging=Belonging.UNNAMED)
        return Finding(belonging=Belonging.SUPPORTING)

    def _whole_members(self, *, kind: str, entry: Placed) -> Iterator[tuple[str, Finding]]:
        if kind in AMONG_OTHERS:
            return
        for member in MEMBERS.get(kind, ANY_MEMBER):
            value = entry.resource.get(member)
            for reference in value if isinstance(value, list) else [value]:
                if reference is not None:
                    yield member, self._resolve(reference=reference, entry=entry)

    def _among_others(self, *, kind: str, entry: Placed) -> Iterator[tuple[str, Finding]]:
        for path in AMONG_OTHERS.get(kind, ()):
            for reference in _at(value=entry.resource, path=path.split(".")):
                if self._names_a_patient(reference=reference, entry=entry):
                    yield path, self._resolve(reference=reference, entry=entry)

    def _foreign_within(self, *, entry: Placed) -> str:
        """Return where an entry carries somebody else inside it, "" when it does not."""
        contained = entry.resource.get("contained")
        for resource in contained if isinstance(contained, list) else []:
            if not isinstance(resource, dict):
                continue
            if resource.get("resourceType") == "Patient":
                if _differ(nhs_numbers(resource), self._numbers):
                    return "contained"
                continue
            inner = Placed(
                resource={**resource, "contained": [one for one in contained or [] if _is_patient(one)]},
                full_url=entry.full_url,
            )
            if self._of(entry=inner).belonging is Belonging.OTHER:
                return "contained"
        return ""

    def _resolve(self, *, reference: object, entry: Placed) -> Finding:
        """Return whether a Reference means the subject. An empty one names nobody."""
        if not isinstance(reference, dict):
            return Finding(belonging=Belonging.OTHER)
        text, identifier = reference.get("reference"), reference.get("identifier")
        if text is not None and not isinstance(text, str):
            return Finding(belonging=Belonging.OTHER)
        bears = self._bears(identifier=identifier)
        if text:
            named = self._means_subject(text=text, entry=entry)
            other_number = is_nhs_number(identifier) and not bears and self._has_a_number
            known_other = not named and self._means_another(text=text, entry=entry)
            if (named and not other_number) or (bears and not known_other and not text.startswith("#")):
                return Finding(belonging=Belonging.OURS, references=(text,))
            return Finding(belonging=Belonging.OTHER)
        if isinstance(identifier, dict) and identifier.get("value"):
            if is_nhs_number(identifier) and self._numbers and not self._has_a_number:
                return Finding(belonging=Belonging.UNNAMED)  # what the subject goes by is no number: no comparing
            return Finding(belonging=Belonging.OURS if bears else Belonging.OTHER)
        display = reference.get("display")
        if isinstance(display, str) and display.strip() and not self._is_called(words=display):
            return Finding(belonging=Belonging.OTHER)
        return Finding(belonging=Belonging.UNNAMED)

    def _means_subject(self, *, text: str, entry: Placed) -> bool:
        if text.startswith("#"):
            return self._is_contained_subject(key=text[1:], entry=entry)
        spellings = self._spellings(text=text, entry=entry)
        # One id on two servers, in an entry that does not say which of them it is on.
        if not entry.base and relative_name(reference=text) in self._other_ids:
            return False
        return not self._ours.isdisjoint(spellings)

    def _means_another(self, *, text: str, entry: Placed) -> bool:
        return any(name in self._named for name in self._spellings(text=text, entry=entry))

    def _is_contained_subject(self, *, key: str, entry: Placed) -> bool:
        contained = entry.resource.get("contained")
        for resource in contained if isinstance(contained, list) else []:
            if isinstance(resource, dict) and resource.get("id") == key:
                return (
                    _is_patient(resource)
                    and not _contradict(resource, self._subject)
                    and not identifiers(resource).isdisjoint(self._identifiers)
                )
        return False

    def _spellings(self, *, text: str, entry: Placed) -> tuple[str, ...]:
        """Return the names under which the Patient that a reference means may be known; none for one that is no proper
        reference to a Patient."""
        text = without_version(reference=text)
        if name := relative_name(reference=text):
            if not name.startswith("Patient/"):
                return ()
            base = entry.base
            if not base:
                return (name,)
            return (name, f"{base}/{name}") if base in self._bases else (f"{base}/{name}",)
        base, name = split_absolute(reference=text)
        if name.startswith("Patient/"):
            return (text, name) if base in self._bases else (text,)
        if key := uuid_of(reference=text):
            return (f"urn:uuid:{key}",)
        return (text,)

    def _certain(self, names: Iterable[str]) -> set[str]:
        """Return the names that mean the subject. One that two Patients share does only if they may be one person."""
        return {name for name in names if not any(_contradict(self._subject, one) for one in self._named.get(name, ()))}

    def _names(self, patient: Placed) -> tuple[str, ...]:
        """Return what a Patient goes by: its `fullUrl` and, on the server that was asked, its id."""
        found: list[str] = []
        base = base_of(full_url=patient.full_url)
        if patient.full_url:
            key = uuid_of(reference=patient.full_url)
            found.append(f"urn:uuid:{key}" if key else patient.full_url)
        own_id = patient.resource.get("id")
        if isinstance(own_id, str) and own_id:
            if not base or base in self._bases:
                found.append(f"Patient/{own_id}")
            if uuid := uuid_of(reference=f"urn:uuid:{own_id}"):
                found.append(f"urn:uuid:{uuid}")
        return tuple(dict.fromkeys(found))

    def _linked_names(self, subject: Placed) -> Iterator[str]:
        """Yield what the subject's own `link`s call it. Source: FHIR R4, Patient.link."""
        links = subject.resource.get("link")
        for link in links if isinstance(links, list) else []:
            other = link.get("other") if isinstance(link, dict) else None
            text = other.get("reference") if isinstance(other, dict) else None
            if not isinstance(text, str) or text.startswith("#"):
                continue
            base, _ = split_absolute(reference=text)
            if base in self._bases or relative_name(reference=text) or uuid_of(reference=text):
                yield from self._spellings(text=text, entry=subject)

    def _names_a_patient(self, *, reference: object, entry: Placed) -> bool:
        """Whether a reference that may be to anything is to a patient, however it is spelt."""
        if not isinstance(reference, dict):
            return False
        text = reference.get("reference")
        if str(reference.get("type", "")).lower().endswith("patient") or is_nhs_number(reference.get("identifier")):
            return True
        if not isinstance(text, str):
            return False
        if text.startswith("#"):
            contained = entry.resource.get("contained")
            found = [one for one in contained if isinstance(one, dict)] if isinstance(contained, list) else []
            return any(_is_patient(one) and one.get("id") == text[1:] for one in found)
        return _LOOKS_LIKE_A_PATIENT.search(text) is not None or self._means_another(text=text, entry=entry)

    @property
    def _has_a_number(self) -> bool:
        return any(re.fullmatch(r"[0-9]{10}", number) for number in self._numbers)

    def _bears(self, *, identifier: object) -> bool:
        return token(identifier) in self._identifiers

    def _is_called(self, *, words: str) -> bool:
        """Whether words hold the subject's own surname and first name."""
        said = set(_words(words))
        names = self._subject.get("name")
        for name in names if isinstance(names, list) else []:
            if not isinstance(name, dict):
                continue
            given = name.get("given")
            first = given[0] if isinstance(given, list) and given and isinstance(given[0], str) else ""
            wanted = [*_words(str(name.get("family") or "")), *_words(first)]
            if name.get("family") and first and set(wanted) <= said:
                return True
        return False


def _only_reference(*, resource: Resource, kind: str) -> str:
    """Return the reference in the one member by which a resource says whose it is; "" where it says more than that."""
    members = MEMBERS.get(kind, ())
    if len(members) != 1 or "contained" in resource:
        return ""
    reference = resource.get(members[0])
    if not isinstance(reference, dict) or "identifier" in reference:
        return ""
    text = reference.get("reference")
    return text if isinstance(text, str) else ""


def _is_patient(resource: object) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == "Patient"


def _contradict(left: Resource, right: Resource) -> bool:
    """Whether two Patients cannot be one person: another NHS number, or another whole birth date."""
    if left is right:
        return False
    born = {str(one["birthDate"]) for one in (left, right) if len(str(one.get("birthDate") or "")) == len("2000-01-01")}
    return len(born) > 1 or _differ(nhs_numbers(left), nhs_numbers(right))


def _differ(left: frozenset[str], right: frozenset[str]) -> bool:
    return bool(left and right) and left.isdisjoint(right)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _at(*, value: object, path: Sequence[str]) -> Iterator[object]:
    if isinstance(value, list):
        for one in value:
            yield from _at(value=one, path=path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value=value[path[0]], path=path[1:])
