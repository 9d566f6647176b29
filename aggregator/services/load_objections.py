"""Record that people on the programme's own list object to sharing: a part of the list at a time, as one act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    Each person gets an event. A number that nobody, or more than one person, is held under is rejected, and one of
    somebody who was born on another day.
    Raises: NotPermitted.
    """
    with acting(requester, Action.LOAD_OBJECTIONS, needs=Permission.MANAGE_CONSENT, detail={"load": load_id}) as act:
        held = births_by_number(nhs_numbers=[objection.nhs_number for objection in objections])
        notes: dict[UUID, str] = {}
        rejected: list[Rejected] = []
        for objection in objections:
            births = held.get(objection.nhs_number, {})
            if problem := _problem(objection, births):
                rejected.append(Rejected(line=objection.line, reason=problem, values=objection.as_values()))
            else:
                notes.setdefault(next(iter(births)), objection.reason)
        act.begin()
        operations.lock_people(person_ids=notes)
        already = queries.objecting(person_ids=notes)
        new = {person_id: note for person_id, note in notes.items() if person_id not in already}
        operations.write_objections(notes=new, load_id=load_id, user_id=requester.user_id, now=now)
        act.about_people(person_ids=new)
        recorded = len(new)
        act.note(recorded=recorded, rejected=len(rejected))
        return LoadedObjections(
            recorded=recorded, already=len(objections) - len(rejected) - recorded, rejected=tuple(rejected)
        )


def _problem(objection: Objection, births: Mapping[UUID, date | None]) -> str:
    if not births:
        return "nobody is held under this NHS number"
    if len(births) > 1:
        return "more than one person is held under this NHS number"
    (born,) = births.values()
    if objection.birth_date and born and born != objection.birth_date:
        return "birth_date is not that of the person with this NHS number"
    return ""
