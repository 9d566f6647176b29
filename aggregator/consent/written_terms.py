"""What a policy says, as it is kept in a row. A row that this version cannot read denies everything. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from aggregator.accounts.requester import PurposeOfUse
from aggregator.consent.terms import (
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
)
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label

Json = dict[str, Any]
Value = TypeVar("Value")
_MEMBERS = frozenset({"root", "exceptions"})
_CONDITIONS = frozenset(
    {"effect", "purposes", "actors", "period", "data_period", "categories", "sources", "items", "labels"}
)


def write_terms(*, terms: PolicyTerms) -> Json:
    """Return what a policy says beside its base: only what it names."""
    written: Json = {}
    if terms.root is not None:
        written["root"] = _write_provision(terms.root)
    if terms.exceptions:
        written["exceptions"] = [_write_provision(each) for each in terms.exceptions]
    return written


def read_terms(*, base: str, written: object, ended_at: datetime | None) -> PolicyTerms:
    """Return the terms of a row; they are not understood where anything in it is unknown."""
    try:
        members = _object(written, known=_MEMBERS)
        return PolicyTerms(
            base=BasePolicy(base),
            root=_read_provision(members["root"]) if "root" in members else None,
            exceptions=tuple(_read_provision(each) for each in members.get("exceptions", [])),
            ended_at=ended_at,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return PolicyTerms(base=BasePolicy.DENY, ended_at=ended_at, is_understood=False)


def _write_provision(provision: Provision) -> Json:
    written: Json = {
        "effect": provision.effect,
        "purposes": sorted(provision.purposes),
        "actors": [[actor.kind, actor.value] for actor in sorted(provision.actors)],
        "period": _write_bounds(provision.period.start, provision.period.end),
        "data_period": _write_bounds(provision.data_period.start, provision.data_period.end),
        "categories": sorted(provision.categories),
        "sources": sorted(map(str, provision.sources)),
        "items": [[str(key.source_id), key.resource_type, key.resource_id] for key in sorted(provision.items)],
        "labels": sorted([label.system, label.code] for label in provision.labels),
    }
    return {name: value for name, value in written.items() if value}


def _write_bounds(start: date | None, end: date | None) -> Json:
    bounds = {"start": start, "end": end}
    return {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}


def _read_provision(written: object) -> Provision:
    members = _object(written, known=_CONDITIONS)
    period = _object(members.get("period", {}), known=frozenset({"start", "end"}))
    days = _object(members.get("data_period", {}), known=frozenset({"start", "end"}))
    return Provision(
        effect=Effect(members["effect"]),
        purposes=_each(members.get("purposes", ()), PurposeOfUse),
        actors=_each(members.get("actors", ()), lambda actor: Actor(kind=ActorKind(actor[0]), value=str(actor[1]))),
        period=Period(start=_bound(period, "start", datetime), end=_bound(period, "end", datetime)),
        data_period=DataPeriod(start=_bound(days, "start", date), end=_bound(days, "end", date)),
        categories=_each(members.get("categories", ()), RecordCategory),
        sources=_each(members.get("sources", ()), UUID),
        items=_each(
            members.get("items", ()),
            lambda key: ItemKey(source_id=UUID(key[0]), resource_type=str(key[1]), resource_id=str(key[2])),
        ),
        labels=_each(members.get("labels", ()), lambda label: Label(system=str(label[0]), code=str(label[1]))),
    )


def _object(written: object, *, known: frozenset[str]) -> Json:
    if not isinstance(written, dict) or not set(written) <= known:
        raise ValueError
    return written


def _each(written: Iterable[Any], read: Callable[[Any], Value]) -> frozenset[Value]:
    return frozenset(read(each) for each in written)


Bound = TypeVar("Bound", date, datetime)


def _bound(period: Json, name: str, kind: type[Bound]) -> Bound | None:
    return kind.fromisoformat(period[name]) if name in period else None
