"""What sources answered and a decision -> what of it may be shown: items, counts, notices and each one's Patient. Pure.

Everything that is said of an answer is taken from what is left of it here: how many items it brought, what could not be
shown, what it warns of. So what is withheld leaves no trace in any of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import structs

from aggregator.consent.beyond_scope import is_notice_beyond
from aggregator.consent.decision import Decision
from aggregator.consent.filter import permit
from aggregator.consent.whereabouts import without_whereabouts
from aggregator.record.item import Item
from aggregator.record.patient_details import is_restricted
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice
from connectors.contract.values import QuarantinedEntry
from fhir_data.confidentiality import restricts
from fhir_data.errors import UnreadableEntry
from fhir_data.heads import entry_name, type_of
from fhir_data.labels import UNREADABLE
from fhir_data.limits import MAX_VALUES
from fhir_data.parsing import read_entry
from fhir_data.references import references_in
from fhir_data.size import holds_more_values


@dataclass(frozen=True, kw_only=True)
class SourceAnswer:
    """What one source said under one identifier.

    `patient` is its own Patient as sent, and `patient_read` its bytes as R4 without what is at fault in it.
    """

    source_id: str
    received_at: datetime
    items: tuple[Item, ...]
    quarantined: tuple[QuarantinedEntry, ...]
    notices: tuple[Notice, ...]
    patient: Item | None = None
    patient_read: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class PermittedAnswers:
    """What may be shown of each answer, in the order given, and of all together.

    `withheld` are the items and entries that may not be shown, for the audit's count; `is_withheld`: anything may not.
    `is_whereabouts_restricted`: a source restricts where the patient lives and how to reach them.
    """

    answers: tuple[SourceAnswer, ...]
    withheld: tuple[Item, ...]
    is_withheld: bool
    is_whereabouts_restricted: bool

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of all answers."""
        return tuple(item for answer in self.answers for item in answer.items)


def permit_answers(
    *, answers: Iterable[SourceAnswer], decision: Decision, is_whereabouts_restricted: bool = False
) -> PermittedAnswers:
    """Return what of these answers may be shown. `is_whereabouts_restricted`: it is known so, whatever they say.

    Where an answer's own Patient may not be, nothing of that answer may. Whereabouts that one source restricts are told
    by none: no reference of a Patient is followed then, and what else tells them is taken out.
    """
    received = tuple(_inheriting(answer, decision=decision) for answer in answers)
    whereabouts_restricted = is_whereabouts_restricted or any(
        _restricts_whereabouts(each.patient) for each in received if each.patient
    )
    if whereabouts_restricted:
        received = tuple(replace(answer, items=without_whereabouts(items=answer.items)) for answer in received)
    set_aside = {at: _as_items(answer, at=at) for at, answer in enumerate(received)}
    permitted = permit(
        items=[item for answer in received for item in answer.items],
        decision=decision,
        patients=() if whereabouts_restricted else _patients(received, decision=decision),
        set_aside=[item for items in set_aside.values() for item in items],
    )
    shown = {item.id: item for item in permitted.items}
    counted = {item.id for item in permitted.set_aside}
    withheld = {item.id for item in (*permitted.withheld, *permitted.beyond_scope)}
    emptied = {item.id for item in permitted.emptied}
    left: list[SourceAnswer] = []
    lost_notices = False
    for at, answer in enumerate(received):
        of_answer = (*answer.items, *set_aside[at])
        notices = _open_notices(
            answer,
            hidden=_names(item for item in of_answer if item.id in withheld),
            emptied=_names(item for item in of_answer if item.id in emptied),
        )
        notices = tuple(one for one in notices if not is_notice_beyond(notice=one, scopes=decision.scopes))
        lost_notices |= any(_is_labelled(notice) for notice in answer.notices)
        may_show_patient = answer.patient is not None and decision.may_show(item=answer.patient)
        pairs = zip(answer.quarantined, set_aside[at], strict=True)
        left.append(
            replace(
                answer,
                items=tuple(shown[item.id] for item in answer.items if item.id in shown),
                quarantined=tuple(entry for entry, item in pairs if item.id in counted),
                notices=notices,
                patient=answer.patient if may_show_patient else None,
                patient_read=answer.patient_read if may_show_patient else None,
            )
        )
    is_patient_withheld = any(
        before.patient is not None and after.patient is None for before, after in zip(received, left, strict=True)
    )
    return PermittedAnswers(
        answers=tuple(left),
        withheld=permitted.withheld,
        is_withheld=bool(permitted.withheld) or lost_notices or is_patient_withheld,
        is_whereabouts_restricted=whereabouts_restricted,
    )


