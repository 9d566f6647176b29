"""The sources."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from aggregator.record.completeness.words import outcome_words
from aggregator.services import list_sources
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_GET
def sources(request: SignedInRequest) -> HttpResponse:
    """Show every source and how the last request to it ended."""
    lines = list_sources.list_sources(requester=request.requester)
    shown = [
        (
            line,
            outcome_words(outcome=line.last_ending.outcome, reason=line.last_ending.reason or "")
            if line.last_ending
            else "Never asked",
        )
        for line in lines
    ]
    return draw(request, "sources/sources", sources=shown)
