"""List the registered sources, each with its last outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.federation.endings import Ending
from aggregator.federation.queries import last_outcomes
from aggregator.sources.queries import all_sources


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One source. `last_ending` and `last_at` say how and when it ended last; None: it was never asked."""

    slug: str
    name: str
    organisation_name: str
    organisation_ods: str
    kind: str
    enabled: bool
    time_limit_s: float
    last_ending: Ending | None
    last_at: datetime | None


def list_sources(*, requester: Requester) -> tuple[SourceLine, ...]:
    """Return every source, in a fixed order.

    Raises: NotPermitted.
    """
    with acting(requester, Action.LIST_SOURCES, needs=Permission.VIEW_SOURCES) as act:
        last_of = {last.source_id: last for last in last_outcomes()}
        lines = tuple(
            SourceLine(
                slug=source.slug,
                name=source.name,
                organisation_name=source.organisation.name,
                organisation_ods=source.organisation.ods_code,
                kind=source.kind,
                enabled=source.enabled,
                time_limit_s=source.time_limit_s,
                last_ending=last_of[source.id].ending,
                last_at=last_of[source.id].ended_at,
            )
            for source in all_sources()
        )
        act.about_nothing_single()
        act.note(sources=len(lines))
        return lines