def _inheriting(answer: SourceAnswer, /, *, decision: Decision) -> SourceAnswer:
    """Return an answer whose entries have the labels of its own Patient, where that may not be shown.

    And one that nothing permits: what the patient permits in the entries does not make up for whom they are about.
    """
    if answer.patient is None or decision.may_show(item=answer.patient):
        return answer
    labels = (*answer.patient.labels, UNREADABLE)
    return replace(
        answer,
        items=tuple(structs.replace(item, labels=(*item.labels, *labels)) for item in answer.items),
        quarantined=tuple(replace(entry, labels=(*entry.labels, *labels)) for entry in answer.quarantined),
    )


def _restricts_whereabouts(patient: Item) -> bool:
    return is_restricted(patient=patient.resource) or any(restricts(label) for label in patient.labels)


def _patients(answers: Iterable[SourceAnswer], /, *, decision: Decision) -> list[Item]:
    """Return the Patients whose references may be followed: as they were read, and as sent, for details are both."""
    return [
        structs.replace(answer.patient, resource=resource)
        for answer in answers
        if answer.patient and decision.may_show(item=answer.patient)
        for resource in dict.fromkeys([answer.patient_read, answer.patient.resource])
        if resource
    ]


def _as_items(answer: SourceAnswer, /, *, at: int) -> list[Item]:
    """Return the quarantined entries of an answer as items, for the gates to decide on; none is ever shown."""
    return [
        Item(
            id=f"set aside {at} {number}",
            source_id=answer.source_id,
            category=entry.category or RecordCategory.OTHER,
            resource=_readable(entry),
            labels=entry.labels,
            full_url=entry.full_url,
        )
        for number, entry in enumerate(answer.quarantined)
    ]


def _readable(entry: QuarantinedEntry, /) -> bytes:
    """Return an entry as far as it can be read: for its name and its references.

    What reads nothing but FHIR may refuse it for a number alone. One that is not even JSON leads nowhere. Of one that
    holds too much to be parsed the name is read, and where its references lead if it hands a label on.
    """
    if holds_more_values(body=entry.original, than=MAX_VALUES):
        references = references_in(resource=entry.original) if entry.labels else ()
        return _named(entry_name(entry=entry.original), references=references)
    try:
        leniently = json.dumps(json.loads(entry.original, parse_float=str, parse_int=str, parse_constant=str)).encode()
    except (ValueError, RecursionError):
        leniently = b"{}"
    for resource in (entry.original, leniently):
        try:
            read_entry(entry=resource)
        except UnreadableEntry:
            continue
        return resource
    return _named(entry_name(entry=leniently))


def _named(name: str, /, *, references: Iterable[str] = ()) -> bytes:
    """Return a resource that says only what it is known by, and what it refers to."""
    kind, _, key = name.partition("/")
    entries = [{"item": {"reference": reference}} for reference in dict.fromkeys(references)]
    return json.dumps({"resourceType": kind, "id": key, "entry": entries}).encode() if name else b"{}"


def _open_notices(
    answer: SourceAnswer, /, *, hidden: AbstractSet[str], emptied: AbstractSet[str]
) -> tuple[Notice, ...]:
    """Return the notices of an answer that may be shown, each once and on the grounds that are left."""
    said = (notice.without(hidden=hidden, emptied=emptied) for notice in answer.notices if not _is_labelled(notice))
    return tuple(dict.fromkeys(replace(notice, grounds=()) for notice in said if notice is not None))


def _is_labelled(notice: Notice, /) -> bool:
    return any(restricts(label) for label in notice.labels)


def _names(items: Iterable[Item]) -> frozenset[str]:
    """Return the names of items as sent: the type may be another in R4, and an id may have been given to one."""
    return frozenset(name for item in items for name in _names_of(item) if name)


def _names_of(item: Item, /) -> Iterator[str]:
    key = entry_name(entry=item.resource).partition("/")[2]
    yield f"{type_of(entry=item.resource)}/{key}"
    if item.original is not None:
        yield f"{type_of(entry=item.original)}/{key}"
        yield entry_name(entry=item.original)
