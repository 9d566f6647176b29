"""Draws an answer that holds something to be withheld, and what its source would answer if it had never held that.

The two differ in what is withheld and in what points to it, and in nothing else. What is withheld is drawn from the
same few things as what is shown, and another source tells of those, too: it would be felt if it were merged or counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, auto
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from connectors.contract.categories import RecordCategory
from connectors.contract.values import ReceivedItem
from fhir_data.heads import entry_name
from tests.factories import CONFIDENTIALITY, condition
from tests.strategies import DATE_ELEMENTS, SUBJECT, TYPES, Json, tellings

ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
# Every one withholds: spelt in one of many ways, of sensitivity, unknown, or without what it would need to be read.
LABELS: tuple[Json, ...] = (
    {"system": CONFIDENTIALITY, "code": "R"},
    {"system": f"{CONFIDENTIALITY}|2018-08-12", "code": "V"},
    {"system": f"{CONFIDENTIALITY}/", "code": "r"},
    {"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "V"},
    {"system": "urn:oid:2.16.840.1.113883.5.25", "code": "R"},
    {"system": "2.16.840.1.113883.5.25", "code": "R"},
    {"system": CONFIDENTIALITY, "code": "SECRET"},
    {"system": ACT_CODES, "code": "HIV"},
    {"system": ACT_CODES, "code": "OF-NO-KIND"},
    {"system": "urn:oid:2.16.840.1.113883.5.4", "code": "psy"},
    {"code": "R"},
    {"code": "anything"},
    {"display": "Restricted"},
    {"system": CONFIDENTIALITY},
    {"system": CONFIDENTIALITY, "code": "R", "userSelected": True},
)


class Place(StrEnum):
    """Where the label stands, or what became of the entry that it stands on."""

    ITEM = auto()
    DOCUMENT = auto()  # DocumentReference.securityLabel; the file that it names goes with it
    LETTER = auto()  # Composition.confidentiality
    LIST = auto()
    REPORT = auto()
    CONTACT = auto()
    CONTAINED = auto()
    PAGE = auto()  # the Bundle
    PATIENT = auto()
    NOTICE = auto()  # OperationOutcome
    SUPPORTING = auto()
    SET_ASIDE = auto()  # an entry that cannot be read
    UNREADABLE = auto()  # a label that cannot be read
    TOLERATED = auto()  # an entry that breaks the standard
    UNTRANSLATED = auto()
    NOWHERE = auto()  # no label: the patient has denied it
    DATED = auto()  # as before; it tells of another day than all else


# Where a source has labelled something.
LABELLED_PLACES = tuple(place for place in Place if place not in {Place.NOWHERE, Place.DATED})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one source answers: its Patient, and the entries of each page; `page_labels` are those of the last one."""

    patient: Json
    pages: tuple[tuple[Json, ...], ...]
    page_labels: tuple[Json, ...] = ()

    def bundles(self) -> list[Json]:
        """Return the pages as Bundles."""
        bundles: list[Json] = []
        for number, resources in enumerate(self.pages):
            is_last = number == len(self.pages) - 1
            labels = {"meta": {"security": list(self.page_labels)}} if self.page_labels and is_last else {}
            held = [self.patient, *resources] if number == 0 else resources
            entries = [{"resource": resource} for resource in held]
            bundles.append({"resourceType": "Bundle", "type": "searchset", **labels, "entry": entries})
        return bundles

    def practice_bundle(self) -> Json:
        """Return all of it as the one Bundle of a practice, in STU3."""
        resources = [self.patient, *(stu3(resource) for page in self.pages for resource in page)]
        return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def stu3(resource: Json) -> Json:
    """Return a resource of these as STU3: what it says is named otherwise there, or left out."""
    written = {name: value for name, value in resource.items() if name not in {"clinicalStatus", "verificationStatus"}}
    if "encounter" in written:
        written["context"] = written.pop("encounter")
    # Whatever else one names has no place in R4, and a note says so.
    members = [each for each in written.pop("hasMember", []) if each["reference"].startswith("Observation/")]
    if members:
        written["related"] = [{"type": "has-member", "target": member} for member in members]
    if "occurrenceDateTime" in written:
        written["date"] = written.pop("occurrenceDateTime")
    return written


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """An answer with something withheld, and the one without it; `other` is what another source answers to both."""

    place: Place
    label: Json
    with_it: Answer
    without_it: Answer
    other: Answer
    is_pointed_to: bool
    shown: int


