"""The board: every source, how it is, since when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.authority import may_act_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, acting
from aggregator.audit.events import Action
from aggregator.health.queries import Health, health_of
from aggregator.sources.queries import all_sources_with_organisations


@dataclass(frozen=True, kw_only=True)
class BoardLine:
    """One source. `health` None: it has not been looked at yet. `is_own`: the requester may act for it."""

    source_id: UUID
    slug: str
    name: str
    organisation_name: str
    organisation_ods: str
    kind: str
    enabled: bool
    time_limit_s: float
    is_own: bool
    health: Health | None


def list_sources(*, requester: Requester, now: datetime) -> tuple[BoardLine, ...]:
    """Return every source, in a fixed order.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_SOURCES, needs=Permission.VIEW_SOURCES, audit=Audit.ON_REFUSAL) as act:
        act.about_nothing_single()
        sources = all_sources_with_organisations()
        known = health_of(source_ids=[source.id for source in sources], now=now)
        return tuple(
            BoardLine(
                source_id=source.id,
                slug=source.slug,
                name=source.name,
                organisation_name=source.organisation.name,
                organisation_ods=source.organisation.ods_code,
                kind=source.kind,
                enabled=source.enabled,
                time_limit_s=source.time_limit_s,
                is_own=may_act_for(requester=requester, organisation_id=source.organisation_id),
                health=known.get(source.id),
            )
            for source in sources
        )
