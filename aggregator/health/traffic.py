"""What real traffic says of sources, as the rule takes it. The one place that knows where those figures are kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.federation.queries import recent_figures
from aggregator.health.terms import Traffic

LOOK_BACK = timedelta(minutes=5)
# Of fewer requests no share is worth anything.
LEAST_REQUESTS = 10


def traffic_of_sources(*, source_ids: Collection[UUID], now: datetime) -> dict[UUID, Traffic]:
    """Return what the requests of the last minutes say of sources; without those of which they say too little."""
    return {
        source_id: Traffic(
            success=round(figures.answered / figures.requests, 3), p50_ms=figures.p50_ms, p95_ms=figures.p95_ms
        )
        for source_id, figures in recent_figures(source_ids=source_ids, since=now - LOOK_BACK).items()
        if figures.requests >= LEAST_REQUESTS
    }
