"""Have sources checked with the next turn of the clock, sooner than they are due."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Superseded
from aggregator.health.operations import check_now
from aggregator.sources.scope import source_to_act_for


def check_sources(*, requester: Requester, source_id: UUID, now: datetime) -> None:
    """Have a source checked within seconds, by the upkeep worker.

    Raises: NotPermitted, also for a source of another organisation; NotFound; Superseded for one that is paused.
    """
    with acting(requester, Action.CHECK_SOURCES, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        if not source.enabled:
            raise Superseded("This source is paused, and is not checked before it is asked again.")
        act.begin()
        check_now(source_ids=[source.id], now=now)
