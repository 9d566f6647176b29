"""Open a person's record: decide, plan which sources to ask, and queue the retrieval."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import queries as consent_queries
from aggregator.consent.decision import Decision
from aggregator.errors import NotFound
from aggregator.federation import load, operations, progress, tasks
from aggregator.federation import queries as federation_queries
from aggregator.federation.askers import asker_of
from aggregator.federation.plan import Candidate, Plan, make_plan, with_answers
from aggregator.federation.question import Question
from aggregator.mpi import queries as mpi_queries
from aggregator.sources import catalogue
from aggregator.sources.queries import all_sources
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Reason


def open_record(
    *,
    requester: Requester,
    person_id: UUID,
    now: datetime,
    max_age_s: int | None = None,
    anew: Collection[UUID] = (),
) -> UUID:
    """Start a retrieval of a person's record and return its id.

    A source whose answer to the same question is still fresh is not asked again: that answer is shown, with its age.
    With `max_age_s` none is that is older, with 0 none at all; the sources in `anew` are asked in any case. A question
    that is in flight is joined all the same. The page then follows the retrieval; each source's outcome lands
    separately. When the queue does not accept the task, the retrieval ends as failed, and the page says so.
    Raises: NotFound; NotPermitted with the first gate that refused; TooBusy when so much is under way that it could not
    be done in time, before anything of it is. A record of held answers alone is always opened, and in an emergency
    more may be under way. Of a person who was joined to another it is the other's record that is opened.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.OPEN_RECORD, needs=Needs.GATES, about=about) as act:
        person = mpi_queries.person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        decision = consent_queries.decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now
        )
        act.require(decision=decision)
        plan = _plan(
            requester=requester, person_id=person_id, decision=decision, now=now, max_age_s=max_age_s, anew=anew
        )
        plan = with_answers(plan=plan, fresh=federation_queries.fresh_answers(plan=plan, now=now))
        retrieval_id = uuid4()
        if plan.awaits_any:
            _let_in(
                retrieval_id=retrieval_id, until=plan.deadline_at, emergency=decision.emergency is not None, now=now
            )
        act.begin()
        operations.write_retrieval(
            retrieval_id=retrieval_id,
            plan=plan,
            person_id=person_id,
            requester=requester,
            asker=asker_of(requester=requester),
            categories=CLINICAL_CATEGORIES,
            now=now,
        )
        act.about(retrieval_id=retrieval_id)
        act.note(
            sources=[planned.source_id for planned in plan.sources],
            kept=[planned.source_id for planned in plan.sources if planned.answer],
        )
        if max_age_s is not None:
            act.note(max_age_s=max_age_s)
        if anew:
            act.note(anew=[planned.source_id for planned in plan.sources if planned.source_id in anew])
    if not plan.awaits_any:
        progress.note_done(retrieval_id=retrieval_id)
        return retrieval_id
    # Committed, so that the worker finds the retrieval.
    try:
        tasks.send(retrieval_id=retrieval_id, deadline_at=plan.deadline_at)
    except tasks.QueueUnavailable:
        operations.fail(retrieval_id=retrieval_id, reason=Reason.QUEUE, now=now)
        load.give_back(work_id=retrieval_id)
    return retrieval_id


def _let_in(*, retrieval_id: UUID, until: datetime, emergency: bool, now: datetime) -> None:
    """Go on only if there is room for one more retrieval.

    Raises: TooBusy.
    """
    if not load.take_place(work_id=retrieval_id, until=until, emergency=emergency, now=now):
        raise load.too_busy(to="open another record")


def _plan(
    *,
    requester: Requester,
    person_id: UUID,
    decision: Decision,
    now: datetime,
    max_age_s: int | None,
    anew: Collection[UUID],
) -> Plan:
    holdings = mpi_queries.with_decisions(held=mpi_queries.held_by(person_id=person_id), person_id=person_id)
    question = Question(held=holdings)
    candidates = []
    for source in all_sources():
        capabilities = catalogue.capabilities_of(kind=source.kind)
        own = [holding for holding in holdings if holding.source_id == source.id]
        candidates.append(
            Candidate(
                source_id=source.id,
                time_limit_s=min(source.time_limit_s, settings.SOURCE_TIME_LIMIT_S),
                answers_serve_others=capabilities.answers_serve_others,
                local_identifiers=tuple(holding.identifier_value for holding in own if not holding.in_doubt),
                in_doubt=any(holding.in_doubt for holding in own),
                may_ask=decision.may_ask(source_id=source.id),
                needs_user=capabilities.must_name_user and requester.user_id is None,
                enabled=source.enabled,
                freshness_s=source.freshness_s,
                asked_under=question.asked_under(source=source) if own else "",
            )
        )
    return make_plan(
        candidates=candidates,
        categories=CLINICAL_CATEGORIES,
        person_id=person_id,
        asker_id=requester.asker_id,
        deadline_s=settings.RETRIEVAL_DEADLINE_S,
        now=now,
        max_age_s=max_age_s,
        anew=anew,
    )
