"""Take a source's own report of how it is. It is kept with the source; only a refusal leaves an event."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.acting import Audit, Needs, acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import NotPermitted
from aggregator.health.operations import hold, record_report
from aggregator.health.queries import has_live_token
from aggregator.health.report_tokens import ReportKey
from aggregator.health.terms import Report


def report_health(*, requester: Requester, key: ReportKey, report: Report, now: datetime) -> None:
    """Record what the source that a token names reports of itself.

    Raises: NotPermitted when the token has been ended.
    """
    about = Subject(source_id=key.source_id)
    with acting(requester, Action.REPORT_HEALTH, needs=Needs.NOTHING, about=about, audit=Audit.ON_REFUSAL) as act:
        act.note(token=key.token_id)
        _require_live(key, now=now)
        act.begin()
        # Whoever ends the token takes back what was reported with it: nothing may be reported after that.
        hold(source_id=key.source_id, now=now)
        _require_live(key, now=now)
        record_report(source_id=key.source_id, report=report, now=now)


def _require_live(key: ReportKey, *, now: datetime) -> None:
    if not has_live_token(token_id=key.token_id, source_id=key.source_id, token_hash=key.token_hash, now=now):
        raise NotPermitted("This token is not, or no longer, in force.", code="token")
