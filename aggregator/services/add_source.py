"""Register a source, or change how one is asked. It is checked first, so that a wrong address is noticed now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aggregator.accounts.models import Organisation
from aggregator.accounts.operations import ensure_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.federation.reach import configured_reach
from aggregator.federation.trial import try_source
from aggregator.limits import check_length, check_range
from aggregator.record.completeness.words import outcome_words
from aggregator.sources import catalogue
from aggregator.sources.models import Source
from aggregator.sources.operations import put_source
from aggregator.sources.queries import address_at, source_by_slug
from aggregator.sources.secret_files import check_secrets
from aggregator.terminology.sensitivity import Sensitivity
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.values import CheckedSource

MAX_TIME_LIMIT_S = 60


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What `sources.models.Source` holds; `rank` says whose demographics are preferred, lower first.

    `discloses` is the sensitive matter that its name alone tells of whoever is known there. `holds` None: whatever the
    source itself states that it may hold, if it is checked and does state it.
    """

    slug: str
    name: str
    kind: str
    base_url: str
    organisation_ods: str
    organisation_name: str
    identifier_system: str = ""
    time_limit_s: float = 9.0
    requests_per_minute: int | None = None
    rank: int = 100
    options: Mapping[str, str] = field(default_factory=dict)
    holds: frozenset[RecordCategory] | None = None
    discloses: Sensitivity | None = None


@dataclass(frozen=True, kw_only=True)
class SourceAdded:
    """What was done. `created` is False when there was a source with that short name, which has been changed.

    `description` is what the source says it is; empty when it was not checked.
    """

    created: bool
    description: str


def add_source(*, requester: Requester, source: NewSource, check: bool = True) -> SourceAdded:
    """Register a source, or change the one with that short name, once it has answered at its address.

    With `check` False it is not checked. When it does not answer as its kind should, nothing is saved.
    Raises: NotPermitted; Invalid naming the field.
    """
    with acting(requester, Action.ADD_SOURCE, needs=Permission.MANAGE_SOURCES) as act:
        _check(source)
        checked = _try(source) if check else CheckedSource(words="")
        holds = source.holds or checked.holds
        act.begin()
        created = put_source(
            slug=source.slug,
            name=source.name,
            organisation=ensure_organisation(ods_code=source.organisation_ods, name=source.organisation_name),
            kind=source.kind,
            base_url=source.base_url.rstrip("/"),
            identifier_system=source.identifier_system,
            discloses=source.discloses or "",
            time_limit_s=source.time_limit_s,
            requests_per_minute=source.requests_per_minute,
            rank=source.rank,
            options=dict(source.options),
            holds=sorted(holds) if holds else None,
        )
        saved = source_by_slug(slug=source.slug)
        act.about(source_id=saved.id if saved else None)
        act.note(slug=source.slug, created=created)
        return SourceAdded(created=created, description=checked.words)


def _check(source: NewSource) -> None:
    check_length(model=Source, field="slug", value=source.slug, label="Short name")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", source.slug):
        raise Invalid(
            "Short name must contain only lower-case letters, digits and hyphens, and not start with a hyphen.",
            field="slug",
        )
    connector = catalogue.connector_for(kind=source.kind)
    unknown = sorted(set(source.options) - set(connector.options))
    if unknown:
        known = ", ".join(connector.options)
        raise Invalid(f"A source of this kind has no option {', '.join(unknown)}; it has: {known}.", field="options")
    check_secrets(options=source.options)
    possible = connector.capabilities.categories & CLINICAL_CATEGORIES
    if source.holds is not None and not (source.holds and source.holds <= possible):
        known = ", ".join(sorted(possible))
        raise Invalid(f"A source of this kind may hold one or more of: {known}.", field="holds")
    check_length(model=Source, field="base_url", value=source.base_url, label="Address")
    try:
        address = urlsplit(source.base_url)
    except ValueError:  # such as half an IPv6 address
        raise Invalid("The address cannot be read.", field="base_url") from None
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Invalid("The address must start with https:// (or http:// on this machine).", field="base_url")
    if not configured_reach().may_speak(scheme=address.scheme, host=address.hostname):
        raise Invalid(
            "No source may have this address: use https://, and a host on the internet or in SOURCE_NETWORKS.",
            field="base_url",
        )
    if not 0 < source.time_limit_s <= MAX_TIME_LIMIT_S:
        raise Invalid(f"Time limit must be more than 0 and at most {MAX_TIME_LIMIT_S} seconds.", field="time_limit_s")
    if source.requests_per_minute is not None:
        check_range(
            model=Source, field="requests_per_minute", value=source.requests_per_minute, label="Requests per minute"
        )
    check_range(model=Source, field="rank", value=source.rank, label="Rank")
    check_length(model=Source, field="name", value=source.name, label="Name")
    check_length(
        model=Source, field="identifier_system", value=source.identifier_system, label="System of local identifiers"
    )
    if not source.organisation_ods:
        raise Invalid("Enter the ODS code of the organisation.", field="organisation_ods")
    check_length(
        model=Organisation,
        field="ods_code",
        value=source.organisation_ods,
        label="ODS code of the organisation",
        as_field="organisation_ods",
    )
    check_length(
        model=Organisation,
        field="name",
        value=source.organisation_name,
        label="Name of the organisation",
        as_field="organisation_name",
    )


def _try(source: NewSource) -> CheckedSource:
    """Ask the source what it is.

    Raises: Invalid when it does not answer as its kind should.
    """
    address = address_at(source_id=source.slug, base_url=source.base_url.rstrip("/"), options=source.options)
    try:
        return try_source(kind=source.kind, address=address, within_s=source.time_limit_s)
    except SourceError as error:
        words = outcome_words(outcome=error.outcome, reason=error.reason or "")
        raise Invalid(f"{words}. Nothing was saved.", field="base_url", code="check-failed") from None
