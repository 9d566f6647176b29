"""Writes to the registered sources."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from aggregator.sources.models import Source


def put_source(*, slug: str, **values: object) -> bool:
    """Add a source, or change the one with that short name; return whether it was added."""
    _, created = Source.objects.update_or_create(
        slug=slug, defaults={**values, "revision": F("revision") + 1}, create_defaults=values
    )
    return created


def set_enabled(*, source_id: UUID, is_enabled: bool) -> bool:
    """Say whether a source is asked; return whether that is a change."""
    changed = Source.objects.filter(id=source_id).exclude(enabled=is_enabled)
    return bool(changed.update(enabled=is_enabled, revision=F("revision") + 1))
