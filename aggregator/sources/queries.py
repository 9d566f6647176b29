"""Reads of the registered sources."""

from __future__ import annotations

from aggregator.sources.models import Source


def all_sources() -> list[Source]:
    """Return every registered source, in a fixed order."""
    return list(Source.objects.select_related("organisation").order_by("rank", "slug"))


def source_by_slug(*, slug: str) -> Source | None:
    """Return a source by its short name."""
    return Source.objects.select_related("organisation").filter(slug=slug).first()
