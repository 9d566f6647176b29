"""Reads of the registered sources."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import QuerySet

from aggregator.composed import composed_once
from aggregator.sources import catalogue
from aggregator.sources.models import Source
from aggregator.sources.secret_files import secret_files, secrets_named
from aggregator.terminology.sensitivity import Sensitivity
from connectors.contract.categories import RecordCategory
from connectors.contract.values import SourceAddress


@composed_once
def all_sources() -> QuerySet[Source]:
    """Return every registered source, in a fixed order."""
    return Source.objects.order_by("rank", "slug")


def all_sources_with_organisations() -> list[Source]:
    """Return every registered source, each with the organisation whose it is, in a fixed order."""
    return list(Source.objects.select_related("organisation").order_by("rank", "slug"))


def source_by_slug(*, slug: str) -> Source | None:
    """Return a source by its short name."""
    return Source.objects.select_related("organisation").filter(slug=slug).first()


def source_by_id(*, source_id: UUID) -> Source | None:
    """Return a source by its id."""
    return Source.objects.select_related("organisation").filter(id=source_id).first()


def disclosing_sources() -> dict[UUID, Sensitivity]:
    """Return the sources whose name alone tells something sensitive of whoever is known there, and what."""
    return {source_id: Sensitivity(matter) for source_id, matter in _disclosing()}


@composed_once
def _disclosing() -> QuerySet[Source, tuple[UUID, str]]:
    return Source.objects.exclude(discloses="").values_list("id", "discloses")


def secrets_of_organisation(*, organisation_id: UUID) -> frozenset[str]:
    """Return the names of the secrets that sources of an organisation name."""
    options = Source.objects.filter(organisation_id=organisation_id).values_list("options", flat=True)
    return frozenset(secret for each in options for secret in secrets_named(options=each).values())


def address_of(*, source: Source) -> SourceAddress:
    """Return where a source is and how to speak to it."""
    return address_at(source_id=str(source.id), base_url=source.base_url, options=source.options)


def address_at(*, source_id: str, base_url: str, options: Mapping[str, str]) -> SourceAddress:
    """Return where a source is and how to speak to it, with the files of the secrets that its options name."""
    return SourceAddress(source_id=source_id, base_url=base_url, options=options, secrets=secret_files(options=options))


def may_hold(*, source: Source) -> frozenset[RecordCategory]:
    """Return the categories that a source may hold: those that it states, or else all that its kind provides."""
    return _of_kind(source) if source.holds is None else _of_kind(source) & {*source.holds, RecordCategory.SUPPORTING}


def does_not_serve(*, source: Source) -> frozenset[RecordCategory]:
    """Return the categories that a source of its kind can provide and this one states that it does not."""
    return _of_kind(source) - may_hold(source=source)


def _of_kind(source: Source) -> frozenset[RecordCategory]:
    return catalogue.capabilities_of(kind=source.kind).categories
