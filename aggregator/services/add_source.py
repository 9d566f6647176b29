"""Register a source, or change how one is asked. It is tried first, so that a wrong address is found now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db import transaction

from aggregator.accounts.operations import ensure_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.errors import Invalid, NotPermitted
from aggregator.federation.trial import try_source
from aggregator.record.completeness.words import outcome_words
from aggregator.sources import catalogue
from aggregator.sources.operations import put_source
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.values import CheckedSource, SourceAddress

ACTION = "add-source"
# What the tables take.
LONGEST = {"name": 200, "base_url": 500, "identifier_system": 300, "organisation_ods": 20, "organisation_name": 200}
MAX_RANK = 32_767


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What `sources.models.Source` holds; `rank` orders sources in survivorship rules, lower first.

    `holds` None: what the source itself says that it may hold, if it is asked and does say.
    """

    slug: str
    name: str
    kind: str
    base_url: str
    organisation_ods: str
    organisation_name: str
    identifier_system: str = ""
    time_limit_s: float = 9.0
    rank: int = 100
    options: Mapping[str, str] = field(default_factory=dict)
    holds: frozenset[RecordCategory] | None = None


@dataclass(frozen=True, kw_only=True)
class SourceAdded:
    """What became of it. `created` is False when one of that short name was there and has been changed; `found` says
    what was found at its address, empty when nobody looked."""

    created: bool
    found: str


def add_source(*, requester: Requester, source: NewSource, check: bool = True) -> SourceAdded:
    """Register a source, or change the one of that short name, once it has answered at its address.

    `check` False registers it unasked. When it does not answer as its kind does, nothing is saved.
    Raises: NotPermitted; Invalid naming the field.
    """
    if not requester.may(Permission.MANAGE_SOURCES):
        raise trail.refuse(requester=requester, action=ACTION, error=NotPermitted("You may not register sources."))
    try:
        _check(source)
        found = _try(source) if check else CheckedSource(words="")
    except Invalid as error:
        raise trail.refuse(requester=requester, action=ACTION, error=error, outcome=trail.FAILED) from None
    holds = source.holds or found.holds
    with transaction.atomic():
        organisation = ensure_organisation(ods_code=source.organisation_ods, name=source.organisation_name)
        created = put_source(
            slug=source.slug,
            name=source.name,
            organisation=organisation,
            kind=source.kind,
            base_url=source.base_url.rstrip("/"),
            identifier_system=source.identifier_system,
            time_limit_s=source.time_limit_s,
            rank=source.rank,
            options=dict(source.options),
            holds=sorted(holds) if holds else None,
        )
        trail.append(requester=requester, action=ACTION, detail={"slug": source.slug, "created": created})
    return SourceAdded(created=created, found=found.words)


def _check(source: NewSource) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", source.slug):
        raise Invalid("The short name takes small letters, digits and hyphens.", field="slug")
    connector = catalogue.connector_for(kind=source.kind)
    unknown = sorted(set(source.options) - set(connector.options))
    if unknown:
        known = ", ".join(connector.options)
        raise Invalid(f"A source of this kind has no option {', '.join(unknown)}; it has: {known}.", field="options")
    possible = connector.capabilities.categories & CLINICAL_CATEGORIES
    if source.holds is not None and not (source.holds and source.holds <= possible):
        known = ", ".join(sorted(possible))
        raise Invalid(f"A source of this kind may hold one or more of: {known}.", field="holds")
    try:
        address = urlsplit(source.base_url)
    except ValueError:  # half an IPv6 address
        raise Invalid("The address cannot be read.", field="base_url") from None
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Invalid("The address must start with https:// (or http:// on this machine).", field="base_url")
    if not 0 < source.time_limit_s <= 60:
        raise Invalid("The time limit is a number of seconds above 0, up to 60.", field="time_limit_s")
    if not source.organisation_ods:
        raise Invalid("Name the organisation by its ODS code.", field="organisation_ods")
    if not 0 <= source.rank <= MAX_RANK:
        raise Invalid(f"The rank is a whole number from 0 to {MAX_RANK}.", field="rank")
    for name, length in LONGEST.items():
        if len(getattr(source, name)) > length:
            raise Invalid(f"This has {length} characters at most: {name}.", field=name)


def _try(source: NewSource) -> CheckedSource:
    """Raises: Invalid when the source does not answer as its kind does."""
    address = SourceAddress(source_id=source.slug, base_url=source.base_url.rstrip("/"), options=source.options)
    try:
        return try_source(kind=source.kind, address=address, within_s=source.time_limit_s)
    except SourceError as error:
        how = outcome_words(outcome=error.outcome, reason=error.reason or "")
        raise Invalid(f"{how}. Nothing was saved.", field="base_url", code="check-failed") from None
