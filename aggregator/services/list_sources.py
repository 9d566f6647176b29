"""List the registered sources, each with how its last asking ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.errors import NotPermitted
from aggregator.federation.queries import last_outcomes
from aggregator.sources.queries import all_sources
from connectors.contract.outcomes import Outcome

ACTION = "list-sources"


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """`last_outcome` None: never asked."""

    slug: str
    name: str
    organisation_name: str
    organisation_ods: str
    kind: str
    enabled: bool
    time_limit_s: float
    last_outcome: Outcome | None
    last_reason: str
    last_at: datetime | None


def list_sources(*, requester: Requester) -> tuple[SourceLine, ...]:
    """Return every source, in a fixed order.

    Raises: NotPermitted.
    """
    if not requester.may(Permission.VIEW_SOURCES):
        raise trail.refuse(requester=requester, action=ACTION, error=NotPermitted("You may not see the sources."))
    with transaction.atomic():
        ended = {last.source_id: last for last in last_outcomes()}
        lines = tuple(
            SourceLine(
                slug=source.slug,
                name=source.name,
                organisation_name=source.organisation.name,
                organisation_ods=source.organisation.ods_code,
                kind=source.kind,
                enabled=source.enabled,
                time_limit_s=source.time_limit_s,
                last_outcome=ended[source.id].outcome,
                last_reason=ended[source.id].reason,
                last_at=ended[source.id].ended_at,
            )
            for source in all_sources()
        )
        trail.append(requester=requester, action=ACTION, detail={"sources": len(lines)})
    return lines
