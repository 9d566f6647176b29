"""Who may see what, as the prose says it and no faster: what the engine is compared with. And what it is asked.

The prose. *A policy has a base, a root and exceptions to the root. A base of "deny" or "break-glass-only" denies, any
other permits; "basic-normal" is for treatment alone. A provision holds for what all its conditions name. An exception
holds for what it names, and for what its root names of each kind of condition that it does not name itself, save
labels. Among the exceptions that hold a denial wins; without one the root counts. Between policies a denial wins. Who
has never permitted anything expressly permits treatment. A label withholds, unless the provision that permits names
it. Under broken glass a permit that names no label is about labelled content as well, if somebody can tell what the
labels mean; as an exception to a denial only if it names broken glass. What cannot be understood denies.*

Nothing here is shared with the engine but the values in which policies are written. What an item says (its days, what
its labels mean) is drawn together with the item, and not read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role
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
    british_days,
)
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label
from tests.factories import CONFIDENTIALITY, NOW, item, requester

ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SOURCES = (UUID(int=101), UUID(int=102))
USERS = (UUID(int=201), UUID(int=202))
ORGANISATIONS = ("X99301", "X99302")
CATEGORIES = (
    RecordCategory.PROBLEMS,
    RecordCategory.MEDICATIONS,
    RecordCategory.DOCUMENTS,
    RecordCategory.SUPPORTING,
)
TYPES = {
    RecordCategory.PROBLEMS: "Condition",
    RecordCategory.MEDICATIONS: "MedicationRequest",
    RecordCategory.DOCUMENTS: "DocumentReference",
    RecordCategory.SUPPORTING: "Practitioner",
}
# Each label with what it says: the code, whether it withholds, and whether a provision can name it so as to permit.
LABELS: dict[Label, tuple[str, bool, bool]] = {
    Label(system=CONFIDENTIALITY, code="N"): ("n", False, True),
    Label(system=CONFIDENTIALITY, code="R"): ("r", True, True),
    Label(system="urn:oid:2.16.840.1.113883.5.25", code="r"): ("r", True, True),
    Label(system=CONFIDENTIALITY, code="V"): ("v", True, True),
    Label(system=ACT_CODES, code="HIV"): ("hiv", True, True),
    Label(system="", code="R"): ("r", True, False),
    Label(system=CONFIDENTIALITY, code="SECRET"): ("secret", True, False),
}
# What no one can tell the meaning of.
OF_NO_KIND = frozenset(label for label, (code, _, _) in LABELS.items() if code == "secret")
WRITTEN_LABELS = (
    Label(system=CONFIDENTIALITY, code="N"),
    Label(system=CONFIDENTIALITY, code="R"),
    Label(system=CONFIDENTIALITY, code="V"),
    Label(system=ACT_CODES, code="HIV"),
)
UNKNOWN_LABEL = Label(system=ACT_CODES, code="OF-NO-KIND")
PURPOSES = (PurposeOfUse.TREATMENT, PurposeOfUse.BREAK_GLASS, PurposeOfUse.OPERATIONS, PurposeOfUse.RESEARCH)
# An emergency is treatment, too.
IS_ALSO = {PurposeOfUse.BREAK_GLASS: {PurposeOfUse.EMERGENCY, PurposeOfUse.TREATMENT}}


@dataclass(frozen=True, kw_only=True)
class Told:
    """An item, and what is known of it: the first and the last day of each of its dates."""

    item: Item
    source_id: UUID
    category: RecordCategory
    name: str
    days: tuple[tuple[date, date], ...]
    labels: frozenset[Label]

    @property
    def is_supporting(self) -> bool:
        return self.category is RecordCategory.SUPPORTING


# The prose


def may_see(
    *,
    policies: tuple[PolicyTerms, ...],
    asking: Requester,
    told: Told,
    now: datetime = NOW,
    has_broken_glass: bool = False,
) -> bool:
    """Return whether an item may be shown, given what the patient decided."""
    decisive = list(policies)
    if not any(_permitted_expressly(policy, now) for policy in policies):
        decisive.append(PolicyTerms(base=BasePolicy.PERMIT))
    said = [
        what_is_said(policy=policy, asking=asking, told=told, now=now, has_broken_glass=has_broken_glass)
        for policy in decisive
    ]
    return Effect.DENY not in said and Effect.PERMIT in said


def what_is_said(
    *, policy: PolicyTerms, asking: Requester, told: Told, now: datetime = NOW, has_broken_glass: bool = False
) -> Effect | None:
    """Return what one policy says of one item; None: nothing."""
    if policy.ended_at is not None and policy.ended_at <= now:
        return None
    root = root_of(policy)
    if not _is_now(root, now):
        return None
    holding = {
        exception.effect
        for exception in exceptions_of(policy)
        if provision_holds(
            provision=exception, root=root, asking=asking, told=told, now=now, has_broken_glass=has_broken_glass
        )
    }
    if Effect.DENY in holding:
        return Effect.DENY
    if Effect.PERMIT in holding:
        return Effect.PERMIT
    if provision_holds(provision=root, root=root, asking=asking, told=told, now=now, has_broken_glass=has_broken_glass):
        return root.effect
    return None


def root_of(policy: PolicyTerms) -> Provision:
    """Return what the base and the root say together."""
    denying = policy.base in (BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY)
    if not policy.is_understood:
        return Provision(effect=Effect.DENY)
    if policy.root is None:
        root = Provision(effect=Effect.DENY if denying else Effect.PERMIT)
    elif denying and policy.root.effect is Effect.PERMIT:
        return Provision(effect=Effect.DENY)  # it contradicts itself
    else:
        root = policy.root
    if policy.base is BasePolicy.PERMIT and root.effect is Effect.PERMIT and not root.purposes:
        return _with(root, purposes=frozenset({PurposeOfUse.TREATMENT}))
    return root


def exceptions_of(policy: PolicyTerms) -> list[Provision]:
    """Return the exceptions, with that of an emergency where the base makes it."""
    contradicts = root_of(policy) == Provision(effect=Effect.DENY) and policy.root not in (
        None,
        Provision(effect=Effect.DENY),
    )
    if not policy.is_understood or contradicts:
        return []
    exceptions = list(policy.exceptions)
    if policy.base is BasePolicy.BREAK_GLASS_ONLY:
        exceptions.append(Provision(effect=Effect.PERMIT, purposes=frozenset({PurposeOfUse.BREAK_GLASS})))
    return exceptions


def provision_holds(
    *,
    provision: Provision,
    root: Provision,
    asking: Requester,
    told: Told,
    now: datetime = NOW,
    has_broken_glass: bool = False,
) -> bool:
    """Return whether a provision is about this request for this item."""
    denies = provision.effect is Effect.DENY
    if not _is_now(provision, now):
        return False
    purposes = provision.purposes or root.purposes
    if purposes and purposes.isdisjoint({asking.purpose} | IS_ALSO.get(asking.purpose, set())):
        return False
    actors = provision.actors or root.actors
    if actors and not any(_is_actor(actor, asking) for actor in actors):
        return False
    sources = provision.sources or root.sources
    if sources and told.source_id not in sources:
        return False
    permits_so = root.effect is Effect.PERMIT or PurposeOfUse.BREAK_GLASS in purposes
    goes_past_labels = has_broken_glass and permits_so and not provision.labels and told.labels.isdisjoint(OF_NO_KIND)
    if not (goes_past_labels and not denies) and not _labels_hold(provision, told):
        return False
    items = provision.items or root.items
    if items:
        is_named = any(
            key.source_id == told.source_id and f"{key.resource_type}/{key.resource_id}".lower() == told.name.lower()
            for key in items
        )
        goes_with_it = told.is_supporting and not denies and any(key.source_id == told.source_id for key in items)
        if not is_named and not goes_with_it:
            return False
    categories = provision.categories or root.categories
    period = provision.data_period if provision.data_period != DataPeriod() else root.data_period
    if told.is_supporting:
        # A clinic, a person: shown with what names it, whatever that is and whenever it was.
        if period != DataPeriod() and _is_impossible(period):
            return denies and not categories
        return not (denies and (categories or period != DataPeriod()))
    if categories and told.category not in categories:
        return False
    if period == DataPeriod():
        return True
    if _is_impossible(period):
        return denies
    inside = [_first(period) <= first and last <= _last(period) for first, last in told.days]
    touching = [first <= _last(period) and _first(period) <= last for first, last in told.days]
    if denies:
        return any(touching) or not told.days
    return all(inside) and bool(told.days)


def _with(provision: Provision, **changed: Any) -> Provision:
    return Provision(**{**vars(provision), **changed})


def _is_now(provision: Provision, now: datetime) -> bool:
    start, end = provision.period.start, provision.period.end
    if start is not None and end is not None and end <= start:
        return provision.effect is Effect.DENY  # nobody can tell when: so always
    return not (start is not None and now < start) and not (end is not None and end <= now)


def _permitted_expressly(policy: PolicyTerms, now: datetime) -> bool:
    root = root_of(policy)
    if root.effect is Effect.DENY:
        return False
    start, end = root.period.start, root.period.end
    if start is None or (end is not None and end <= start):
        return True
    return start <= now and not (policy.ended_at is not None and policy.ended_at < start)


def _is_actor(actor: Actor, asking: Requester) -> bool:
    return (
        actor.value
        == {
            ActorKind.USER: str(asking.user_id),
            ActorKind.ROLE: str(asking.role),
            ActorKind.ORGANISATION: asking.organisation_ods,
        }[actor.kind]
    )


def _labels_hold(provision: Provision, told: Told) -> bool:
    restricting = {label for label in told.labels if LABELS[label][1]}
    if UNKNOWN_LABEL in provision.labels:
        return provision.effect is Effect.DENY
    codes = {LABELS[label][0] for label in provision.labels}
    if provision.effect is Effect.DENY:
        on_item = {LABELS[label][0] for label in told.labels} | (set() if restricting else {"n"})
        return not codes or bool(codes & on_item)
    return all(LABELS[label][2] and LABELS[label][0] in codes for label in restricting)


def _is_impossible(period: DataPeriod) -> bool:
    return period.start is not None and period.end is not None and period.end < period.start


def _first(period: DataPeriod) -> date:
    return period.start or date.min


def _last(period: DataPeriod) -> date:
    return period.end or date.max


# What is asked

_MOMENTS = (
    NOW - timedelta(days=400),
    NOW - timedelta(days=1),
    NOW - timedelta(microseconds=1),
    NOW,
    NOW + timedelta(microseconds=1),
    NOW + timedelta(days=1),
)
_DAYS = (date(2019, 12, 31), date(2020, 1, 1), date(2020, 6, 15), date(2020, 12, 31), date(2021, 1, 1))
# As a source may write a date, with the first and the last British day that it may mean.
_DATES: tuple[tuple[str, date, date], ...] = (
    ("2020", date(2020, 1, 1), date(2020, 12, 31)),
    ("2020-06", date(2020, 6, 1), date(2020, 6, 30)),
    ("2019-12-31", date(2019, 12, 31), date(2019, 12, 31)),
    ("2020-01-01", date(2020, 1, 1), date(2020, 1, 1)),
    ("2020-06-30T23:30:00Z", date(2020, 7, 1), date(2020, 7, 1)),
    ("2020-12-31T23:30:00+00:00", date(2020, 12, 31), date(2020, 12, 31)),
    ("2021-01-01T00:30:00+01:00", date(2020, 12, 31), date(2020, 12, 31)),
)
_DATED_BY = {
    "Condition": ("recordedDate", "onsetDateTime"),
    "MedicationRequest": ("authoredOn",),
    "DocumentReference": ("date",),
    "Practitioner": (),
}


def _some(draw: DrawFn, pool: Any, *, often: int = 4, most: int = 2) -> frozenset[Any]:
    """Draw none of a pool, mostly, or a few."""
    if draw(st.integers(0, often)) > 0:
        return frozenset()
    return frozenset(draw(st.lists(st.sampled_from(pool), min_size=1, max_size=most)))


@st.composite
def provisions(draw: DrawFn, *, effect: Effect | None = None, by_label: bool = True, period: bool = True) -> Provision:
    """Draw a provision."""
    actors = [Actor.role(Role.CLINICIAN), *map(Actor.user, USERS), *map(Actor.organisation, ORGANISATIONS)]
    keys = [
        ItemKey(source_id=source_id, resource_type=kind, resource_id=key)
        for source_id in SOURCES
        for kind in TYPES.values()
        for key in ("a", "A")
    ]
    chosen = draw(st.sampled_from(Effect)) if effect is None else effect
    labels = _some(draw, (*WRITTEN_LABELS, *WRITTEN_LABELS, UNKNOWN_LABEL), often=3)
    return Provision(
        effect=chosen,
        purposes=_some(draw, PURPOSES),
        actors=_some(draw, actors),
        period=draw(periods()) if period and draw(st.integers(0, 3)) == 0 else Period(),
        data_period=draw(data_periods()) if draw(st.integers(0, 4)) == 0 else DataPeriod(),
        categories=_some(draw, [category for category in CATEGORIES if category.is_clinical]),
        sources=_some(draw, SOURCES),
        items=_some(draw, keys, often=3, most=8),
        labels=labels if by_label or chosen is Effect.DENY else frozenset(),
    )


@st.composite
def periods(draw: DrawFn) -> Period:
    """Draw a period of validity, its bounds about this moment, now and then impossible or of whole days."""
    if draw(st.integers(0, 3)) == 0:
        day = NOW.date()
        bounds = st.sampled_from([None, day - timedelta(days=1), day, day + timedelta(days=1)])
        return british_days(first=draw(bounds), last=draw(bounds))
    bound = st.none() | st.sampled_from(_MOMENTS)
    return Period(start=draw(bound), end=draw(bound))


@st.composite
def data_periods(draw: DrawFn) -> DataPeriod:
    """Draw a period of clinical dates, now and then impossible."""
    bound = st.none() | st.sampled_from(_DAYS)
    return DataPeriod(start=draw(bound), end=draw(bound))


@st.composite
def policies(draw: DrawFn, *, by_label: bool = True) -> PolicyTerms:
    """Draw a policy of any kind, in force or not."""
    base = draw(st.sampled_from([*BasePolicy, BasePolicy.PERMIT, BasePolicy.PERMIT_ALL]))
    denying = base in (BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY)
    usual = Effect.DENY if denying else Effect.PERMIT
    effect = usual if draw(st.integers(0, 9)) else draw(st.sampled_from(Effect))
    has_root = draw(st.booleans())
    return PolicyTerms(
        base=base,
        root=draw(provisions(effect=effect, by_label=by_label)) if has_root else None,
        exceptions=tuple(draw(st.lists(provisions(by_label=by_label), max_size=2))),
        ended_at=draw(st.sampled_from(_MOMENTS)) if draw(st.integers(0, 5)) == 0 else None,
        is_understood=draw(st.integers(0, 39)) > 0,
    )


def requests(*, count: int = 40) -> SearchStrategy[list[tuple[Requester, Told]]]:
    """Draw so many requests: who asks, what for, and about which item."""
    return st.integers(0, 2**32).map(lambda seed: _requests(Random(seed), count))


def _requests(chance: Random, count: int) -> list[tuple[Requester, Told]]:
    return [(_asking(chance), _told(chance)) for _ in range(count)]


def _told(chance: Random) -> Told:
    """Return an item of one of the sources, with what is known of it."""
    category = chance.choice(CATEGORIES)
    kind, source_id = TYPES[category], chance.choice(SOURCES)
    dated = {name: chance.choice(_DATES) for name in _DATED_BY[kind] if chance.random() < 0.7}
    key = chance.choice(["a", "A", "other"])
    labels = chance.choice([(), (), (), *[(label,) for label in LABELS], tuple(LABELS)[:2]])
    resource = {"resourceType": kind, "id": key, **{name: text for name, (text, _, _) in dated.items()}}
    return Told(
        item=item(resource=resource, source=str(source_id), category=category, labels=labels),
        source_id=source_id,
        category=category,
        name=f"{kind}/{key}",
        days=tuple((first, last) for _, first, last in dated.values()),
        labels=frozenset(labels),
    )


def _asking(chance: Random) -> Requester:
    return requester(
        user_id=chance.choice([*USERS, None]),
        organisation_ods=chance.choice(ORGANISATIONS),
        role=Role.CLINICIAN,
        purpose=chance.choice([*PURPOSES, PurposeOfUse.TREATMENT, PurposeOfUse.TREATMENT]),
    )
