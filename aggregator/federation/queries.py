"""Reads of retrievals: the state of each source, and its held answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from aggregator.composed import composed_once
from aggregator.federation import statements, store
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.connections import client_for_threads
from aggregator.federation.endings import Ending, IdentifierEnding, overdue_ending
from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.federation.plan import FreshAnswer, Plan, PlannedSource
from aggregator.federation.store import SealBroken, Sealer
from aggregator.sources.models import Source
from aggregator.sources.queries import does_not_serve, may_hold
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome, reason_of

# An answer is used again while at least this share of the time is left for which answers are held: a record that shows
# it can be read for as long.
LEAST_HOLD_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """The state of one planned source. `ending` None: still awaited.

    `flight_retrieval_id` names the retrieval that asks the source: this one, or the one that it joined; the answer is
    held under that. `by_identifier` says how the request under each of the person's identifiers ended, once that is
    recorded. `is_kept`: the answer was there already when the record was opened. `holds` are the categories that the
    source may hold, `not_served` those that its kind could give and this source does not.
    """

    source_id: UUID
    source_name: str
    organisation_name: str
    kind: str
    holds: frozenset[RecordCategory]
    not_served: frozenset[RecordCategory]
    ending: Ending | None
    ended_at: datetime | None
    flight_retrieval_id: UUID
    by_identifier: tuple[IdentifierEnding, ...] = ()
    is_kept: bool = False


@dataclass(frozen=True, kw_only=True)
class RetrievalView:
    """The state of one retrieval."""

    retrieval_id: UUID
    person_id: UUID
    created_at: datetime
    deadline_at: datetime
    expires_at: datetime
    sources: tuple[SourceState, ...]

    @property
    def complete(self) -> bool:
        """Whether every planned source has its outcome."""
        return all(source.ending is not None for source in self.sources)


@dataclass(frozen=True, kw_only=True)
class LastOutcome:
    """How a source ended most recently, in any retrieval; both None when it was never asked."""

    source_id: UUID
    ending: Ending | None
    ended_at: datetime | None


_FIGURES = """
SELECT source_id, count(*), count(*) FILTER (WHERE is_answer),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY took_ms) FILTER (WHERE is_answer),
    percentile_disc(0.95) WITHIN GROUP (ORDER BY took_ms) FILTER (WHERE is_answer)