@dataclass(kw_only=True)
class _Drawn:
    """What is drawn of one answer. `links` are what open resources say by which member of which others."""

    open: list[Json] = field(default_factory=list)
    hidden: list[Json] = field(default_factory=list)
    links: list[tuple[Json, str, list[str]]] = field(default_factory=list)


_WRITE: dict[str, Callable[[str], Json]] = {
    "result": lambda name: {"reference": name},
    "hasMember": lambda name: {"reference": name},
    "derivedFrom": lambda name: {"reference": name},
    "reasonReference": lambda name: {"reference": name},
    "entry": lambda name: {"item": {"reference": name}},
    "diagnosis": lambda name: {"condition": {"reference": name}},
    "evidence": lambda name: {"detail": [{"reference": name}]},
    "performer": lambda name: {"reference": name},
    "target": lambda name: {"reference": name},
}
# Members that a resource is there for: nobody writes one that would name nothing.
_NEEDED = frozenset({"entry", "target"})
# Which open resources name others, and by which member.
_NAMING: dict[str, tuple[str, Json]] = {
    "DiagnosticReport": ("result", {"status": "final", "code": {"text": "Full blood count"}}),
    "List": ("entry", {"status": "current", "mode": "snapshot", "title": "Problems", "code": {"text": "Problems"}}),
    "Provenance": ("target", {"recorded": "2024-05-01T10:00:00Z", "agent": [{"who": {"display": "Dr Low"}}]}),
    "Encounter": ("diagnosis", {"status": "finished", "class": {"code": "AMB"}}),
    "Observation": ("hasMember", {"status": "final", "code": {"text": "Vital signs"}}),
    "Condition": ("evidence", {"code": {"text": "Raised blood pressure"}}),
    "MedicationRequest": (
        "reasonReference",
        {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "Ramipril 5mg capsules"}},
    ),
}


class Denied(StrEnum):
    """By what the patient denies what is withheld."""

    LABEL = auto()
    CATEGORY = auto()
    ITEM = auto()
    DATE = auto()
    SOURCE = auto()


# What nothing that is shown is one of, and when nothing that is shown happened.
DENIED_TYPE, DENIED_CATEGORY = "Procedure", RecordCategory.PROCEDURES
DENIED_DAY = date(1999, 5, 1)


@st.composite
def denied_records(draw: DrawFn, *, by: Denied) -> Withheld:
    """Draw an answer with something that the patient denies, one without it, and what another source says."""
    if by is Denied.LABEL:
        return draw(withheld_records(place=Place.ITEM))
    if by is Denied.CATEGORY:
        others = tuple(kind for kind in TYPES if kind != DENIED_TYPE)
        return draw(withheld_records(place=Place.NOWHERE, kinds=others, hidden_kinds=(DENIED_TYPE,)))
    if by is Denied.DATE:
        return draw(withheld_records(place=Place.DATED, kinds=tuple(DATE_ELEMENTS)))
    return draw(withheld_records(place=Place.NOWHERE))


@st.composite
def withheld_records(
    draw: DrawFn, *, place: Place, kinds: tuple[str, ...] = TYPES, hidden_kinds: tuple[str, ...] = ()
) -> Withheld:
    """Draw an answer with something withheld, one without it, and what another source says.

    What is withheld tells of the same few things as what is shown, or of things of the `hidden_kinds`.
    """
    label = draw(st.sampled_from(LABELS))
    told = draw(tellings(kinds=kinds))
    told_hidden = draw(tellings(kinds=hidden_kinds)) if hidden_kinds else told
    # Now and then it is all that its source holds.
    is_alone = place is Place.PATIENT or draw(st.integers(0, 4)) == 0
    drawn = _Drawn()
    drawn.open = [] if is_alone else [_named(draw(told), f"o{number}") for number in range(draw(st.integers(0, 3)))]
    leaves = [_named(draw(told_hidden), f"h{number}") for number in range(draw(st.integers(1, 2)))]
    drawn.hidden = _hide(leaves, place=place, label=label, nested=draw(st.booleans()))
    if not is_alone and place is not Place.NOTICE:
        for kind in draw(st.lists(st.sampled_from(sorted(_NAMING)), max_size=3, unique=True)):
            _add_naming(draw, drawn, kind)
        if place is Place.SUPPORTING and draw(st.booleans()):
            _add_naming(draw, drawn, "Observation", by="performer")
    if drawn.open and draw(st.booleans()):
        _belong_to_open_contact(drawn)
    if not is_alone and draw(st.integers(0, 3)) == 0:
        drawn.open.append(_set_aside(condition(id="broken")))
    if not is_alone and draw(st.integers(0, 3)) == 0:
        drawn.open.append(warning(words="Some of the record is still being moved."))
    order = draw(st.randoms(use_true_random=False))
    mixed = [*drawn.open, *drawn.hidden]
    order.shuffle(mixed)
    other = [_named(draw(told), f"p{number}") for number in range(draw(st.integers(0, 2)))]
    return Withheld(
        place=place,
        label=label,
        with_it=_answer(drawn, mixed, place=place, label=label, is_with=True),
        without_it=_answer(drawn, mixed, place=place, label=label, is_with=False),
        other=Answer(patient=_patient(), pages=(tuple(other),)),
        is_pointed_to=any(_is_hidden(drawn, name) for _, _, names in drawn.links for name in names),
        shown=len(drawn.open),
    )


