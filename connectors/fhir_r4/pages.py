"""What is done with the bodies that a server sends, each as steps of work. Pure.

A body is kept as it came; what the connector has to know of it to go on is read off it here.
Source: FHIR R4, RESTful API, Search, Paging.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from connectors.addresses import is_within
from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, WrongPatient
from connectors.contract.notices import Ground
from connectors.contract.outcomes import Reason
from connectors.contract.values import Reply
from connectors.fhir_r4.answer import read_pages
from connectors.fhir_r4.capability import ServerCapability, read_capability
from connectors.reading import expect_bundle, split_answer
from connectors.transport.pace import Steps
from fhir_data.access import JsonObject, listed, mapping, mappings, text
from fhir_data.errors import UnreadableEntry
from fhir_data.heads import entry_name, type_of
from fhir_data.labels import Label, labels_of
from fhir_data.parsing import read_entry
from fhir_data.references import (
    base_of,
    has_plain_names,
    may_enter_path,
    references_as_sent,
    references_in,
    split_absolute,
    split_relative,
    text_of_reference,
    unquoted,
    without_version,
)
from fhir_data.releases import Release
from fhir_data.size import rough_count
from fhir_data.splitting import SplitEntry, SplitPayload, without_mark
from fhir_data.verdict import RefusedEntry, members_at_fault, verdict

# What the record refers to and may not hold.
SUPPORTING_TYPES = ("Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device", "Specimen")
_NO_CONTENT = frozenset({"Patient", "OperationOutcome"}) | RecordCategory.SUPPORTING.types
# Of what takes some microseconds an entry, so many are done before others have their turn.
ENTRIES_A_STEP = 16
# The tags by which an index marks the golden records that it keeps beside the Patients of its sources; OpenCR's has no
# system. Source: HAPI FHIR 7, MDM; OpenCR, "Unique Identifiers".
_MDM_STATUS = "http://hapifhir.io/fhir/NamingSystem/mdm-record-status"
_GOLDEN_TAGS = frozenset({(_MDM_STATUS, "GOLDEN_RECORD"), (_MDM_STATUS, "REDIRECTED")})
_GOLDEN_CODE = "5c827da5-4858-4f3d-a50c-62ece001efea"
_Target = tuple[str, str]  # a type and an id on this server, "" for neither
_XML_NAMESPACE = b"http://hl7.org/fhir"
_STATEMENTS = msgspec.json.Decoder(dict[str, Any])
# Where a statement that cannot be read begins, and the release that it says, in JSON or in XML.
_STATEMENT = re.compile(rb"""<(?:\w+:)?(?:CapabilityStatement|Conformance)[\s>]""")
_RELEASE = re.compile(
    rb"""(?:"fhirVersion"\s*:\s*"|<(?:\w+:)?fhirVersion\s+value\s*=\s*["'])\s*([0-9][0-9A-Za-z.-]{0,19})"""
)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a page is, without its entries. `counted` is how many of its entries count towards its `total`.

    `matches` are the entries that may be what was searched for, by their `Type/id`, "" for one that goes by none;
    `included` are the others. `warnings`: the security labels of each error that stands beside the entries, each
    combination once.
    """

    resource_type: str
    links: tuple[tuple[str, str], ...]
    total: int | None
    entries: int
    counted: int
    has_content: bool
    warnings: tuple[tuple[Label, ...], ...]
    matches: tuple[str, ...] = ()
    included: tuple[str, ...] = ()


def survey(*, bodies: Sequence[bytes]) -> Steps[Survey]:
    """Say what a page is.

    Raises: Malformed.
    """
    (body,) = bodies
    page = split_answer(payload=body)
    yield None
    names: list[str] = []
    warnings: dict[tuple[Label, ...], None] = {}
    matches: list[str] = []
    included: list[str] = []
    for entry, head in zip(page.entries, page.heads, strict=True):
        is_outcome = head is not None and head.said_type == "OperationOutcome"  # no match, whether it says so or not
        is_match = entry.is_match and not is_outcome
        (matches if is_match else included).append(head.name if head is not None else "")
        if entry.resource is None or head is None:
            continue
        names.append(head.said_type)
        if names[-1] == "OperationOutcome":
            yield rough_count(body=entry.resource)
            if _is_error(entry.resource):
                warnings[(*labels_of(resource=entry.resource), *entry.labels)] = None
    clinical = [name for name in names if name not in _NO_CONTENT]
    return Survey(
        resource_type=page.resource_type,
        links=page.links,
        total=page.total,
        entries=len(page.entries),
        # A total counts what was searched for: one type, or everything.
        counted=len(clinical if len(set(clinical)) == 1 else names),
        has_content=bool(clinical) or len(names) < len(page.entries),  # what cannot be read may be content
        warnings=tuple(warnings),
        matches=tuple(matches),
        included=tuple(included),
    )


def read_bodies(
    *,
    bodies: Sequence[bytes],
    patient_id: str | None,
    base: str = "",
    names: Sequence[str] = (),
    passed_over: Sequence[tuple[str, str]] = (),
) -> Steps[Reply]:
    """Read the pages of one answer, as `read_pages` does, without the Patients who are passed over.

    Raises: Malformed.
    """
    pages: list[SplitPayload] = []
    bases = [base, *names]
    apart = frozenset(("" if _is_own(at, bases=bases) else at, key) for at, key in passed_over)
    for body in bodies:
        page = split_answer(payload=body)
        pages.append(_without(page, patients=apart, bases=bases) if apart else page)
        yield None
    return (yield from read_pages(pages=pages, patient_id=patient_id, base=base, names=names))


def wanted(
    *, bodies: Sequence[bytes], bases: Sequence[str], held: Sequence[str], patient_id: str
) -> Steps[tuple[str, ...]]:
    """Return the supporting resources that pages refer to on this server and do not hold, as `Type/id`, each once.

    What an entry of somebody else's refers to is none of them: a server that pays no heed to what was searched for
    gives everybody's.
    """
    here = set(held)
    targets: dict[_Target, None] = {}
    for body in bodies:
        page = split_answer(payload=body)
        names = [head.name for head in page.heads if head is not None]
        here.update(names)
        own = [(kind, key) for kind, _, key in (name.partition("/") for name in names)]
        resources = [entry.resource for entry in page.entries if entry.resource is not None]
        yield None
        together = b"\n".join(resources)
        if has_plain_names(together):
            named = dict.fromkeys([*own, *_targets_of(together, bases=bases, names_are_plain=True)])
            # Where one and the same Patient is all that a page names, nothing in it is anybody else's.
            if _are_nobody_elses(named, patient_id=patient_id):
                targets |= named
                continue
        for at, (itself, resource) in enumerate(zip(own, resources, strict=True)):
            named = dict.fromkeys([itself, *_targets_of(resource, bases=bases)])  # a Patient is somebody's, too
            if not _are_others(named, patient_id=patient_id):
                targets |= named
            if at % ENTRIES_A_STEP == 0:
                yield None
    supporting = dict.fromkeys(_supporting_name(target) for target in targets)
    return tuple(name for name in supporting if name and name not in here)


def gives_others(*, bodies: Sequence[bytes], bases: Sequence[str], patient_id: str) -> Steps[bool]:
    """Return whether a page holds what is of other Patients of this server."""
    (body,) = bodies
    for at, resource in enumerate(_resources([body])):
        if _are_others(_targets_of(resource, bases=bases), patient_id=patient_id):
            return True
        if at % ENTRIES_A_STEP == 0:
            yield None
    return False


def without_held(*, bodies: Sequence[bytes], names: Sequence[str]) -> Steps[tuple[str, ...]]:
    """Return those of these names by which nothing in the pages goes."""
    left = dict.fromkeys(names)
    for resource in _resources(bodies):
        left.pop(entry_name(entry=resource), None)
        yield None
    return tuple(left)


def grounds(*, bodies: Sequence[bytes], names: Sequence[str], bases: Sequence[str]) -> Steps[tuple[Ground, ...]]:
    """Return for each of these names which entries of the pages refer to it."""
    referring: dict[str, dict[str, None]] = {name: {} for name in names}
    for resource in _resources(bodies):
        for reference in dict.fromkeys(references_in(resource=resource)):
            if (name := _own_name(reference=reference, bases=bases)) in referring:
                referring[name][entry_name(entry=resource)] = None
        yield None
    return tuple(Ground(any_of=tuple(entries)) for entries in referring.values())


def holds(*, bodies: Sequence[bytes], name: str) -> Steps[bool]:
    """Return whether a page holds what goes by a `Type/id`.

    Raises: Malformed.
    """
    (body,) = bodies
    page = split_answer(payload=body)
    yield None
    return any(entry.resource is not None and entry_name(entry=entry.resource) == name for entry in page.entries)


UNREADABLE = "?"
# What a link from one Patient to another says, and one that does not say what. Source: FHIR R4, LinkType.
_LINK_TYPES = frozenset({"replaced-by", "replaces", "refer", "seealso"})
_UNCLEAR = "?"
REPLACED, REPLACES = frozenset({"replaced-by"}), frozenset({"replaces"})
SAME_PERSON = frozenset({"refer", "seealso", _UNCLEAR})
_ANY_LINK = _LINK_TYPES | {_UNCLEAR}


@dataclass(frozen=True, kw_only=True)
class FoundPatient:
    """Which Patient of a server somebody is; `id` is "" for none.

    `replaced_by` is the id of the one that has taken its place: "" for none, UNREADABLE where none can be read.
    `links_others`: it says that there are further Patients who are the same person. `replaces_others`: it says that
    others were merged into it. `is_in_use`: it does not say that it is no longer in use. `passed_over` are others of
    the answer who are this one, each by its base ("" for the server's own) and id: the record of the server's index,
    and whom this one has replaced. Those that this one itself links to need not be passed over.
    """

    id: str
    replaced_by: str = ""
    links_others: bool = False
    replaces_others: bool = False
    is_in_use: bool = True
    passed_over: tuple[tuple[str, str], ...] = ()


def found_by_id(*, bodies: Sequence[bytes], patient_id: str, bases: Sequence[str]) -> Steps[FoundPatient]:
    """Return what a page says of the Patient of an id, which it must be. `bases` are the server's own addresses.

    Raises: Malformed `not-fhir` for what is no Patient; WrongPatient for one of another id.
    """
    (body,) = bodies
    (entry,) = split_answer(payload=body).entries[:1]
    yield rough_count(body=entry.sent)
    patient = _patient_of(entry=entry, bases=bases)
    if patient is None:
        raise Malformed(Reason.NOT_FHIR)
    if patient.id != patient_id:
        raise WrongPatient(disagrees=("identifier",))
    return _found(patient)


def bearer(*, bodies: Sequence[bytes], system: str, value: str, bases: Sequence[str]) -> Steps[FoundPatient]:
    """Return the one Patient among the pages of a search who bears an identifier. `bases` are the server's own
    addresses.

    A golden record of the server's own index stands for the Patients that it was made of, and is passed over where one
    of them is found.
    Raises: Malformed `ambiguous` for several, WrongPatient where none of the results bears it.
    """
    patients: dict[tuple[str, str], _Patient] = {}  # one id on two servers is two Patients
    for entry in [entry for body in bodies for entry in expect_bundle(split_answer(payload=body)).entries]:
        yield rough_count(body=entry.sent)
        patient = _patient_of(entry=entry, bases=bases)
        if patient is not None:
            patients[_foreign_base(entry=entry, bases=bases), patient.id] = patient
    bearers = [patient for patient in patients.values() if patient.bears(system=system, value=value)]
    current = [patient for patient in bearers if not patient.linked(REPLACED)]
    chosen = [patient for patient in current if not patient.is_golden] or current
    if not chosen and len({patient.linked(REPLACED) for patient in bearers}) == 1:
        chosen = bearers[:1]  # all have been replaced by one and the same
    if len(chosen) > 1 or (bearers and not chosen):
        raise Malformed(Reason.AMBIGUOUS)
    if not chosen:
        if any(not patient.linked(REPLACED) for patient in patients.values()):
            raise WrongPatient(disagrees=("identifier",))
        return FoundPatient(id="")
    if not may_enter_path(text=chosen[0].id):
        raise WrongPatient(disagrees=("identifier",))
    golden = frozenset(patient.id for patient in patients.values() if patient.is_golden)
    passed_over = [
        name
        for name, patient in patients.items()
        if patient in bearers and patient is not chosen[0] and patient.id not in chosen[0].linked(_ANY_LINK)
        if patient.is_golden or patient.linked(REPLACED) == {chosen[0].id}
    ]
    return replace(_found(chosen[0], golden=golden), passed_over=tuple(passed_over))


def capability(*, bodies: Sequence[bytes]) -> Steps[ServerCapability]:
    """Read a server's CapabilityStatement.

    Raises: Malformed.
    """
    (body,) = bodies
    split_answer(payload=body)  # the checks of a whole payload: a statement may hold more than an entry of a record
    yield rough_count(body=body)
    try:
        statement = _STATEMENTS.decode(without_mark(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Malformed(Reason.NOT_FHIR) from None
    return read_capability(statement=statement)


def release_of_unread(*, bodies: Sequence[bytes]) -> Steps[str]:
    """Return the release that a statement which cannot be read, such as one in XML, says all the same; else ""."""
    (body,) = bodies
    yield None
    sent = without_mark(body)
    is_json = sent.startswith(b"{") and type_of(entry=sent) in ("CapabilityStatement", "Conformance")
    if not is_json and not _STATEMENT.search(sent[:2000]):
        return ""
    named = _RELEASE.search(sent)
    return named[1].decode() if named else ""


def speaks_fhir(*, bodies: Sequence[bytes]) -> Steps[bool]:
    """Return whether a body, however broken, comes from a FHIR server: a resource in JSON, or in XML, which we do not
    read."""
    (body,) = bodies
    yield None
    sent = without_mark(body)
    return (sent.startswith(b"{") and bool(type_of(entry=sent))) or _XML_NAMESPACE in sent[:2000]


def is_search_result(*, bodies: Sequence[bytes]) -> Steps[bool]:
    """Return whether a body is a Bundle: no statement of what a server can do, and no fault of the server's either."""
    (body,) = bodies
    yield None
    sent = without_mark(body)
    return sent.startswith(b"{") and type_of(entry=sent) == "Bundle"


def as_page(*, resource: bytes) -> bytes:
    """Return one resource as if it were the only entry of a Bundle."""
    return b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%b}]}' % without_mark(resource)


