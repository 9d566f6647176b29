"""Writes to the registered sources."""

from __future__ import annotations

from uuid import UUID

from aggregator.sources.models import Source


def put_source(*, slug: str, **values: object) -> bool:
    """Add a source, or change the one with that short name; return whether it was added."""
    _, created = Source.objects.update_or_create(slug=slug, defaults=values)
    return created


def set_enabled(*, source_id: UUID, is_enabled: bool) -> bool:
    """Say whether a source is asked; return whether that is a change."""
    return bool(Source.objects.filter(id=source_id).exclude(enabled=is_enabled).update(enabled=is_enabled))