def warning(*, words: str) -> Json:
    """Return an OperationOutcome that warns of something."""
    issue = {"severity": "warning", "code": "incomplete", "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _patient() -> Json:
    return {"resourceType": "Patient", "id": "1", "name": [{"family": "Ferris", "given": ["Joan"]}]}


def _named(resource: Json, key: str) -> Json:
    return {**resource, "id": key}


def _labelled(resource: Json, label: Json) -> Json:
    return {**resource, "meta": {"security": [label]}}


def _set_aside(resource: Json) -> Json:
    """Return a resource with a number that no reader holds."""
    return {**resource, "note": [{"text": "x", "authorString": 10**60}]}


def _hide(leaves: list[Json], *, place: Place, label: Json, nested: bool) -> list[Json]:
    """Return resources that are withheld, for what is labelled among them."""
    match place:
        case Place.ITEM | Place.UNTRANSLATED:
            return [_labelled(leaf, label) for leaf in leaves]
        case Place.TOLERATED:
            return [_labelled({**leaf, "flavour": "sweet"}, label) for leaf in leaves]
        case Place.SET_ASIDE:
            return [_set_aside(_labelled(leaf, label)) for leaf in leaves]
        case Place.UNREADABLE:
            return [{**leaf, "meta": {"security": "R"}} for leaf in leaves]
        case Place.CONTAINED:
            inner = _labelled({"resourceType": "Practitioner", "id": "c"}, label)
            return [{**leaf, "contained": [inner]} for leaf in leaves]
        case Place.PAGE | Place.PATIENT | Place.NOWHERE:
            return leaves
        case Place.DATED:
            return [{**leaf, DATE_ELEMENTS[leaf["resourceType"]]: DENIED_DAY.isoformat()} for leaf in leaves]
        case Place.NOTICE:
            return [_labelled(warning(words="Her test of last week is not here."), label)]
        case Place.SUPPORTING:
            return [_labelled({"resourceType": "Practitioner", "id": "h0", "name": [{"family": "Low"}]}, label)]
        case Place.DOCUMENT:
            return _document(label)
    if nested:
        report = _named({"resourceType": "DiagnosticReport", **_NAMING["DiagnosticReport"][1]}, "hr")
        within = [{**report, "subject": SUBJECT, "result": _pointers(leaves)}]
    else:
        within = leaves
    return [_holder(place, label=label, members=within), *within, *(leaves if nested else [])]


def _document(label: Json) -> list[Json]:
    file = {"resourceType": "Binary", "id": "hb", "contentType": "text/plain", "data": "SGVsbG8="}
    document = {
        "resourceType": "DocumentReference",
        "id": "h0",
        "status": "current",
        "subject": SUBJECT,
        "type": {"text": "Letter"},
        "securityLabel": [{"coding": [label]}],
        "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/hb"}}],
    }
    return [document, file]