FROM (
    SELECT source_id, outcome NOT IN ('timed-out', 'unreachable') AS is_answer,
        extract(epoch FROM ended_at - asked_at)::float8 * 1000 AS took_ms
    FROM source_outcome JOIN unnest(%(sources)s::uuid[], %(anew)s::timestamptz[]) AS looked (source_id, anew_at)
        USING (source_id)
    WHERE ended_at > %(since)s AND joins_id IS NULL AND (anew_at IS NULL OR asked_at >= anew_at)
        AND outcome NOT IN ('failed', 'not-asked') AND reason <> 'address'
) AS ended
GROUP BY source_id
"""


@dataclass(frozen=True, kw_only=True)
class RecentFigures:
    """What lately ended requests say of a source. How long answers took: in milliseconds, None without an answer."""

    requests: int
    answered: int
    p50_ms: float | None
    p95_ms: float | None


def retrieval_view(*, retrieval_id: UUID, asker_id: UUID | None, now: datetime) -> RetrievalView | None:
    """Return the state of a retrieval at `now`, or None when there is none, it is another's or it has expired.

    Who asked, `asker_id`, is part of the question to the database: another's is answered as one that does not exist.

    A source that was asked and has no outcome at its deadline has timed out, even if the worker died. The fault is ours
    where it was not asked, or where its answer came and was not recorded.
    """
    retrievals = _retrieval(retrieval_id=retrieval_id, asker_id=asker_id, now=now) if asker_id else []
    if not retrievals:
        return None
    (retrieval,) = retrievals
    rows = _outcomes(retrieval_id=retrieval_id)
    for row in rows:
        row.retrieval = retrieval  # read once for all
    overdue = endings_of_overdue(flights=[row.joins or row for row in rows if _is_overdue(row, now=now)])
    return RetrievalView(
        retrieval_id=retrieval.id,
        person_id=retrieval.person_id,
        created_at=retrieval.created_at,
        deadline_at=retrieval.deadline_at,
        expires_at=retrieval.expires_at,
        sources=tuple(_state(row, overdue=overdue) for row in rows),
    )


@composed_once
def _retrieval(*, retrieval_id: UUID, asker_id: UUID, now: datetime) -> QuerySet[Retrieval]:
    return Retrieval.objects.filter(id=retrieval_id, asker_id=asker_id, expires_at__gt=now)


@composed_once
def _outcomes(*, retrieval_id: UUID) -> QuerySet[SourceOutcome]:
    return (
        SourceOutcome.objects.filter(retrieval_id=retrieval_id)
        .select_related("source__organisation", "joins__retrieval")
        .order_by("source__rank", "source__slug")
    )


def endings_of_overdue(*, flights: Iterable[SourceOutcome]) -> dict[UUID, Ending]:
    """Return, by id, how flights ended that have no outcome at their deadline; each comes with its retrieval loaded."""
    overdue = list(flights)
    held = _which_are_held([(flight.retrieval_id, flight.source_id) for flight in overdue])
    return {
        flight.id: overdue_ending(
            started=flight.retrieval.state != RetrievalState.PLANNED,
            asked=flight.asked_at is not None,
            waited_s=_waited(flight).total_seconds(),
            held=(flight.retrieval_id, flight.source_id) in held,
        )
        for flight in overdue
    }


def fresh_answers(*, plan: Plan, now: datetime) -> dict[UUID, FreshAnswer]:
    """Return the answers that may be used again for a plan, by source.

    The newest request with the same question decides: it must have been answered in whole, recently enough, and under
    just what the source would be asked under now. Where it failed, or is in flight, nothing older is used. The answer
    must still be held, and for long enough that a record that shows it can be read.
    """
    wanted = {planned.flight_key: planned for planned in plan.sources if planned.fresh_since is not None}
    if not wanted:
        return {}
    oldest = min(planned.fresh_since for planned in wanted.values() if planned.fresh_since is not None)
    rows = (
        SourceOutcome.objects.filter(flight_key__in=wanted, joins__isnull=True, deadline_at__gte=oldest)
        .select_related("retrieval")
        .order_by("retrieval__created_at", "id")
    )
    newest = {row.flight_key: row for row in rows}
    fresh = [row for key, row in newest.items() if _may_be_used_again(row, planned=wanted[key], now=now)]
    held = _which_are_held([(row.retrieval_id, row.source_id) for row in fresh])
    return {
        row.source_id: FreshAnswer(outcome_id=row.id, held_until=row.retrieval.expires_at)
        for row in fresh
        if (row.retrieval_id, row.source_id) in held
    }


def _may_be_used_again(row: SourceOutcome, *, planned: PlannedSource, now: datetime) -> bool:
    if row.asked_at is None or row.ended_at is None or planned.fresh_since is None:
        return False
    return (
        row.is_whole
        and row.outcome in (Outcome.ANSWERED, Outcome.EMPTY)
        and row.asked_under == planned.asked_under
        and planned.fresh_since <= row.asked_at
        and row.ended_at <= now
        and row.retrieval.expires_at >= now + LEAST_HOLD_SHARE * timedelta(seconds=settings.RETRIEVAL_RETENTION_S)
    )


def held_answers(*, view: RetrievalView) -> dict[UUID, tuple[HeldAnswer, ...] | None]:
    """Return the held answers of the sources that answered, by source; None for one that is lost or cannot be opened.

    Raises: redis.RedisError when the store cannot be reached.
    """
    by_flight: dict[UUID, list[UUID]] = {}
    for state in view.sources:
        if state.ending is not None and state.ending.outcome.is_answer:
            by_flight.setdefault(state.flight_retrieval_id, []).append(state.source_id)
    held: dict[UUID, tuple[HeldAnswer, ...] | None] = {}
    keys = _wrapped_keys(by_flight) if by_flight else {}
    for flight_id, source_ids in by_flight.items():
        blobs = store.get(client=_client(), retrieval_id=flight_id, source_ids=source_ids)
        for source_id in source_ids:
            held[source_id] = _opened(flight_id, keys.get(flight_id), source_id, blobs.get(source_id))
    return held


def _wrapped_keys(retrieval_ids: Iterable[UUID], /) -> dict[UUID, bytes]:
    """Return the keys of retrievals that are there, as far as they have not been erased."""
    with connection.cursor() as cursor:
        statements.WRAPPED_KEYS.execute(cursor, {"ids": list(map(str, retrieval_ids))})
        return {retrieval_id: bytes(key) for retrieval_id, key in cursor.fetchall()}


def last_outcomes() -> list[LastOutcome]:
    """Return the most recent outcome of every source."""
    newest = SourceOutcome.objects.filter(
        source_id=OuterRef("id"), outcome__isnull=False, ended_at__isnull=False
    ).order_by("-ended_at")
    rows = Source.objects.annotate(
        last_outcome=Subquery(newest.values("outcome")[:1]),
        last_reason=Subquery(newest.values("reason")[:1]),
        last_item_count=Subquery(newest.values("item_count")[:1]),
        last_at=Subquery(newest.values("ended_at")[:1]),
    ).order_by("rank", "slug")
    return [
        LastOutcome(
            source_id=row.id,
            ending=_ending(row.last_outcome, row.last_reason, row.last_item_count),
            ended_at=row.last_at,
        )
        for row in rows
    ]


def recent_figures(*, sources: Mapping[UUID, datetime | None], since: datetime) -> dict[UUID, RecentFigures]:
    """Return what requests that ended since a moment say of sources; without those that were not asked.

    `sources` says of each since when it is asked as it is now, None for always: what was asked of it before says
    nothing. One that refuses, or sends what cannot be used, is there and answers. What is our own fault says nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"sources": list(sources), "anew": list(sources.values()), "since": since})
        return {
            source_id: RecentFigures(requests=requests, answered=answered, p50_ms=p50_ms, p95_ms=p95_ms)
            for source_id, requests, answered, p50_ms, p95_ms in cursor.fetchall()
        }


