"""Writes to retrievals and outcomes. Each outcome is set once, by a condition in the statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from aggregator.accounts.requester import Requester
from aggregator.composed import composed_once
from aggregator.federation import statements, store
from aggregator.federation.clock import SteadyClock
from aggregator.federation.endings import Ending, IdentifierEnding
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.federation.plan import Plan, PlannedSource
from aggregator.federation.queries import endings_of_overdue
from aggregator.federation.question import Question
from aggregator.federation.store import Sealer
from aggregator.mpi.queries import HeldBy, held_by, with_decisions
from aggregator.sources.queries import address_of
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Asker, SourceAddress

# How often to try when the flight to be joined keeps ending meanwhile.
JOIN_ATTEMPTS = 3
# Outcomes in which the source said nothing.
_SAID_NOTHING = frozenset({Outcome.FAILED, Outcome.NOT_ASKED, Outcome.TIMED_OUT, Outcome.UNREACHABLE})


@dataclass(frozen=True, kw_only=True)
class PlannedFlight:
    """One source to ask for one retrieval: all that the fan-out needs, so that it reads no table itself.

    `holdings` are the source's own records of the person, empty when the last link ended after the plan was made; the
    source is not asked under one that is in doubt. `held` is everything that is linked to the person, at any source:
    answers are judged against it. `per_minute`: how often the source may be asked, None for as often as needed.
    `is_paused`: somebody has paused it since the plan was made, and it is not asked.
    """

    outcome_id: UUID
    source_id: UUID
    kind: str
    address: SourceAddress
    holdings: tuple[HeldBy, ...]
    held: tuple[HeldBy, ...]
    deadline_at: datetime
    per_minute: int | None = None
    is_paused: bool = False


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """One retrieval to run."""

    retrieval_id: UUID
    person_id: UUID
    asker: Asker
    categories: frozenset[RecordCategory]
    created_at: datetime
    deadline_at: datetime
    expires_at: datetime
    wrapped_key: bytes
    flights: tuple[PlannedFlight, ...]

    @cached_property
    def sealer(self) -> Sealer:
        """What seals its answers.

        Raises: SealBroken when its key does not belong to it.
        """
        return Sealer(master_key=settings.HELD_ITEMS_KEY, wrapped_key=self.wrapped_key, retrieval_id=self.retrieval_id)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a source that was asked for a retrieval has ended, to be recorded.

    `landed_at` is when. `is_whole`: nothing of the answer is missing, so that it may be used again. `clock` is that of
    its work, by which it is in time or late.
    """

    outcome_id: UUID
    ending: Ending
    landed_at: datetime
    by_identifier: tuple[IdentifierEnding, ...] = ()
    is_whole: bool = False
    clock: SteadyClock | None = None


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A retrieval that an outcome belongs to; `done` when it awaits nothing more."""

    retrieval_id: UUID
    done: bool


def write_retrieval(
    *,
    plan: Plan,
    person_id: UUID,
    requester: Requester,
    asker: Asker,
    categories: Iterable[RecordCategory],
    now: datetime,
    retrieval_id: UUID | None = None,
) -> UUID:
    """Write a retrieval and one outcome per planned source; a question already in flight is joined.

    It expires when the first answer expires that it shares: what it shows as answered stays there as long as it does.
    Without anything to wait for it is finished. Must run in a transaction.
    """
    retrieval_id = retrieval_id or uuid4()
    expires_at = now + timedelta(seconds=settings.RETRIEVAL_RETENTION_S)
    shared_until = [planned.answer.held_until for planned in plan.sources if planned.answer]
    state = RetrievalState.PLANNED if plan.awaits_any else RetrievalState.FINISHED
    with connection.cursor() as cursor:
        statements.PLAN_RETRIEVAL.execute(
            cursor,
            {
                "id": retrieval_id,
                "person_id": person_id,
                "user_id": requester.user_id,
                "asker_id": requester.asker_id,
                "organisation_ods": requester.organisation_ods,
                "role": requester.role.value,
                "purpose": requester.purpose.value,
                "asker": json.dumps(asdict(asker)),
                "categories": json.dumps(sorted(categories)),
                "state": state.value,
                "created_at": now,
                "deadline_at": plan.deadline_at,
                "expires_at": expires_at,
                "wrapped_key": store.new_wrapped_key(master_key=settings.HELD_ITEMS_KEY, retrieval_id=retrieval_id),
            },
        )
    _close_overdue(flight_keys=[planned.flight_key for planned in plan.sources], now=now)
    joined = _write_outcomes(retrieval_id=retrieval_id, planned=plan.sources, now=now)
    shared_until += [flight.retrieval.expires_at for flight in joined]
    if min(shared_until, default=expires_at) < expires_at:
        Retrieval.objects.filter(id=retrieval_id).update(expires_at=min(shared_until))
    return retrieval_id


def start(*, retrieval_id: UUID, now: datetime) -> FanOut | None:
    """Mark a planned retrieval as running and return what to ask; None when it was not planned, ran, or is too late.

    A task works only if this returns something: a message alone, without a planned retrieval, does nothing.
    """
    with transaction.atomic():  # read whole or left planned, so that it can be tried again
        with connection.cursor() as cursor:
            statements.BEGIN_RETRIEVAL.execute(
                cursor,
                {
                    "id": retrieval_id,
                    "planned": RetrievalState.PLANNED.value,
                    "running": RetrievalState.RUNNING.value,
                    "now": now,
                },
            )
            begun = cursor.fetchone()
        if begun is None:
            return None
        person_id, asker, categories, created_at, deadline_at, expires_at, wrapped_key = begun
        held = tuple(with_decisions(held=held_by(person_id=person_id), person_id=person_id))
        question = Question(held=held)
        awaited = _awaited(retrieval_id=retrieval_id)
        for row in awaited:
            asked = question.asked_under(source=row.source)
            if row.asked_under != asked:  # something has changed since the retrieval was planned
                SourceOutcome.objects.filter(id=row.id).update(asked_under=asked)
    return FanOut(
        retrieval_id=retrieval_id,
        person_id=person_id,
        asker=Asker(**json.loads(asker)),
        categories=frozenset(map(RecordCategory, json.loads(categories))),
        created_at=created_at,
        deadline_at=deadline_at,
        expires_at=expires_at,
        wrapped_key=bytes(wrapped_key),
        flights=tuple(
            PlannedFlight(
                outcome_id=row.id,
                source_id=row.source_id,
                kind=row.source.kind,
                address=address_of(source=row.source),
                holdings=tuple(holding for holding in held if holding.source_id == row.source_id),
                held=held,
                deadline_at=row.deadline_at,
                per_minute=row.source.requests_per_minute,
                is_paused=not row.source.enabled,
            )
            for row in awaited
        ),
    )


@composed_once
def _awaited(*, retrieval_id: UUID) -> QuerySet[SourceOutcome]:
    rows = SourceOutcome.objects.filter(retrieval_id=retrieval_id, outcome__isnull=True, joins__isnull=True)
    return rows.select_related("source")


def note_asked(*, starts: Mapping[UUID, datetime]) -> None:
    """Set when sources were first asked, by outcome id; flights that have ended already are left alone."""
    with connection.cursor() as cursor:
        statements.NOTE_ASKED.execute(
            cursor, {"ids": [str(outcome_id) for outcome_id in starts], "times": list(starts.values())}
        )


def record_outcomes(*, ended: Sequence[Ended], now: datetime) -> dict[UUID, tuple[Landed, ...]]:
    """Set the outcomes of sources, each once; return by outcome id the retrievals to notify, each of these once.

    None for a source that had an outcome already. An answer recorded after the source's deadline can no longer be
    shown, and that is our fault; `now` is the time of those that bring no clock. All are set or, where it raises, none.
    Raises: OperationalError, among others, when a row is locked: to wait for it would make `now` untrue.
    """
    unrecorded = [_unrecorded(each.ending) for each in ended]
    with connection.cursor() as cursor:  # a single statement, so a transaction of its own
        statements.RECORD_OUTCOMES.execute(
            cursor,
            {
                "ids": [str(each.outcome_id) for each in ended],
                "outcomes": [each.ending.outcome.value for each in ended],
                "reasons": [each.ending.reason or "" for each in ended],
                "since": [each.ending.since for each in ended],
                "counts": [each.ending.item_count for each in ended],
                "by_identifier": [json.dumps([_as_json(one) for one in each.by_identifier]) for each in ended],
                "are_whole": [each.is_whole for each in ended],
                "unrecorded": [ending.outcome.value for ending in unrecorded],
                "unrecorded_reasons": [ending.reason or "" for ending in unrecorded],
                "landed_at": [each.landed_at for each in ended],
                "nows": [each.clock.now() if each.clock else now for each in ended],
            },
        )
        recorded = [str(outcome_id) for (outcome_id,) in cursor.fetchall()]
    if not recorded:
        return {}
    # After the commit, so that a retrieval that joined just before is seen.
    with connection.cursor() as cursor:
        statements.TOLD_OF_OUTCOMES.execute(cursor, {"ids": recorded})
        told = {row[1]: row for row in cursor.fetchall()}
    landed: dict[UUID, tuple[Landed, ...]] = {}
    for outcome_id, retrieval_id, done in told.values():
        landed[outcome_id] = (*landed.get(outcome_id, ()), Landed(retrieval_id=retrieval_id, done=done))
    return landed


def finish(*, retrieval_id: UUID) -> None:
    """Mark a running retrieval as finished."""
    states = {"running": RetrievalState.RUNNING.value, "finished": RetrievalState.FINISHED.value}
    with connection.cursor() as cursor:
        statements.FINISH_RETRIEVAL.execute(cursor, {"id": retrieval_id, **states})


def told_if_over(*, retrieval_id: UUID) -> tuple[Landed, ...]:
    """Return a retrieval when it awaits no flight, its own or joined."""
    return () if _still_awaited(retrieval_id=retrieval_id) else (Landed(retrieval_id=retrieval_id, done=True),)


@composed_once
def _still_awaited(*, retrieval_id: UUID) -> QuerySet[SourceOutcome, UUID]:
    own = SourceOutcome.objects.filter(retrieval_id=retrieval_id, outcome__isnull=True)
    return own.filter(Q(joins__isnull=True) | Q(joins__outcome__isnull=True)).values_list("id", flat=True)[:1]


def fail(*, retrieval_id: UUID, reason: Reason, now: datetime) -> None:
    """End a retrieval that could not be run: every source still awaited ends as failed, our fault."""
    with transaction.atomic():
        Retrieval.objects.filter(id=retrieval_id).update(state=RetrievalState.FAILED)
        _fail_awaited(retrieval_id=retrieval_id, reason=reason, now=now)


def give_up(*, retrieval_id: UUID, reason: Reason, now: datetime) -> tuple[Landed, ...] | None:
    """End a planned retrieval that no worker will begin; return it when it awaits nothing more.

    None where there was none to end: it has begun, or its deadline has passed. Nothing is written after that: readers
    have seen by then how it ended.
    """
    with transaction.atomic():
        planned = Retrieval.objects.filter(id=retrieval_id, state=RetrievalState.PLANNED, deadline_at__gt=now)
        if not planned.update(state=RetrievalState.FAILED):
            return None
        _fail_awaited(retrieval_id=retrieval_id, reason=reason, now=now)
    return told_if_over(retrieval_id=retrieval_id)


def _fail_awaited(*, retrieval_id: UUID, reason: Reason, now: datetime) -> None:
    SourceOutcome.objects.filter(retrieval_id=retrieval_id, outcome__isnull=True, joins__isnull=True).update(
        outcome=Outcome.FAILED, reason=reason, ended_at=now
    )


def _unrecorded(ending: Ending) -> Ending:
    """Return how to record an ending that could only be recorded after the deadline.

    What a source said can then no longer be shown, and that is our fault also where it landed late: whoever asks gives
    up before the deadline, so what lands after it was kept waiting by us.
    """
    if ending.outcome in _SAID_NOTHING:
        return ending
    return Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED)


def _as_json(identifier: IdentifierEnding) -> dict[str, str | int]:
    return {
        "source_record_id": str(identifier.source_record_id),
        "outcome": identifier.ending.outcome.value,
        "reason": identifier.ending.reason or "",
        "item_count": identifier.ending.item_count,
    }


def _close_overdue(*, flight_keys: list[str], now: datetime) -> None:
    """End flights whose worker died or that no worker started, so that nobody joins them."""
    with connection.cursor() as cursor:
        statements.OVERDUE.execute(cursor, {"flight_keys": flight_keys, "now": now})
        ids = [outcome_id for (outcome_id,) in cursor.fetchall()]
    if not ids:
        return
    overdue = SourceOutcome.objects.filter(id__in=ids).select_related("retrieval")
    for outcome_id, ending in endings_of_overdue(flights=overdue).items():
        SourceOutcome.objects.filter(id=outcome_id, outcome__isnull=True).update(
            outcome=ending.outcome, reason=ending.reason or "", ended_at=now
        )


def _write_outcomes(*, retrieval_id: UUID, planned: Sequence[PlannedSource], now: datetime) -> list[SourceOutcome]:
    """Write the planned sources: not asked, answered already, asked by this retrieval, or joined to one in flight.

    Return the flights that it joins which are in flight, each with its retrieval.
    """
    with connection.cursor() as cursor:
        # In one statement: only a question that is in flight already conflicts with a row, and is left out.
        statements.PLAN_OUTCOMES.execute(
            cursor,
            {
                "retrieval_id": retrieval_id,
                "ids": [str(uuid4()) for _ in planned],
                "sources": [str(each.source_id) for each in planned],
                "joins": [str(each.answer.outcome_id) if each.answer else None for each in planned],
                "flight_keys": [each.flight_key for each in planned],
                "asked_under": [each.asked_under if each.is_awaited else "" for each in planned],
                "deadlines": [each.deadline_at for each in planned],
                "outcomes": [Outcome.NOT_ASKED.value if each.not_asked else None for each in planned],
                "reasons": [each.not_asked.value if each.not_asked else "" for each in planned],
                "ended_at": [now if each.not_asked else None for each in planned],
            },
        )
        written = {source_id for (source_id,) in cursor.fetchall()}
    joined = [_join(retrieval_id=retrieval_id, planned=each) for each in planned if each.source_id not in written]
    return [flight for flight in joined if flight is not None]


def _join(*, retrieval_id: UUID, planned: PlannedSource) -> SourceOutcome | None:
    """Join a question to the flight that asks it, and return that with its retrieval.

    Where it has ended meanwhile, the question is asked by this retrieval; return None.
    """
    for _ in range(JOIN_ATTEMPTS):
        # Locked, so that its outcome cannot land between this read and our commit.
        in_flight = (
            SourceOutcome.objects.select_for_update(of=("self",))
            .select_related("retrieval")
            .filter(flight_key=planned.flight_key, outcome__isnull=True, joins__isnull=True)
            .first()
        )
        row = SourceOutcome(
            retrieval_id=retrieval_id,
            source_id=planned.source_id,
            flight_key=planned.flight_key,
            deadline_at=planned.deadline_at,
            joins=in_flight,
            asked_under="" if in_flight else planned.asked_under,
        )
        if in_flight:
            row.save(force_insert=True)
            return in_flight
        with suppress(IntegrityError), transaction.atomic():
            row.save(force_insert=True)
            return None
    raise RuntimeError("a flight could be neither started nor joined")
