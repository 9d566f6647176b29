"""A FHIR Consent -> the terms of a policy. Pure.

Strict: what is not understood here is refused, for a provision that is half understood would share what the patient
did not want shared, or the other way round.
Source: FHIR R4 Consent; IHE Privacy Consent on FHIR, basic, intermediate and advanced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from aggregator.accounts.requester import PurposeOfUse
from aggregator.api.fhir.consent_codes import (
    BASE_OF_URI,
    CATEGORY,
    CONSENT_CATEGORY,
    IRCP,
    ODS_SYSTEM,
    PRIVACY_SCOPE,
    PURPOSES,
    ROLE,
    URI_SYSTEM,
)
from aggregator.consent.terms import (
    LONDON,
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    british_days,
)
from aggregator.errors import Invalid
from aggregator.record.categories import SECTIONS
from fhir_data.errors import UnreadableEntry
from fhir_data.labels import Label
from fhir_data.parsing import read_entry

Json = dict[str, Any]
Value = TypeVar("Value")

_RESOURCE = frozenset(
    {
        *("resourceType", "id", "meta", "text", "language", "identifier", "status", "scope", "category", "patient"),
        *("dateTime", "performer", "organization", "sourceAttachment", "sourceReference", "policy", "provision"),
    }
)
_EXCEPTION = frozenset({"type", "period", "actor", "purpose", "dataPeriod", "data", "securityLabel", "class"})
# What is said of the resource itself is not kept: this service says it of its own.
_NOT_KEPT = frozenset({"id", "meta", "text"})
_NEVER = frozenset({"extension", "modifierExtension", "contained", "url"})
_CATEGORIES = {each.category.value: each.category for each in SECTIONS}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})\Z", re.ASCII)
_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z", re.ASCII)
_ITEM = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})\Z", re.ASCII)
_URN = "urn:uuid:"


@dataclass(frozen=True, kw_only=True)
class ConsentSent:
    """A Consent as it was sent. `note` is what it says of where the decision comes from."""

    resource: Json
    status: str
    person_id: UUID
    terms: PolicyTerms
    note: str


def read_consent_resource(*, body: bytes, base: str, organisation_ods: str) -> ConsentSent:
    """Read a Consent that somebody of an organisation has sent to the door at `base`.

    Raises: Invalid, with the element at fault as its field, a FHIRPath.
    """
    resource = read_resource(body=body)
    _known(resource, _RESOURCE, "Consent")
    _plain({name: value for name, value in resource.items() if name not in _NOT_KEPT}, "Consent")
    patient = _patient(resource.get("patient"), "Consent.patient", base=base)
    _coded(resource.get("scope"), "Consent.scope", PRIVACY_SCOPE)
    categories = _list(resource.get("category"), "Consent.category")
    if not any(_has(each, CONSENT_CATEGORY) for each in categories):
        raise _fault("Consent.category", "One category must be LOINC 59284-0.")
    _moment_or_day(resource.get("dateTime"), "Consent.dateTime")
    for performer in _list(resource.get("performer"), "Consent.performer"):
        reference = _mapping(performer, "Consent.performer")
        if str(reference.get("reference", "")).startswith(("Patient/", f"{base}/Patient/")):
            if _patient(performer, "Consent.performer", base=base) != patient:
                raise _fault("Consent.performer", "Another patient cannot consent for this one.")
        elif not reference.get("display"):
            raise _fault("Consent.performer", "Name the patient, or give the name of who consents for them.")
    for organisation in _list(resource.get("organization"), "Consent.organization"):
        if _identified(organisation, "Consent.organization") != (ODS_SYSTEM, organisation_ods):
            raise _fault("Consent.organization", "The organisation must be your own, by its ODS code.")
    return ConsentSent(
        resource=resource,
        status=_text(resource.get("status"), "Consent.status"),
        person_id=patient,
        terms=_terms(resource, base=base),
        note=_note(resource),
    )


def read_resource(*, body: bytes) -> Json:
    """Return the Consent in a body, unexamined.

    Raises: Invalid for what is not one JSON object, each member once, or is no Consent.
    """
    try:
        resource = read_entry(entry=body)
    except UnreadableEntry as error:
        raise Invalid(f"The body cannot be read as one FHIR resource: {error.fault}.", code="structure") from None
    if resource.get("resourceType") != "Consent":
        raise _fault("Consent", "The resource must be a Consent.")
    return resource


def _note(resource: Json, /) -> str:
    """Return what the source of the decision is called: its paper itself is not kept here."""
    sent = [name for name in ("sourceAttachment", "sourceReference") if name in resource]
    if len(sent) != 1:
        raise _fault("Consent.source", "Give one source: an attachment with a title, or a reference with a display.")
    (name,) = sent
    source = _mapping(resource[name], f"Consent.{name}")
    words = source.get("title") if name == "sourceAttachment" else source.get("display")
    if "data" in source or not isinstance(words, str) or not words.strip():
        raise _fault("Consent.source", "Say in a title or display where the decision is written; send no document.")
    return words


def _terms(resource: Json, /, *, base: str) -> PolicyTerms:
    policies = _list(resource.get("policy"), "Consent.policy")
    policy = _mapping(policies[0], "Consent.policy")
    _known(policy, frozenset({"uri"}), "Consent.policy")
    base_policy = BASE_OF_URI.get(_text(policy.get("uri"), "Consent.policy.uri"))
    if len(policies) != 1 or base_policy is None:
        raise _fault("Consent.policy", "Give one policy, by the address of a base policy of IHE PCF.")
    sent = _mapping(resource.get("provision"), "Consent.provision")
    _known(sent, _EXCEPTION | {"provision"}, "Consent.provision")
    root = _provision({name: value for name, value in sent.items() if name != "provision"}, "Consent.provision", base)
    exceptions = tuple(
        _exception(each, f"Consent.provision.provision[{number}]", base)
        for number, each in enumerate(_list(sent["provision"], "Consent.provision") if "provision" in sent else [])
    )
    is_plain = root == Provision(effect=_effect_of(base_policy))
    return PolicyTerms(base=base_policy, root=None if is_plain else root, exceptions=exceptions)


def _effect_of(base: BasePolicy, /) -> Effect:
    return Effect.DENY if base in {BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY} else Effect.PERMIT


def _exception(sent: object, place: str, base: str) -> Provision:
    members = _mapping(sent, place)
    if "provision" in members:
        raise _fault(f"{place}.provision", "An exception can have no exceptions of its own.")
    _known(members, _EXCEPTION, place)
    return _provision(members, place, base)


def _provision(sent: Json, place: str, base: str) -> Provision:
    effect = _text(sent.get("type"), f"{place}.type")
    if effect not in set(Effect):
        raise _fault(f"{place}.type", "The type must be permit or deny.")
    sources, items = _data(sent, f"{place}.data", effect=Effect(effect))
    return Provision(
        effect=Effect(effect),
        purposes=_each(sent, "purpose", place, _purpose),
        actors=_each(sent, "actor", place, lambda actor, at: _actor(actor, at, base)),
        period=_period(sent["period"], f"{place}.period") if "period" in sent else Period(),
        data_period=_data_period(sent["dataPeriod"], f"{place}.dataPeriod") if "dataPeriod" in sent else DataPeriod(),
        categories=frozenset(
            _CATEGORIES[code] for code in _each(sent, "class", place, lambda coding, at: _category(coding, at, base))
        ),
        sources=sources,
        items=items,
        labels=_each(sent, "securityLabel", place, _label),
    )


def _each(sent: Json, name: str, place: str, read: Callable[[object, str], Value]) -> frozenset[Value]:
    if name not in sent:
        return frozenset()
    return frozenset(read(each, f"{place}.{name}") for each in _list(sent[name], f"{place}.{name}"))


def _purpose(sent: object, place: str) -> PurposeOfUse:
    system, code = _coding(sent, place)
    if system != PURPOSES or code not in set(PurposeOfUse):
        raise _fault(place, "This purpose of use is not known here.")
    return PurposeOfUse(code)


def _label(sent: object, place: str) -> Label:
    system, code = _coding(sent, place)
    return Label(system=system, code=code)


def _category(sent: object, place: str, base: str) -> str:
    system, code = _coding(sent, place)
    if system != base + CATEGORY or code not in _CATEGORIES:
        raise _fault(place, "This kind of content is not known here.")
    return code


def _actor(sent: object, place: str, base: str) -> Actor:
    members = _mapping(sent, place)
    _known(members, frozenset({"role", "reference"}), place)
    _coded(members.get("role"), f"{place}.role", IRCP)
    reference = _mapping(members.get("reference"), f"{place}.reference")
    written = reference.get("reference")
    if isinstance(written, str):
        kind, _, key = written.removeprefix(f"{base}/").partition("/")
        if kind != "Practitioner" or not _is_uuid(key):
            raise _fault(f"{place}.reference", "Name a user as Practitioner and their id here.")
        return Actor.user(UUID(key))
    system, value = _identified(reference, f"{place}.reference")
    if system == ODS_SYSTEM:
        return Actor.organisation(value)
    if system == base + ROLE:
        return Actor(kind=ActorKind.ROLE, value=value)
    raise _fault(f"{place}.reference", "Name a user by id, an organisation by ODS code, or a role of this service.")


def _data(sent: Json, place: str, *, effect: Effect) -> tuple[frozenset[UUID], frozenset[ItemKey]]:
    """Return the sources and the items that a provision is about."""
    sources: set[UUID] = set()
    items: set[ItemKey] = set()
    for each in _list(sent["data"], place) if "data" in sent else []:
        data = _mapping(each, place)
        _known(data, frozenset({"meaning", "reference"}), place)
        meaning = _text(data.get("meaning"), f"{place}.meaning")
        system, value = _identified(data.get("reference"), f"{place}.reference")
        item = _ITEM.match(value)
        if meaning == "authoredby" and system == URI_SYSTEM and _is_uuid(value.removeprefix(_URN)):
            sources.add(UUID(value.removeprefix(_URN)))
        elif meaning == "instance" or (meaning == "related" and effect is Effect.DENY):
            if item is None or not system.startswith(_URN) or not _is_uuid(system.removeprefix(_URN)):
                raise _fault(
                    place, "Name an item by the source that holds it, as urn:uuid:, and its type and id there."
                )
            items.add(ItemKey(source_id=UUID(system.removeprefix(_URN)), resource_type=item[1], resource_id=item[2]))
        else:
            raise _fault(place, "Data can be named here as an instance, or as authored by a source of this service.")
    if sources and items:
        raise _fault(place, "Name sources or items, not both, in one provision.")
    return frozenset(sources), frozenset(items)


def _period(sent: object, place: str) -> Period:
    members = _mapping(sent, place)
    _known(members, frozenset({"start", "end"}), place)
    first, last = members.get("start"), members.get("end")
    start = None if first is None else _start_of(_text(first, f"{place}.start"), f"{place}.start")
    end = None if last is None else _end_of(_text(last, f"{place}.end"), f"{place}.end")
    if start is None and end is None:
        raise _fault(place, "A period must have a start or an end.")
    return Period(start=start, end=end)


def _start_of(text: str, place: str) -> datetime | None:
    if _MOMENT.match(text):
        return _moment(text, place)
    return british_days(first=_days(text, place)[0], last=None).start


def _end_of(text: str, place: str) -> datetime | None:
    """Return when a period is over: what it names as its end is within it, as exactly as it is written."""
    if shape := _MOMENT.match(text):
        return _moment(text, place) + (timedelta(microseconds=1) if shape[1] else timedelta(seconds=1))
    return british_days(first=None, last=_days(text, place)[1]).end


def _data_period(sent: object, place: str) -> DataPeriod:
    members = _mapping(sent, place)
    _known(members, frozenset({"start", "end"}), place)
    if not members:
        raise _fault(place, "A period must have a start or an end.")
    return DataPeriod(
        start=_days(_text(members["start"], place), place)[0] if "start" in members else None,
        end=_days(_text(members["end"], place), place)[1] if "end" in members else None,
    )


def _moment(text: str, place: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        (moment + timedelta(seconds=1)).astimezone(LONDON)  # as its end is counted, and people are told it
        return moment
    except (ValueError, OverflowError):
        raise _fault(place, "This is no date of the calendar.") from None


def _days(text: str, place: str) -> tuple[date, date]:
    """Return the first and the last day of a date, which may be a month or a year."""
    shape = _DAY.match(text)
    if shape is None:
        raise _fault(place, "Write a date as 2026, 2026-05 or 2026-05-14.")
    year, month, day = int(shape[1]), int(shape[2] or 0), int(shape[3] or 0)
    try:
        first = date(year, month or 1, day or 1)
        after = first + timedelta(days=1) if day else date(year + (month in {0, 12}), month % 12 + 1, 1)
        return first, after - timedelta(days=1)
    except (ValueError, OverflowError):
        raise _fault(place, "This is no date of the calendar.") from None


def _moment_or_day(sent: object, place: str) -> None:
    text = _text(sent, place)
    if _MOMENT.match(text):
        _moment(text, place)
    else:
        _days(text, place)


def _patient(sent: object, place: str, *, base: str) -> UUID:
    kind, _, key = _text(_mapping(sent, place).get("reference"), place).removeprefix(f"{base}/").partition("/")
    if kind != "Patient" or not _is_uuid(key):
        raise _fault(place, "Name the patient as Patient and their id here.")
    return UUID(key)


def _identified(sent: object, place: str) -> tuple[str, str]:
    reference = _mapping(sent, place)
    _known(reference, frozenset({"identifier", "type", "display"}), place)
    identifier = _mapping(reference.get("identifier"), f"{place}.identifier")
    _known(identifier, frozenset({"system", "value", "use"}), f"{place}.identifier")
    return _text(identifier.get("system"), place), _text(identifier.get("value"), place)


def _coded(sent: object, place: str, meant: tuple[str, str]) -> None:
    if not _has(sent, meant):
        raise _fault(place, f"It must be {meant[1]} of {meant[0]}.")


def _has(concept: object, meant: tuple[str, str]) -> bool:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return isinstance(codings, list) and any(
        isinstance(coding, dict) and (coding.get("system"), coding.get("code")) == meant for coding in codings
    )


def _coding(sent: object, place: str) -> tuple[str, str]:
    coding = _mapping(sent, place)
    _known(coding, frozenset({"system", "code", "display", "version"}), place)
    return _text(coding.get("system"), place), _text(coding.get("code"), place)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _plain(value: object, place: str) -> None:
    """Check that a value holds texts alone, and nothing that would change what they mean."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in _NEVER or name.startswith("_"):
                raise _fault(place, "Extensions and contained resources cannot be honoured here.")
            if not (name == "userSelected" and isinstance(member, bool)):
                _plain(member, f"{place}.{name}" if name in _RESOURCE else place)
    elif isinstance(value, list):
        for element in value:
            _plain(element, place)
    elif not isinstance(value, str):
        raise _fault(place, "This element is not of its type.")