def _resources(bodies: Sequence[bytes], /) -> Iterator[bytes]:
    """Yield the resources of pages, without what cannot be told from their entries."""
    for body in bodies:
        yield from (entry.resource for entry in split_answer(payload=body).entries if entry.resource is not None)


def _targets_of(resource: bytes, /, *, bases: Sequence[str], names_are_plain: bool = False) -> Iterator[_Target]:
    """Yield what a resource, or several with plain names, refer to on this server, each reference once."""
    for quoted in references_as_sent(resource=resource, names_are_plain=names_are_plain):
        yield _split_own(without_version(reference=unquoted(quoted) or ""), bases=bases)


def _is_error(entry: bytes) -> bool:
    """Whether an OperationOutcome reports an error: the entries beside it may not be all."""
    try:
        outcome = read_entry(entry=entry)
    except UnreadableEntry:
        return False
    return any(issue.get("severity") in ("fatal", "error") for issue in mappings(outcome.get("issue")))


def _own_name(*, reference: str, bases: Sequence[str]) -> str:
    """Return a reference to a supporting resource of this server as `Type/id`, "" for any other.

    `bases` are the addresses that the server goes by.
    """
    return _supporting_name(_split_own(reference, bases=bases))


def _supporting_name(target: _Target, /) -> str:
    """Return the type and id of a supporting resource as `Type/id`, "" for any other."""
    kind, key = target
    return f"{kind}/{key}" if kind in SUPPORTING_TYPES and may_enter_path(text=key) else ""


