"""Record that people on the programme's own list object to sharing: a part of the list at a time, as one act."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent import operations, queries
from aggregator.consent.objection_file import Objection
from aggregator.csv_rows import Rejected
from aggregator.mpi.queries import births_by_number


@dataclass(frozen=True, kw_only=True)
class LoadedObjections:
    """Every line is counted once: `recorded`, or `already` on record, or in `rejected`."""

    recorded: int
    already: int
    rejected: tuple[Rejected, ...]


def load_objections(
    *, requester: Requester, objections: Sequence[Objection], load_id: UUID, now: datetime
) -> LoadedObjections:
    """Record objections that are not on record. Safe to run again: what was recorded stays as it is.

    Each person gets an event. Of several people under one number the objection is recorded for all whose birth
    date is, or may be, its own: they may be one. Rejected are a number that nobody is held under, one of
    somebody who was born on another day, and one of several people without a date that says who is meant.
    Raises: NotPermitted.
    """
    with acting(requester, Action.LOAD_OBJECTIONS, needs=Permission.MANAGE_CONSENT, detail={"load": load_id}) as act:
        held = births_by_number(nhs_numbers=[objection.nhs_number for objection in objections])
        meant: list[tuple[Objection, tuple[UUID, ...]]] = []
        rejected: list[Rejected] = []
        for objection in objections:
            births = held.get(objection.nhs_number, {})
            person_ids = _meant(objection, births)
            if person_ids:
                meant.append((objection, person_ids))
            else:
                problem = _problem(objection, births)
                rejected.append(Rejected(line=objection.line, reason=problem, values=objection.as_values()))
        notes: dict[UUID, str] = {}
        for objection, person_ids in meant:
            for person_id in person_ids:
                notes.setdefault(person_id, objection.reason)
        act.begin()
        operations.lock_people(person_ids=notes)
        already = queries.objecting(person_ids=notes)
        new = {person_id: note for person_id, note in notes.items() if person_id not in already}
        operations.write_objections(notes=new, load_id=load_id, user_id=requester.user_id, now=now)
        act.about_people(person_ids=new)
        recorded = sum(not told.isdisjoint(new) for told in _first_told(person_ids for _, person_ids in meant))
        act.note(recorded=recorded, rejected=len(rejected))
        return LoadedObjections(recorded=recorded, already=len(meant) - recorded, rejected=tuple(rejected))


def _meant(objection: Objection, births: Mapping[UUID, date | None]) -> tuple[UUID, ...]:
    """Return which of the people under its number an objection is made by; none where that cannot be told."""
    if len(births) > 1 and not objection.birth_date:
        return ()
    allowed = (None, objection.birth_date)
    return tuple(person_id for person_id, born in births.items() if not objection.birth_date or born in allowed)


def _first_told(people: Iterable[Iterable[UUID]]) -> Iterator[set[UUID]]:
    """Yield of each group of people those whom none before it had."""
    told: set[UUID] = set()
    for person_ids in people:
        first = {*person_ids} - told
        told |= first
        yield first


def _problem(objection: Objection, births: Mapping[UUID, date | None]) -> str:
    """Return why nobody can be said to be meant by an objection."""
    if not births:
        return "nobody is held under this NHS number"
    if len(births) > 1 and not objection.birth_date:
        return "more than one person is held under this NHS number: a birth_date says who is meant"
    return "birth_date is not that of the person with this NHS number"
