"""What can be registered as a source, by whom, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aggregator.accounts.authority import check_organisation
from aggregator.accounts.models import Organisation
from aggregator.accounts.operations import ensure_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotPermitted
from aggregator.federation.reach import configured_reach
from aggregator.health.operations import start_anew
from aggregator.limits import check_length, check_range
from aggregator.sources import catalogue
from aggregator.sources.models import FRESH_S, Source
from aggregator.sources.operations import put_source
from aggregator.sources.queries import source_by_slug
from aggregator.sources.secret_files import check_secrets
from aggregator.terminology.sensitivity import Sensitivity
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory

MAX_TIME_LIMIT_S = 60


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What `sources.models.Source` holds; `rank` says whose demographics are preferred, lower first.

    `freshness_s`: how long its answers may be used again, 0 for never. `discloses` is the sensitive matter that its
    name alone tells of whoever is known there. `holds` None: whatever the source itself states that it may hold, if it
    is checked and does state it.
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
    freshness_s: int = FRESH_S
    rank: int = 100
    options: Mapping[str, str] = field(default_factory=dict)
    holds: frozenset[RecordCategory] | None = None
    discloses: Sensitivity | None = None


def kind_choices() -> list[tuple[str, str]]:
    """Return the kinds that a source can be of, as a form offers them."""
    return [(kind, kind) for kind in catalogue.kinds()]


def sensitivity_of(text: str, /) -> Sensitivity | None:
    """Return the sensitive matter of a code, None for "".

    Raises: Invalid.
    """
    known = {matter.value: matter for matter in Sensitivity}
    if text and text not in known:
        raise Invalid(f"Enter one of: {', '.join(known)}.", field="discloses")
    return known.get(text)


def as_settings(source: NewSource, /) -> dict[str, object]:
    """Return the settings of a source as they are kept for a trial."""
    return {
        **asdict(source),
        "options": dict(source.options),
        "holds": sorted(source.holds) if source.holds is not None else None,
    }


def from_settings(kept: Mapping[str, Any], /) -> NewSource:
    """Return a source of settings that were kept."""
    holds, discloses = kept["holds"], kept["discloses"]
    return NewSource(
        **{
            **kept,
            "holds": frozenset(map(RecordCategory, holds)) if holds is not None else None,
            "discloses": Sensitivity(discloses) if discloses else None,
        }
    )


def check_whose(*, requester: Requester, source: NewSource) -> None:
    """Go on only if the requester may register this source: for their own organisation, or for any.

    Raises: NotPermitted.
    """
    if requester.may(Permission.ANY_ORGANISATION):
        return
    if source.organisation_ods != requester.organisation_ods:
        raise NotPermitted("You may do this for your own organisation only.", code="other-organisation")
    before = source_by_slug(slug=source.slug)
    if before is not None:
        check_organisation(requester=requester, organisation_id=before.organisation_id)


def write_source(*, source: NewSource, holds: frozenset[RecordCategory] | None, now: datetime) -> tuple[UUID, bool]:
    """Register a source, or change the one with that short name; return its id, and whether it was added."""
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
        freshness_s=source.freshness_s,
        rank=source.rank,
        options=dict(source.options),
        holds=sorted(holds) if holds else None,
    )
    saved = Source.objects.get(slug=source.slug)
    start_anew(source_id=saved.id, now=now)
    return saved.id, created


def check_settings(source: NewSource, /) -> None:
    """Check all of a source's settings but whether it answers.

    Raises: Invalid naming the field.
    """
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
        _ = address.port
    except ValueError:  # such as half an IPv6 address, or a port that is none
        raise Invalid("The address cannot be read.", field="base_url") from None
    if address.username or address.password or address.query or address.fragment:
        raise Invalid(
            "The address must be that of the server alone: a password or key belongs in a secret that an option names.",
            field="base_url",
        )
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
    check_range(
        model=Source, field="freshness_s", value=source.freshness_s, label="How long its answers are used again"
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