def _are_nobody_elses(targets: Iterable[_Target], /, *, patient_id: str) -> bool:
    """Whether no Patient of this server but the patient is among what entries are and refer to."""
    return all(key == patient_id for kind, key in targets if kind == "Patient")


def _are_others(targets: Iterable[_Target], /, *, patient_id: str) -> bool:
    """Whether there are Patients of this server among what an entry refers to, and the patient is none of them."""
    patients = [key for kind, key in targets if kind == "Patient"]
    return bool(patients) and patient_id not in patients


def _split_own(reference: str, /, *, bases: Sequence[str]) -> _Target:
    """Return the type and id that a reference names on this server, "" for any other."""
    base = next((base for base in bases if reference.startswith(f"{base}/")), "")
    return split_relative(reference=reference.removeprefix(f"{base}/") if base else reference)


@dataclass(frozen=True, kw_only=True)
class _Patient:
    """A Patient of an answer. `bases` are the addresses that its server goes by."""

    resource: JsonObject
    bases: AbstractSet[str]

    @property
    def id(self) -> str:
        return text(self.resource.get("id"))

    def bears(self, *, system: str, value: str) -> bool:
        identifiers = mappings(self.resource.get("identifier"))
        return any(own.get("system") == system and own.get("value") == value for own in identifiers)

    def linked(self, types: AbstractSet[str], /) -> frozenset[str]:
        """Return the ids of the Patients to which it has links of some types.

        UNREADABLE for a link to what is no Patient of this server, or does not say: an id means nobody elsewhere.
        """
        others = (
            without_version(reference=text_of_reference(mapping(link.get("other"))))
            for link in map(mapping, listed(self.resource.get("link")))
            if _says(link) in types
        )
        targets = (_target_of(other, bases=self.bases) for other in others)
        return frozenset(
            key if kind == "Patient" and may_enter_path(text=key) else UNREADABLE
            for kind, key in targets
            if kind != "RelatedPerson"
        )

    @property
    def is_golden(self) -> bool:
        """Whether it is what an index of the server's made of others, by the tags that indexes give theirs."""
        tags = mappings(mapping(self.resource.get("meta")).get("tag"))
        marks = [(text(tag.get("system")), text(tag.get("code"))) for tag in tags]
        return any(mark in _GOLDEN_TAGS or mark[1] == _GOLDEN_CODE for mark in marks)


