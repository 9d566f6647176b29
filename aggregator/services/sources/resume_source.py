"""Have a paused source asked again."""

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


def resume_source(*, requester: Requester, source_id: UUID, reason: str, now: datetime) -> None:
    """Have a source asked again, and keep who did it and why.

    Raises: NotPermitted, also for a source of another organisation; NotFound; Invalid without a reason; Superseded when
    it is so already.
    """
    with acting(requester, Action.RESUME_SOURCE, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        note = checked_note(text=reason, ask="Enter why the source is asked again", field="reason")
        act.begin()
        if not record_pause(source_id=source.id, is_resumed=True, reason=note, by=requester.user_id, now=now):
            raise Superseded("This source is not paused.")