def _known(members: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := sorted(set(members) - known):
        # An element's name is the standard's; anything else may be what somebody wanted echoed.
        name = f".{unknown[0]}" if re.fullmatch(r"[A-Za-z]{1,30}", unknown[0]) else ""
        raise _fault(f"{place}{name}", "This element cannot be honoured here, so nothing was recorded.")


def _mapping(sent: object, place: str) -> Json:
    if not isinstance(sent, dict) or not sent:
        raise _fault(place, "This element is missing, or is not an object.")
    return sent


def _list(sent: object, place: str) -> list[Any]:
    if not isinstance(sent, list) or not sent:
        raise _fault(place, "This element is missing, or is not a list.")
    return sent


def _text(sent: object, place: str) -> str:
    if not isinstance(sent, str) or not sent.strip():
        raise _fault(place, "This element is missing, or is not a text.")
    return sent


def _fault(place: str, words: str) -> Invalid:
    return Invalid(words, code="invalid", field=place)


def places_of(*, field: str) -> str:
    """Return the FHIRPath of what a service calls "root.period", or "0.actors" of the first exception."""
    place, _, condition = field.partition(".")
    names = {"actors": "actor", "purposes": "purpose", "labels": "securityLabel", "categories": "class"}
    names |= {
        "sources": "data",
        "items": "data",
        "data_period": "dataPeriod",
        "effect": "type",
        "exceptions": "provision",
    }
    root = "Consent.provision" if place == "root" else f"Consent.provision.provision[{place}]"
    return f"{root}.{names.get(condition, condition)}"


def parts(sent: Json) -> Iterator[tuple[str, Any]]:
    """Yield the members of a Consent that say what was decided, for comparing one with another."""
    yield from ((name, value) for name, value in sent.items() if name not in _NOT_KEPT | {"resourceType", "status"})