def _says(link: JsonObject, /) -> str:
    """Return what a link says, in whatever case: to overlook that somebody has been replaced is worse than to ask."""
    said = text(link.get("type")).strip().lower()
    return said if said in _LINK_TYPES else _UNCLEAR


def _target_of(reference: str, /, *, bases: AbstractSet[str]) -> _Target:
    """Return the type that a reference names, on whatever server, and the id, "" for one on another."""
    base, name = split_absolute(reference=reference)
    kind, key = split_relative(reference=name or reference)
    return (kind, key if not base or _is_own(base, bases=bases) else "")


def _foreign_base(*, entry: SplitEntry, bases: Sequence[str]) -> str:
    """Return the base of another server on which an entry is, "" for this one's, or one that does not say."""
    base = base_of(full_url=entry.full_url)
    return "" if _is_own(base, bases=bases) else base


def _is_own(base: str, /, *, bases: Iterable[str]) -> bool:
    return any(is_within(url=base, base=own) and is_within(url=own, base=base) for own in bases if own)


def _without(page: SplitPayload, /, *, patients: AbstractSet[tuple[str, str]], bases: Sequence[str]) -> SplitPayload:
    """Return a page without some Patients."""
    kept = tuple(
        entry
        for entry, head in zip(page.entries, page.heads, strict=True)
        if head is None
        or head.said_type != "Patient"
        or (_foreign_base(entry=entry, bases=bases), head.id) not in patients
    )
    return replace(page, entries=kept)


