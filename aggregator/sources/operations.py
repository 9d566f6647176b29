"""Writes to the registered sources."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from aggregator.sources.models import Source


def put_source(*, slug: str, **values: object) -> bool:
    """Add a source, or change the one with that short name; return whether it was added.

    The change locks its row no harder than those who record something about it can bear: with `FOR UPDATE`, which
    `update_or_create` asks for, they and whoever changes it would wait for each other.
    """
    if _change(slug, values):
        return False
    try:
        with transaction.atomic():
            Source.objects.create(slug=slug, **values)
    except IntegrityError:
        if not _change(slug, values):  # nobody else has added it at this moment: it is something else
            raise
        return False
    return True


def _change(slug: str, values: Mapping[str, object]) -> bool:
    return bool(Source.objects.filter(slug=slug).update(**values, revision=F("revision") + 1))


def lock_source(*, slug: str) -> Source | None:
    """Return a source by its short name, which nobody else changes until the transaction ends."""
    sources = Source.objects.select_for_update(of=("self",), no_key=True).select_related("organisation")
    return sources.filter(slug=slug).first()


def set_enabled(*, source_id: UUID, is_enabled: bool) -> bool:
    """Say whether a source is asked; return whether that is a change."""
    changed = Source.objects.filter(id=source_id).exclude(enabled=is_enabled)
    return bool(changed.update(enabled=is_enabled, revision=F("revision") + 1))
