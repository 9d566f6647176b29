"""What can be registered as a source, by whom, and how it is written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aggregator.accounts.authority import check_organisation
from aggregator.accounts.models import Organisation
from aggregator.accounts.operations import ensure_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotPermitted, Superseded
from aggregator.federation.reach import configured_reach
from aggregator.health.operations import start_anew
from aggregator.limits import check_length, check_line, check_range
from aggregator.sources import catalogue
from aggregator.sources.models import FRESH_S, Source
from aggregator.sources.operations import lock_source, put_source
from aggregator.sources.queries import secrets_of_organisation, source_by_slug
from aggregator.sources.secret_files import check_secrets, secrets_named
from aggregator.terminology.sensitivity import Sensitivity
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory

MAX_TIME_LIMIT_S = 60
# An address with a user name, or what some programs would read so. Source: RFC 3986, 3.2.1.
_WITH_USER = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\s]*@")
_NO_USER = "must hold no user name and no password: whoever sees the source would see them. Name a secret instead."


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


def categories_of(names: Collection[str], /) -> frozenset[RecordCategory]:
    """Return the categories of content with these names.

    Raises: Invalid.
    """
    if set(names) - CLINICAL_CATEGORIES:
        raise Invalid(f"Enter one or more of: {', '.join(sorted(CLINICAL_CATEGORIES))}.", field="holds")
    return frozenset(map(RecordCategory, names))


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


def settings_of(source: Source, /) -> NewSource:
    """Return the settings of a source as it is registered."""
    return NewSource(
        slug=source.slug,
        name=source.name,
        kind=source.kind,
        base_url=source.base_url,
        organisation_ods=source.organisation.ods_code,
        organisation_name=source.organisation.name,
        identifier_system=source.identifier_system,
        time_limit_s=source.time_limit_s,
        requests_per_minute=source.requests_per_minute,
        freshness_s=source.freshness_s,
        rank=source.rank,
        options=source.options,
        holds=frozenset(map(RecordCategory, source.holds)) if source.holds else None,
        discloses=Sensitivity(source.discloses) if source.discloses else None,
    )


def mark_of(source: NewSource | None, /) -> str:
    """Return a mark of settings: others have another. "": there is no source.

    The organisation's name is no setting of the source, and a slash at the end of its address means nothing.
    """
    if source is None:
        return ""
    plain = replace(source, organisation_name="", base_url=source.base_url.rstrip("/"), holds=source.holds or None)
    return hashlib.sha256(json.dumps(as_settings(plain), sort_keys=True).encode()).hexdigest()


def check_whose(*, requester: Requester, source: NewSource) -> None:
    """Go on only if the requester may register this source: for their own organisation, or for any.

    Who may for their own alone gives no organisation another name, and names no secret that may be another's: our
    credentials for that one's system would be sent wherever they say.
    Raises: NotPermitted; Invalid naming the options.
    """
    if requester.may(Permission.ANY_ORGANISATION):
        return
    if source.organisation_ods != requester.organisation_ods:
        raise NotPermitted("You may do this for your own organisation only.", code="other-organisation")
    if source.organisation_name not in {"", requester.organisation_name}:
        raise NotPermitted("You may not rename your organisation.", code="other-name")
    before = source_by_slug(slug=source.slug)
    if before is not None:
        check_organisation(requester=requester, organisation_id=before.organisation_id)
    _check_own_secrets(requester=requester, source=source)


def _check_own_secrets(*, requester: Requester, source: NewSource) -> None:
    """Raises: Invalid, in the same words whether there is such a secret or not."""
    organisation_id = requester.organisation_id
    own = secrets_of_organisation(organisation_id=organisation_id) if organisation_id else frozenset()
    prefix = f"{requester.organisation_ods}-".lower()
    for name, secret in secrets_named(options=source.options).items():
        if secret not in own and not secret.lower().startswith(prefix):
            raise Invalid(
                f"You may not use the secret that the option {name} names: for your organisation it must be one that a"
                f" source of it has already, or one whose name begins with {prefix}. An administrator of the programme"
                " may use others.",
                field="options",
                code="secret-of-others",
            )


def write_source(
    *, source: NewSource, holds: frozenset[RecordCategory] | None, replaces: str | None, now: datetime
) -> tuple[UUID, bool]:
    """Register a source, or change the one with that short name; return its id, and whether it was added.

    `replaces` is the mark of the settings that it is to replace, "" for a source that is to be new; None: whatever
    there is.
    Raises: Superseded where there are other settings by now, and nothing is written.
    """
    before = lock_source(slug=source.slug)
    if replaces is not None and mark_of(settings_of(before) if before else None) != replaces:
        raise Superseded("Somebody has changed this source since you looked at its settings. Look at it first.")
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
    if replaces == "" and not created:  # somebody else added it at this very moment
        raise Superseded("A source of this short name has been added since. Look at it first.")
    saved = Source.objects.get(slug=source.slug)
    start_anew(source_id=saved.id, now=now)
    return saved.id, created


def check_how_asked(*, kind: str, base_url: str, options: Mapping[str, str], time_limit_s: float) -> None:
    """Check that a system of a kind can be asked at an address with these options, but not whether it answers.

    Raises: Invalid naming the field.
    """
    connector = catalogue.connector_for(kind=kind)
    unknown = sorted(set(options) - set(connector.options))
    if unknown:
        known = ", ".join(connector.options)
        raise Invalid(f"A source of this kind has no option {', '.join(unknown)}; it has: {known}.", field="options")
    check_secrets(options=options)
    for name, value in options.items():
        check_line(value=value, label=f"Option {name}", as_field="options")
        if _WITH_USER.match(value):
            raise Invalid(f"Option {name} {_NO_USER}", field="options")
    _check_address(base_url)
    if not 0 < time_limit_s <= MAX_TIME_LIMIT_S:
        raise Invalid(f"Time limit must be more than 0 and at most {MAX_TIME_LIMIT_S} seconds.", field="time_limit_s")


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
    check_how_asked(
        kind=source.kind, base_url=source.base_url, options=source.options, time_limit_s=source.time_limit_s
    )
    possible = catalogue.capabilities_of(kind=source.kind).categories & CLINICAL_CATEGORIES
    if source.holds is not None and not (source.holds and source.holds <= possible):
        known = ", ".join(sorted(possible))
        raise Invalid(f"A source of this kind may hold one or more of: {known}.", field="holds")
    if source.requests_per_minute is not None:
        check_range(
            model=Source, field="requests_per_minute", value=source.requests_per_minute, label="Requests per minute"
        )
    check_range(
        model=Source, field="freshness_s", value=source.freshness_s, label="How long its answers are used again"
    )
    check_range(model=Source, field="rank", value=source.rank, label="Rank")
    if not source.name.strip():
        raise Invalid("Enter the name that users see.", field="name")
    check_length(model=Source, field="name", value=source.name, label="Name")
    check_line(value=source.name, label="Name", as_field="name")
    check_length(
        model=Source, field="identifier_system", value=source.identifier_system, label="System of local identifiers"
    )
    check_line(value=source.identifier_system, label="System of local identifiers", as_field="identifier_system")
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
    check_line(value=source.organisation_ods, label="ODS code of the organisation", as_field="organisation_ods")
    check_line(value=source.organisation_name, label="Name of the organisation", as_field="organisation_name")


def _check_address(base_url: str, /) -> None:
    """Raises: Invalid where no source may have this address, or what is built upon it would be another."""
    check_length(model=Source, field="base_url", value=base_url, label="Address")
    try:
        address = urlsplit(base_url)
        is_sound = address.port != 0
    except ValueError:  # such as half an IPv6 address, or a port that there is not
        raise Invalid("The address cannot be read.", field="base_url") from None
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Invalid("The address must start with https:// (or http:// on this machine).", field="base_url")
    if "@" in address.netloc:
        raise Invalid(f"The address {_NO_USER}", field="base_url")
    if not is_sound or not base_url.isascii() or not base_url.isprintable() or set(base_url) & set(' \\?#"<>'):
        raise Invalid(
            "The address cannot be used: it must be plain letters and signs, with no space, and end with the FHIR base,"
            " so that it has no ? and no #.",
            field="base_url",
        )
    if not configured_reach().may_speak(scheme=address.scheme, host=address.hostname):
        raise Invalid(
            "No source may have this address: use https://, and a host on the internet or in SOURCE_NETWORKS.",
            field="base_url",
        )
