"""End the token with which a source reports: none is expected any more, and the last counts no longer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Superseded
from aggregator.health.operations import forget_reports
from aggregator.health.queries import live_tokens
from aggregator.limits import checked_note
from aggregator.sources.scope import source_to_act_for


def end_report_token(*, requester: Requester, source_id: UUID, reason: str, now: datetime) -> None:
    """End the token of a source now.

    Raises: NotPermitted, also for a source of another organisation; NotFound; Invalid without a reason; Superseded when
    it has none.
    """
    with acting(requester, Action.END_REPORT_TOKEN, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        note = checked_note(text=reason, ask="Enter why the token is ended", field="reason")
        token_ids = live_tokens(source_id=source.id, now=now)
        if not token_ids:
            raise Superseded("This source has no token.")
        act.begin()
        for token_id in token_ids:
            act.ends(end=End(kind=Ends.REPORT_TOKEN, of_id=token_id, ends_at=now, reason=note))
        forget_reports(source_id=source.id, now=now)
