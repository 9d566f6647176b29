"""List alerts, and how each was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.alerts.queries import AlertLine, alerts_of, count_untried, lines_of
from aggregator.audit.events import Action
from aggregator.errors import NotFound

ALERTS_PER_PAGE = 25


@dataclass(frozen=True, kw_only=True)
class AlertList:
    """One page of alerts, the latest first, of `count` in all.

    `untried` is how many deliveries of this service nobody has attempted though they are due: more than none means that
    what delivers alerts does not run.
    """

    alerts: tuple[AlertLine, ...]
    is_failing: bool
    untried: int
    count: int
    page: int
    pages: int


def list_alerts(*, requester: Requester, is_failing: bool = False, now: datetime, page: int = 1) -> AlertList:
    """Return alerts of the requester's organisation; of all, for who may act for any.

    `is_failing`: only those of which somebody could not be told, at all or yet, or of which nobody was to be told.
    Raises: NotPermitted; NotFound for a page that there is not.
    """
    with acting(requester, Action.LIST_ALERTS, needs=Permission.VIEW_ALERTS) as act:
        act.about_nothing_single()
        rows = alerts_of(organisation_id=organisation_in_sight(requester=requester), is_failing=is_failing)
        count = rows.count()
        pages = max(1, -(-count // ALERTS_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        lines = lines_of(
            alerts=rows.select_related("organisation")[(page - 1) * ALERTS_PER_PAGE : page * ALERTS_PER_PAGE]
        )
        act.note(alerts=count, failing=is_failing, page=page)
        return AlertList(
            alerts=tuple(lines),
            is_failing=is_failing,
            untried=count_untried(now=now),
            count=count,
            page=page,
            pages=pages,
        )
