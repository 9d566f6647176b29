"""Whom to ask, for what, and by when. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Reason

# A source is not asked when less than this is left of its time, or less than this share of it: hardly any answer would
# come, and the source would work for nothing. Seconds.
LEAST_TO_ASK_S, LEAST_SHARE_TO_ASK = 1.0, 0.25


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A registered source that might be asked.

    `local_identifiers` are those under which it may be asked for the person. Without any it is not in the plan, unless
    it is `in_doubt`: it holds the person under other identifiers, and a review must decide whether they are still this
    person's. `may_ask` is what the consent decision says; `needs_user`: it answers to a person only, and a system asks;
    `enabled` is false for a source that is not in use. `freshness_s`: how long after it was asked an answer of its may
    be used again, and `asked_under` what an answer now would be judged by (see `question.asked_under`).
    """

    source_id: UUID
    time_limit_s: float
    answers_serve_others: bool
    local_identifiers: tuple[str, ...]
    may_ask: bool
    enabled: bool
    in_doubt: bool = False
    needs_user: bool = False
    freshness_s: int = 0
    asked_under: str = ""


@dataclass(frozen=True, kw_only=True)
class FreshAnswer:
    """An answer that is used again: that of which flight, and until when it is held."""

    outcome_id: UUID
    held_until: datetime


@dataclass(frozen=True, kw_only=True)
class PlannedSource:
    """One source in a plan. `not_asked` is None for a source to ask, otherwise the reason why not.

    `fresh_since`: an answer to a question asked at that moment or later may be used again; None where none may.
    `answer` is the one that is.
    """

    source_id: UUID
    deadline_at: datetime
    flight_key: str
    not_asked: Reason | None = None
    asked_under: str = ""
    fresh_since: datetime | None = None
    answer: FreshAnswer | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether the source is asked, or the same question in flight is joined."""
        return self.not_asked is None and self.answer is None


@dataclass(frozen=True, kw_only=True)
class Plan:
    deadline_at: datetime
    sources: tuple[PlannedSource, ...]

    @property
    def awaits_any(self) -> bool:
        """Whether there is anything to wait for."""
        return any(source.is_awaited for source in self.sources)


def make_plan(
    *,
    candidates: Iterable[Candidate],
    categories: frozenset[RecordCategory],
    person_id: UUID,
    asker_id: UUID | None,
    deadline_s: float,
    now: datetime,
    max_age_s: int | None = None,
    anew: Collection[UUID] = (),
) -> Plan:
    """Return the plan of one retrieval.

    No answer that is older than `max_age_s` is used again, and none of the sources in `anew`.

    Every source that holds the person is in it, asked or not. A source that is not linked to the person is left out: it
    is not known to hold anything. The overall deadline is `deadline_s` seconds from now; a source's own deadline is
    that or its time limit, whichever comes first.
    """
    deadline_at = now + timedelta(seconds=deadline_s)
    planned: list[PlannedSource] = []
    for candidate in candidates:
        if not candidate.local_identifiers and not candidate.in_doubt:
            continue
        own_deadline = min(deadline_at, now + timedelta(seconds=candidate.time_limit_s))
        not_asked = _why_not(candidate)
        fresh_s = 0 if candidate.source_id in anew else _least(candidate.freshness_s, max_age_s)
        planned.append(
            PlannedSource(
                source_id=candidate.source_id,
                deadline_at=own_deadline,
                flight_key=flight_key(
                    source_id=candidate.source_id,
                    person_id=person_id,
                    categories=categories,
                    asker_id=None if candidate.answers_serve_others else asker_id,
                ),
                not_asked=not_asked,
                asked_under=candidate.asked_under,
                fresh_since=now - timedelta(seconds=fresh_s) if fresh_s and not not_asked else None,
            )
        )
    return Plan(deadline_at=deadline_at, sources=tuple(planned))


def with_answers(*, plan: Plan, fresh: Mapping[UUID, FreshAnswer]) -> Plan:
    """Return a plan in which these answers, by source, are used again. A source that may not be asked keeps none."""
    return replace(
        plan,
        sources=tuple(
            replace(source, answer=fresh.get(source.source_id)) if source.fresh_since else source
            for source in plan.sources
        ),
    )


def latest_start(*, created_at: datetime, deadline_at: datetime) -> datetime:
    """Return until when it makes sense to begin to ask a source: one that is given little time needs less of it."""
    return deadline_at - min(timedelta(seconds=LEAST_TO_ASK_S), LEAST_SHARE_TO_ASK * (deadline_at - created_at))


def _least(freshness_s: int, max_age_s: int | None) -> int:
    return freshness_s if max_age_s is None else min(freshness_s, max_age_s)


def _why_not(candidate: Candidate) -> Reason | None:
    if not candidate.may_ask:
        return Reason.MAY_NOT
    if candidate.needs_user:
        return Reason.NO_USER
    if not candidate.local_identifiers:
        return Reason.IDENTITY_IN_DOUBT
    return None if candidate.enabled else Reason.PAUSED


def flight_key(*, source_id: UUID, person_id: UUID, categories: Iterable[RecordCategory], asker_id: UUID | None) -> str:
    """Return a key that is equal for equal questions and reveals nothing about the person."""
    parts = [str(source_id), str(person_id), ",".join(sorted(categories)), str(asker_id or "")]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
