"""Questions put to sources, and how they ended, as rows: for what is said of answers that are used again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from django.conf import settings

from aggregator.accounts.requester import Requester
from aggregator.federation import operations, queries
from aggregator.federation.endings import Ending, IdentifierEnding
from aggregator.federation.models import SourceOutcome
from aggregator.federation.operations import Ended, Landed
from aggregator.federation.plan import Plan, make_plan, with_answers
from aggregator.federation.question import Question
from aggregator.mpi.models import Person
from aggregator.mpi.queries import held_by, with_decisions
from aggregator.sources.models import Source
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Outcome
from tests.factories import asker, candidate

TAKES = timedelta(seconds=1)


def planned(
    *,
    of: Person,
    at: Source,
    by: Requester,
    now: datetime,
    serves_others: bool = True,
    max_age_s: int | None = None,
    anew: Collection[UUID] = (),
    **values: Any,
) -> Plan:
    """Return the plan to ask a source, with an answer of its that may be used again."""
    held = with_decisions(held=held_by(person_id=of.id), person_id=of.id)
    source = Source.objects.get(id=at.id)
    plan = make_plan(
        candidates=[
            candidate(
                source_id=source.id,
                answers_serve_others=serves_others,
                freshness_s=source.freshness_s,
                asked_under=Question(held=held).asked_under(source=source),
                enabled=source.enabled,
                **values,
            )
        ],
        categories=CLINICAL_CATEGORIES,
        person_id=of.id,
        asker_id=by.asker_id,
        deadline_s=10,
        now=now,
        max_age_s=max_age_s,
        anew=anew,
    )
    return with_answers(plan=plan, fresh=queries.fresh_answers(plan=plan, now=now))


def opened(*, of: Person, by: Requester, now: datetime, **values: Any) -> UUID:
    """Open a record of one source, as `planned` has it."""
    return operations.write_retrieval(
        plan=planned(of=of, by=by, now=now, **values),
        person_id=of.id,
        requester=by,
        asker=asker(),
        categories=CLINICAL_CATEGORIES,
        now=now,
    )


def row_of(retrieval_id: UUID) -> SourceOutcome:
    """Return the one outcome of a retrieval."""
    return SourceOutcome.objects.select_related("joins", "retrieval").get(retrieval_id=retrieval_id)


def ended(
    retrieval_id: UUID, *, now: datetime, outcome: Outcome = Outcome.ANSWERED, is_whole: bool = True, held: bool = True
) -> UUID:
    """Have a worker ask for a retrieval, and its source end like this a second later."""
    row = row_of(retrieval_id)
    fan_out = operations.start(retrieval_id=retrieval_id, now=now)
    assert fan_out is not None
    operations.note_asked(starts={row.id: now})
    recorded(
        outcome_id=row.id,
        ending=Ending(outcome=outcome, item_count=3),
        by_identifier=tuple(
            IdentifierEnding(source_record_id=holding.source_record_id, ending=Ending(outcome=outcome))
            for flight in fan_out.flights
            for holding in flight.holdings
        ),
        is_whole=is_whole,
        now=now + TAKES,
    )
    operations.finish(retrieval_id=retrieval_id)
    if held and outcome.is_answer:
        hold(row)
    return retrieval_id


def recorded(
    *, outcome_id: UUID, ending: Ending, now: datetime, landed_at: datetime | None = None, **values: Any
) -> tuple[Landed, ...]:
    """Record how one source ended, by default as it lands; return the retrievals to notify."""
    ended = Ended(outcome_id=outcome_id, ending=ending, landed_at=landed_at or now, **values)
    return operations.record_outcomes(ended=[ended], now=now).get(outcome_id, ())


def hold(row: SourceOutcome) -> None:
    """Hold something in the place of an answer."""
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        client.set(_name(row), b"sealed", ex=600)


def lose(row: SourceOutcome) -> None:
    """Hold it no longer."""
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        client.delete(_name(row))


def _name(row: SourceOutcome) -> str:
    return f"held:{row.retrieval_id}:{row.source_id}"
