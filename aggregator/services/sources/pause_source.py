"""Pause a source: nobody's record is asked of it until somebody has it asked again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Superseded
from aggregator.health.operations import record_pause
from aggregator.limits import checked_note
from aggregator.sources.scope import source_to_act_for


def pause_source(*, requester: Requester, source_id: UUID, reason: str, now: datetime) -> None:
    """Pause a source, and keep who did it and why.

    Raises: NotPermitted, also for a source of another organisation; NotFound; Invalid without a reason; Superseded when
    it is so already.
    """
    with acting(requester, Action.PAUSE_SOURCE, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        note = checked_note(text=reason, ask="Enter why the source is paused", field="reason")
        act.begin()
        if not record_pause(source_id=source.id, is_resumed=False, reason=note, by=requester.user_id, now=now):
            raise Superseded("This source is paused already.")