def _patient_of(*, entry: SplitEntry, bases: Sequence[str]) -> _Patient | None:
    """Return a Patient without what cannot be read in it; None for an entry that is no Patient.

    Raises: Malformed `not-fhir` for one that cannot be read at all: to skip it would be to say that nobody was found.
    """
    if entry.resource is None or type_of(entry=entry.resource) != "Patient":
        return None
    judged = verdict(entry=entry.resource, release=Release.R4)
    if isinstance(judged, RefusedEntry):
        raise Malformed(Reason.NOT_FHIR)
    resource = judged.resource
    if "link" in members_at_fault(judged):
        resource = {**resource, "link": _links_as_sent(entry.resource)}
    return _Patient(resource=resource, bases={*bases, base_of(full_url=entry.full_url)})


def _links_as_sent(patient: bytes, /) -> object:
    """Return the links of a Patient with what is at fault in them; one that is unclear where they cannot be read."""
    try:
        return read_entry(entry=patient).get("link")
    except UnreadableEntry:
        return {}


def _found(patient: _Patient, *, golden: AbstractSet[str] = frozenset()) -> FoundPatient:
    """Return which Patient it is, and what its links say; those to `golden` records say nothing."""
    replacements = patient.linked(REPLACED)
    if len(replacements) > 1:
        raise Malformed(Reason.AMBIGUOUS)
    return FoundPatient(
        id=patient.id,
        replaced_by=next(iter(replacements), ""),
        links_others=not patient.linked(SAME_PERSON) <= golden,
        replaces_others=not patient.linked(REPLACES) <= golden,
        is_in_use=patient.resource.get("active") is not False,
    )
