"""See how one source is, was, is asked, and who paused it. It names nobody who is linked to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.accounts.authority import may_act_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import NotFound
from aggregator.federation.endings import Ending
from aggregator.federation.queries import last_outcomes
from aggregator.health.queries import (
    CheckLine,
    Health,
    PauseLine,
    ReportLine,
    checks_of,
    health_of,
    history_of,
    live_token,
    pauses_of,
    reports_of,
)
from aggregator.health.terms import ConditionLine
from aggregator.mpi.queries import count_linked
from aggregator.services.sources.registering import NewSource, settings_of
from aggregator.sources.queries import source_by_id

HISTORY = timedelta(hours=24)
MOST_CONDITIONS, MOST_LINES = 200, 20


@dataclass(frozen=True, kw_only=True)
class SourceView:
    """One source. `settings` are as it was registered: an option that is a secret is the secret's name.

    `history` has the conditions of the last day, the newest first, with the one before; where there were very many, the
    newest alone. `linked` is how many people are
    linked to it. `token_made_at` None: it has no token, so nobody reports for it. `last_ending` is how the last request
    for somebody's record ended.
    """

    source_id: UUID
    settings: NewSource
    enabled: bool
    health: Health | None
    history: tuple[ConditionLine, ...]
    checks: tuple[CheckLine, ...]
    reports: tuple[ReportLine, ...]
    pauses: tuple[PauseLine, ...]
    linked: int
    token_made_at: datetime | None
    last_ending: Ending | None
    last_at: datetime | None
    may_operate: bool
    may_manage: bool


def read_source(*, requester: Requester, source_id: UUID, now: datetime) -> SourceView:
    """Return how a source is and was.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(source_id=source_id)
    with acting(requester, Action.READ_SOURCE, needs=Permission.VIEW_SOURCES, about=about, audit=Audit.ON_REFUSAL):
        source = source_by_id(source_id=source_id)
        if source is None:
            raise NotFound
        health = health_of(source_ids=[source.id], now=now).get(source.id)
        token = live_token(source_id=source.id, now=now)
        last = next((last for last in last_outcomes() if last.source_id == source.id), None)
        is_own = may_act_for(requester=requester, organisation_id=source.organisation_id)
        return SourceView(
            source_id=source.id,
            settings=settings_of(source),
            enabled=source.enabled,
            health=health,
            history=_up_to_now(
                health, history=history_of(source_id=source.id, since=now - HISTORY, most=MOST_CONDITIONS)
            ),
            checks=tuple(checks_of(source_id=source.id, most=MOST_LINES)),
            reports=tuple(reports_of(source_id=source.id, most=MOST_LINES)),
            pauses=tuple(pauses_of(source_id=source.id, most=MOST_LINES)),
            linked=count_linked(source_id=source.id),
            token_made_at=token.made_at if token else None,
            last_ending=last.ending if last else None,
            last_at=last.ended_at if last else None,
            may_operate=is_own and requester.may(Permission.OPERATE_SOURCES),
            may_manage=is_own and requester.may(Permission.MANAGE_SOURCES),
        )


def _up_to_now(health: Health | None, *, history: Sequence[ConditionLine]) -> tuple[ConditionLine, ...]:
    """Return a history that ends with how the source is: while nothing judges it, no condition is recorded."""
    if health is None or not history or history[0].condition is health.judgement.condition:
        return tuple(history)
    judged = health.judgement
    return (ConditionLine(condition=judged.condition, reasons=judged.reasons, at=health.since), *history)