def _is_overdue(row: SourceOutcome, *, now: datetime) -> bool:
    flight = row.joins or row
    return flight.outcome is None and now > min(row.deadline_at, flight.deadline_at)


def _waited(flight: SourceOutcome) -> timedelta:
    """Return how long after it was sent a flight began to ask its source."""
    return flight.asked_at - flight.retrieval.created_at if flight.asked_at else timedelta()


def _which_are_held(answers: list[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    if not answers:
        return set()
    try:
        return store.which_are_held(client=_client(), answers=answers)
    except redis.RedisError:
        return set()


def _state(row: SourceOutcome, *, overdue: dict[UUID, Ending]) -> SourceState:
    flight = row.joins or row
    return SourceState(
        source_id=row.source_id,
        source_name=row.source.name,
        organisation_name=row.source.organisation.name,
        kind=row.source.kind,
        holds=may_hold(source=row.source),
        not_served=does_not_serve(source=row.source),
        ending=_ending(flight.outcome, flight.reason, flight.item_count, since=flight.since_at)
        or overdue.get(flight.id),
        ended_at=flight.ended_at,
        flight_retrieval_id=flight.retrieval_id,
        is_kept=row.joins is not None and flight.ended_at is not None and flight.ended_at <= row.retrieval.created_at,
        by_identifier=tuple(
            IdentifierEnding(
                source_record_id=UUID(recorded["source_record_id"]),
                ending=Ending(
                    outcome=Outcome(recorded["outcome"]),
                    reason=reason_of(recorded["reason"]),
                    item_count=recorded["item_count"],
                ),
            )
            for recorded in flight.by_identifier
        ),
    )


def _ending(
    outcome: str | None, reason: str | None, item_count: int | None, *, since: datetime | None = None
) -> Ending | None:
    """Return a recorded ending; None where none is recorded."""
    if not outcome:
        return None
    return Ending(outcome=Outcome(outcome), reason=reason_of(reason or ""), item_count=item_count or 0, since=since)


def _opened(
    flight_id: UUID, wrapped_key: bytes | None, source_id: UUID, blob: bytes | None
) -> tuple[HeldAnswer, ...] | None:
    if blob is None or wrapped_key is None:
        return None
    try:
        sealer = Sealer(master_key=settings.HELD_ITEMS_KEY, wrapped_key=wrapped_key, retrieval_id=flight_id)
        return sealer.open(source_id=source_id, blob=blob)
    except SealBroken:
        return None


@cache
def _client() -> redis.Redis:
    return client_for_threads()
