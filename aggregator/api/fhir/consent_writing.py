"""A policy on record -> a FHIR Consent. Pure.

What was sent as a Consent is returned as it was sent, with its state; what was recorded by page is written anew.
Source: FHIR R4 Consent; IHE Privacy Consent on FHIR.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from aggregator.api.fhir.consent_codes import (
    ADVANCED_LABELS,
    BASIC_PURPOSES,
    CATEGORY,
    CONSENT_CATEGORY,
    IRCP,
    ODS_SYSTEM,
    PRIVACY_SCOPE,
    PROFILES,
    PURPOSES,
    ROLE,
    URI_OF_BASE,
    URI_SYSTEM,
)
from aggregator.consent.terms import (
    LONDON,
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    Period,
    PolicyTerms,
    Provision,
)
from aggregator.services.policy_lines import PolicyLine

Json = dict[str, Any]


def consent_resource(*, line: PolicyLine, base: str, now: datetime) -> Json:
    """Return a policy as a Consent of the door at `base`."""
    policy = line.policy
    is_over = policy.is_over(now)
    touched_at = policy.ended_at if is_over and policy.ended_at else policy.recorded_at
    meta: Json = {"versionId": version_of(is_over=is_over), "lastUpdated": touched_at.isoformat()}
    if profile := _profile(policy.terms):
        meta["profile"] = [profile]
    said = policy.sent or _said(line, base=base)
    kept = {name: value for name, value in said.items() if name not in {"resourceType", "id", "meta", "text", "status"}}
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in line.words)
    return {
        "resourceType": "Consent",
        "id": str(policy.policy_id),
        "meta": meta,
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{sentences}</div>'},
        "status": "inactive" if is_over else "active",
        **kept,
    }


def version_of(*, is_over: bool) -> str:
    """Return the version of a Consent: it is recorded, and it may be withdrawn."""
    return "2" if is_over else "1"


def consents_bundle(*, resources: Iterable[Json], base: str, link: str) -> Json:
    """Return the searchset of Consents."""
    entries = [
        {"fullUrl": f"{base}/Consent/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in resources
    ]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    bundle["link"] = [{"relation": "self", "url": link}]
    return {**bundle, "entry": entries} if entries else bundle


def _said(line: PolicyLine, /, *, base: str) -> Json:
    policy = line.policy
    patient = {"reference": f"Patient/{policy.person_id}"}
    return {
        "scope": _concept(PRIVACY_SCOPE),
        "category": [_concept(CONSENT_CATEGORY)],
        "patient": patient,
        "dateTime": policy.recorded_at.isoformat(),
        "performer": [patient],
        "organization": [{"display": "Longview shared care record"}],
        "sourceAttachment": {"contentType": "text/plain", "title": policy.note or "Not recorded"},
        "policy": [{"uri": URI_OF_BASE[policy.terms.base]}],
        "provision": _provisions(policy.terms, base=base),
    }


def _provisions(terms: PolicyTerms, /, *, base: str) -> Json:
    denies = not terms.is_understood or terms.base in {BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY}
    root = terms.root or Provision(effect=Effect.DENY if denies else Effect.PERMIT)
    written = _provision(root, base=base)
    if terms.exceptions:
        written["provision"] = [_provision(each, base=base) for each in terms.exceptions]
    return written


def _provision(provision: Provision, /, *, base: str) -> Json:
    written: Json = {
        "type": provision.effect.value,
        "period": _bounds(_start(provision.period), _end(provision.period)),
        "actor": [_actor(each, base=base) for each in sorted(provision.actors)],
        "securityLabel": sorted(
            ({"system": label.system, "code": label.code} for label in provision.labels), key=lambda each: each["code"]
        ),
        "purpose": [{"system": PURPOSES, "code": each.value} for each in sorted(provision.purposes)],
        "class": [{"system": base + CATEGORY, "code": each.value} for each in sorted(provision.categories)],
        "dataPeriod": _bounds(_day(provision.data_period.start), _day(provision.data_period.end)),
        "data": [
            *(
                _data("authoredby", system=URI_SYSTEM, value=f"urn:uuid:{each}", kind="Device")
                for each in sorted(provision.sources)
            ),
            *(
                _data(
                    "instance",
                    system=f"urn:uuid:{each.source_id}",
                    value=f"{each.resource_type}/{each.resource_id}",
                    kind=each.resource_type,
                )
                for each in sorted(provision.items)
            ),
        ],
    }
    return {name: value for name, value in written.items() if value}


def _start(period: Period, /) -> str | None:
    if period.start is None:
        return None
    return _day(period.first_day) if period.is_of_whole_days else period.start.astimezone(LONDON).isoformat()


def _end(period: Period, /) -> str | None:
    """Return the last moment of a period: in FHIR an end is within it, as exactly as it is written."""
    if period.end is None or period.is_of_whole_days:
        return _day(period.last_day)
    if period.end.microsecond:
        return (period.end.astimezone(LONDON) - timedelta(microseconds=1)).isoformat(timespec="microseconds")
    return (period.end.astimezone(LONDON) - timedelta(seconds=1)).isoformat()


def _day(day: date | None, /) -> str | None:
    return day.isoformat() if day else None


def _bounds(start: str | None, end: str | None) -> Json:
    return {name: bound for name, bound in (("start", start), ("end", end)) if bound}


def _actor(actor: Actor, /, *, base: str) -> Json:
    match actor.kind:
        case ActorKind.USER:
            reference: Json = {"reference": f"Practitioner/{actor.value}"}
        case ActorKind.ORGANISATION:
            reference = {"type": "Organization", "identifier": {"system": ODS_SYSTEM, "value": actor.value}}
        case ActorKind.ROLE:
            reference = {"type": "PractitionerRole", "identifier": {"system": base + ROLE, "value": actor.value}}
    return {"role": _concept(IRCP), "reference": reference}


def _data(meaning: str, *, system: str, value: str, kind: str) -> Json:
    return {"meaning": meaning, "reference": {"type": kind, "identifier": {"system": system, "value": value}}}


def _concept(coded: tuple[str, str], /) -> Json:
    return {"coding": [{"system": coded[0], "code": coded[1]}]}


def _profile(terms: PolicyTerms, /) -> str:
    """Return the profile of IHE PCF that a policy keeps to, "" for none: it has no kinds of content."""
    provisions = [*([terms.root] if terms.root else []), *terms.exceptions]
    labels = {label.code for provision in provisions for label in provision.labels}
    has_single_data = all(len(each.items) + len(each.sources) <= 1 for each in terms.exceptions)
    if any(provision.categories for provision in provisions) or not labels <= ADVANCED_LABELS or not has_single_data:
        return ""
    if labels:
        return PROFILES["Advanced"]
    purposes = {purpose.value for provision in provisions for purpose in provision.purposes}
    is_dated = any(provision.data_period != DataPeriod() for provision in provisions)
    is_about_data = is_dated or any(provision.items or provision.sources for provision in provisions)
    if terms.exceptions or is_about_data or not purposes <= BASIC_PURPOSES:
        return PROFILES["Intermediate"]
    return PROFILES["Basic"]
