"""Writes to the registered sources."""

from __future__ import annotations

from aggregator.sources.models import Source


def put_source(*, slug: str, **values: object) -> bool:
    """Add a source, or change the one with that short name; return whether it was added."""
    _, created = Source.objects.update_or_create(slug=slug, defaults=values)
    return created