def _holder(place: Place, *, label: Json, members: list[Json]) -> Json:
    """Return what is labelled and contains the members, or to which they belong."""
    match place:
        case Place.LIST:
            listed = {"resourceType": "List", **_NAMING["List"][1], "entry": [{"item": p} for p in _pointers(members)]}
            return _labelled({**listed, "id": "hl", "subject": SUBJECT}, label)
        case Place.REPORT:
            report = {"resourceType": "DiagnosticReport", **_NAMING["DiagnosticReport"][1]}
            return _labelled({**report, "id": "hh", "subject": SUBJECT, "result": _pointers(members)}, label)
        case Place.CONTACT:
            for member in members:
                member["encounter"] = {"reference": "Encounter/he"}
            contact = {"resourceType": "Encounter", **_NAMING["Encounter"][1]}
            return _labelled({**contact, "id": "he", "subject": SUBJECT}, label)
        case _:
            return {
                "resourceType": "Composition",
                "id": "hc",
                "status": "final",
                "type": {"text": "Discharge summary"},
                "subject": SUBJECT,
                "date": "2024-05-01",
                "author": [{"display": "Dr Low"}],
                "title": "Discharge summary",
                # A code, as the standard says: of v3-Confidentiality, whatever it is.
                "confidentiality": "V" if label.get("system") == CONFIDENTIALITY else "R",
                "section": [{"title": "Findings", "entry": _pointers(members)}],
            }


def _pointers(resources: list[Json]) -> list[Json]:
    return [{"reference": _name(resource)} for resource in resources]


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource.get('id', '')}"


def _is_hidden(drawn: _Drawn, name: str) -> bool:
    """Return whether a name is of something withheld, or of what would not be there without it."""
    return any(_name(resource) == name for resource in drawn.hidden) or any(
        _name(holder) == name and member in _NEEDED and all(_is_hidden(drawn, named) for named in names)
        for holder, member, names in drawn.links
    )


def _add_naming(draw: DrawFn, drawn: _Drawn, kind: str, *, by: str = "") -> None:
    """Add an open resource that names some of what is open and of what is hidden."""
    member, rest = _NAMING[kind]
    key = "on" if by else "o"
    subject = {} if kind == "Provenance" else {"subject": SUBJECT}
    resource = {"resourceType": kind, "id": f"{key}{kind.lower()}", **subject, **rest}
    named = [other for other in (*drawn.open, *drawn.hidden) if other["resourceType"] != "Provenance"]
    names = sorted({_name(other) for other in named})
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    drawn.open.append(resource)
    drawn.links.append((resource, by or member, chosen))


def _belong_to_open_contact(drawn: _Drawn) -> None:
    """Let what can be of a contact, shown or withheld, be of one that is shown."""
    contact = {"resourceType": "Encounter", **_NAMING["Encounter"][1], "id": "oe", "subject": SUBJECT}
    for resource in (*drawn.open, *drawn.hidden):
        if resource["resourceType"] in {"Observation", "Condition", "Procedure"}:
            resource.setdefault("encounter", {"reference": "Encounter/oe"})
    drawn.open.append(contact)


def _answer(drawn: _Drawn, mixed: list[Json], *, place: Place, label: Json, is_with: bool) -> Answer:
    written: list[Json] = []
    for resource in mixed:
        if any(resource is hidden for hidden in drawn.hidden):
            if is_with:
                written.append(resource)
            continue
        whole = _with_links(drawn, resource, is_with=is_with)
        if whole is not None:
            written.append(whole)
    on_page = {id(resource) for resource in drawn.hidden} if place is Place.PAGE else set()
    pages = (
        tuple(resource for resource in written if id(resource) not in on_page),
        tuple(resource for resource in written if id(resource) in on_page),
    )
    patient = _patient()
    if place is Place.PATIENT:
        # Nothing that it says beside who it is would be known without it.
        patient = _labelled(patient, label) if is_with else {"resourceType": "Patient", "id": "1"}
    return Answer(
        patient=patient,
        pages=pages if place is Place.PAGE else (tuple(written),),
        page_labels=(label,) if place is Place.PAGE and is_with else (),
    )


def _with_links(drawn: _Drawn, resource: Json, *, is_with: bool) -> Json | None:
    """Return an open resource with what it says of others; None for one that nobody would have written."""
    whole: dict[str, Any] = dict(resource)
    for holder, member, names in drawn.links:
        if holder is not resource:
            continue
        left = [name for name in names if is_with or not _is_hidden(drawn, name)]
        if left:
            whole[member] = [_WRITE[member](name) for name in left]
        elif member in _NEEDED:
            return None
    return whole


def id_of(received: ReceivedItem, *, source_id: str) -> str:
    """Return an id that is the same in both records."""
    return hashlib.sha256(f"{source_id} {entry_name(entry=received.resource)}".encode()).hexdigest()[:32]
