"""Make the token with which a source reports how it is. One that it had before ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.health.operations import add_report_token
from aggregator.health.queries import live_tokens
from aggregator.health.report_tokens import new_report_token
from aggregator.sources.scope import source_to_act_for


def make_report_token(*, requester: Requester, source_id: UUID, now: datetime) -> str:
    """Return a new token of a source, which is given out this once.

    Raises: NotPermitted, also for a source of another organisation; NotFound.
    """
    with acting(requester, Action.MAKE_REPORT_TOKEN, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        act.begin()
        for token_id in live_tokens(source_id=source.id, now=now):
            end = End(kind=Ends.REPORT_TOKEN, of_id=token_id, ends_at=now, reason="Replaced by another.")
            act.ends(end=end, is_whole_act=False)
        key, text = new_report_token(source_id=source.id)
        add_report_token(
            token_id=key.token_id,
            source_id=source.id,
            token_hash=key.token_hash,
            made_by=requester.user_id,
            now=now,
        )
        act.note(token=key.token_id)
        return text
