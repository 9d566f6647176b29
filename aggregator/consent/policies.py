"""The policies of a person, read for one requester at one moment -> what may be opened, asked and shown. Pure.

A policy has a root and exceptions to it. The root holds for what all its conditions name. An exception holds for what
its own conditions name, and the root's of each kind of which it names none, save labels: a label is meant only where it
is written. Of the exceptions that hold for something a denial wins; without one, the root counts. So a policy permits
something, denies it, or says nothing of it.

Of all policies a denial wins; something is shown where one permits it and none denies it. Who has never permitted
anything expressly is taken to permit treatment (the programme's own rule, `Policy-basic-normal`). Who once has is not:
when their permit ends, nothing takes its place until they decide anew, so that an end never shows more.

Under broken glass a permit in which no label is written is about labelled content, too, where anybody can tell what
its labels say. Denials stand, and so do the labels that a permit names; an exception to a denial goes past labels only
where it names broken glass.

What cannot be understood denies. What a source withholds or refuses is not here to be permitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum, auto
from functools import cached_property, lru_cache, partial
from uuid import UUID

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role
from aggregator.consent.clinical_dates import is_within, may_touch
from aggregator.consent.terms import (
    Actor,
    BasePolicy,
    DataPeriod,
    Effect,
    Period,
    PolicyTerms,
    Provision,
)
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory
from fhir_data.confidentiality import LabelMeaning, is_known, is_understood, meaning_of, restricts
from fhir_data.heads import entry_name, type_of
from fhir_data.labels import Label

# What else a purpose is: who permits or denies treatment means an emergency, too.
# Source: HL7 v3-ActReason, its hierarchy.
WIDER_PURPOSE = {
    PurposeOfUse.COORDINATION: PurposeOfUse.TREATMENT,
    PurposeOfUse.EMERGENCY: PurposeOfUse.TREATMENT,
    PurposeOfUse.BREAK_GLASS: PurposeOfUse.EMERGENCY,
}
NORMAL = LabelMeaning(kind="confidentiality", code="n")
_EVERYTHING_DENIED = Provision(effect=Effect.DENY)
_BASES_OF_DENIAL = frozenset({BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY})


class Reach(StrEnum):
    """How much of a kind of content may be shown, as far as that can be said without looking at any."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Reach:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    ALL = "all", "Shown"
    PART = "part", "Shown in part"
    NOTHING = "nothing", "Not shown"


class _Says(Enum):
    """What a policy says of something."""

    PERMIT = auto()
    DENY = auto()
    NOTHING = auto()


def rules_for(
    *, policies: Iterable[PolicyTerms], requester: Requester, now: datetime, goes_past_labels: bool = False
) -> Rules:
    """Return what a person's policies say for one requester at one moment.

    `policies` are all on record, also those that have been withdrawn: whether they ever permitted anything counts.
    `goes_past_labels`: the requester has broken the glass.
    """
    policies = tuple(policies)
    read = partial(
        _read,
        purposes=_purposes_of(requester),
        actors=_actors_of(requester),
        now=now,
        goes_past_labels=goes_past_labels,
    )
    in_force = [read(policy) for policy in policies if _is_in_force(policy, now)]
    if not any(has_permitted(policy, now=now) for policy in policies):
        default = PolicyTerms(base=BasePolicy.PERMIT)
        in_force.append(read(default))
    return Rules(policies=tuple(in_force))


def joint_rules_for(
    *, halves: Iterable[Iterable[PolicyTerms]], requester: Requester, now: datetime, goes_past_labels: bool = False
) -> Rules | JointRules:
    """Return what the policies say of a person to whom others were joined: `halves` are what counts for each of them.

    What is shown is what each half would show, so that joining people never shares more than either did.
    """
    parts = tuple(
        rules_for(policies=half, requester=requester, now=now, goes_past_labels=goes_past_labels) for half in halves
    )
    return parts[0] if len(parts) == 1 else JointRules(parts=parts)


def shares_with_most(
    *, policies: Iterable[PolicyTerms], joined: Iterable[Iterable[PolicyTerms]] = (), now: datetime
) -> bool:
    """Return whether somebody whom no policy names may see anything, for treatment.

    `joined`: what counts for each of those who were joined to the person.
    """
    nobody_named = Requester(
        user_id=None,
        family="",
        given="",
        organisation_id=None,
        organisation_ods="",
        organisation_name="",
        role=Role.CLINICIAN,
    )
    return joint_rules_for(halves=(policies, *joined), requester=nobody_named, now=now).may_open


def provisions_in(policy: PolicyTerms, /) -> tuple[Provision, ...]:
    """Return what a policy says, as written: its root, if it has one, and its exceptions."""
    return (*([policy.root] if policy.root else ()), *policy.exceptions)


def is_contradictory(policy: PolicyTerms, /) -> bool:
    """Return whether a policy permits what its base denies altogether: nobody can tell what is meant."""
    return policy.base in _BASES_OF_DENIAL and policy.root is not None and policy.root.effect is Effect.PERMIT


def has_permitted(policy: PolicyTerms, /, *, now: datetime) -> bool:
    """Return whether a policy permits something expressly, or has done so before."""
    root, _ = resolve(policy)
    start = None if root.period.is_empty else root.period.start
    has_begun = start is None or (start <= now and (policy.ended_at is None or start <= policy.ended_at))
    return root.effect is Effect.PERMIT and has_begun


def as_lapsed(policy: PolicyTerms, /, *, at: datetime) -> PolicyTerms:
    """Return a permit that was withdrawn as one whose own time is over: it permits nothing, and that it did counts."""
    root = policy.root or Provision(effect=Effect.PERMIT)
    return PolicyTerms(base=policy.base, root=replace(root, period=Period(end=at)))


def denials_in_doubt(
    *, of_another: Sequence[PolicyTerms], own: Iterable[PolicyTerms], now: datetime
) -> tuple[PolicyTerms, ...]:
    """Return what the policies of another, who may be the same person, deny; nothing of what they permit.

    Who has withdrawn what they permitted, or permits a part only, shares nothing by default: that holds, too.
    """
    has_own_say = any(has_permitted(policy, now=now) for policy in own)
    in_force = [policy for policy in of_another if _is_in_force(policy, now)]
    denials: list[PolicyTerms] = []
    for policy in in_force:
        root, exceptions = resolve(policy)
        if root.effect is Effect.DENY:
            # What opens under broken glass could otherwise open what their own withdrawn permit keeps closed.
            is_open_in_emergency = policy.base is BasePolicy.BREAK_GLASS_ONLY and policy.is_understood
            base = BasePolicy.BREAK_GLASS_ONLY if is_open_in_emergency and not has_own_say else BasePolicy.DENY
            denials.append(PolicyTerms(base=base, root=None if root == _EVERYTHING_DENIED else root))
        else:
            denied = (exception for exception in exceptions if exception.effect is Effect.DENY)
            denials += [PolicyTerms(base=BasePolicy.DENY, root=_under(exception, root=root)) for exception in denied]
    permitted = [policy for policy in of_another if has_permitted(policy, now=now)]
    if permitted and not any(policy.permits and policy.root is None for policy in in_force):
        denials.append(as_lapsed(permitted[0], at=now))
    return tuple(denials)


def _under(exception: Provision, /, *, root: Provision) -> Provision:
    """Return an exception with its root's conditions of each kind of which it names none, save labels."""
    return replace(
        exception,
        purposes=exception.purposes or root.purposes,
        actors=exception.actors or root.actors,
        period=root.period if exception.period == Period() else exception.period,
        data_period=root.data_period if exception.data_period == DataPeriod() else exception.data_period,
        categories=exception.categories or root.categories,
        sources=exception.sources or root.sources,
        items=exception.items or root.items,
    )


def resolve(policy: PolicyTerms, /) -> tuple[Provision, tuple[Provision, ...]]:
    """Return the root and the exceptions of a policy, with what its base adds to them."""
    if not policy.is_understood or is_contradictory(policy):
        return _EVERYTHING_DENIED, ()
    root = policy.root or Provision(effect=Effect.DENY if policy.base in _BASES_OF_DENIAL else Effect.PERMIT)
    exceptions = policy.exceptions
    if policy.base is BasePolicy.PERMIT and root.effect is Effect.PERMIT and not root.purposes:
        root = replace(root, purposes=frozenset({PurposeOfUse.TREATMENT}))
    if policy.base is BasePolicy.BREAK_GLASS_ONLY:
        exceptions = (*exceptions, Provision(effect=Effect.PERMIT, purposes=frozenset({PurposeOfUse.BREAK_GLASS})))
    return root, exceptions


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may be opened, asked and shown; `rules_for` makes it. Remembers what it has found for equal items."""

    policies: tuple[_Policy, ...]
    _found: dict[tuple[str, RecordCategory, tuple[Label, ...], bool], bool | _Open] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def standing(self) -> tuple[str, ...]:
        """What the policies say to this requester now: the same where they say the same."""
        return tuple(sorted({policy.as_text() for policy in self.policies if policy.clauses()}))

    @property
    def may_open(self) -> bool:
        """Whether anything at all may be shown."""
        return self._may_reach(None)

    def may_ask(self, *, source_id: UUID) -> bool:
        """Return whether anything that a source may hold may be shown."""
        return self._may_reach(str(source_id))

    def reach_of(self, *, category: RecordCategory) -> Reach:
        """Return how much of a kind of content may be shown of what no label restricts, whoever holds it."""
        named = {source for policy in self.policies for clause in policy.clauses() for source in clause.sources}
        named |= {source for policy in self.policies for clause in policy.clauses() for source in clause.item_sources}
        # One that no policy names stands for all others.
        reaches = {self._reach_of(source, category) for source in (*named, "")}
        return next(iter(reaches)) if len(reaches) == 1 else Reach.PART

    def _reach_of(self, source_id: str, category: RecordCategory) -> Reach:
        if not self._may_reach(source_id, category):
            return Reach.NOTHING
        is_whole = any(policy.permits_all(source_id, category) for policy in self.policies)
        is_touched = any(policy.may_deny(source_id, category) for policy in self.policies)
        return Reach.ALL if is_whole and not is_touched else Reach.PART

    def permits(self, *, item: Item) -> bool:
        """Return whether an item may be shown."""
        return self._permits(item, item.category.is_clinical)

    def permits_parts(self, *, item: Item) -> bool:
        """Return whether what keeps an item back leaves what belongs to it alone.

        A label holds for its parts, too, and so does a denial of this very item. Of all else, as of the kind, the date
        and the source, each part has its own. What a report lists are results by being listed there: who denies results
        denies those.
        """
        is_report = type_of(entry=item.resource) == "DiagnosticReport"
        return self._for_parts._permits(item, False) and not (is_report and self._denies_kind(item))

    @cached_property
    def _for_parts(self) -> Rules:
        """What of these policies holds for the parts of an item as well."""
        return Rules(policies=tuple(policy.for_parts() for policy in self.policies))

    def _may_reach(self, source_id: str | None, category: RecordCategory | None = None) -> bool:
        return not any(policy.denies_all(source_id, category) for policy in self.policies) and any(
            policy.may_permit(source_id, category) for policy in self.policies
        )

    def _permits(self, item: Item, kind_matters: bool) -> bool:
        key = item.source_id, item.category, item.labels, kind_matters
        answer = self._found.get(key)
        if answer is None:
            answer = self._found[key] = self._find(item, kind_matters)
        return answer if isinstance(answer, bool) else answer.permits(item, kind_matters)

    def _find(self, item: Item, kind_matters: bool) -> bool | _Open:
        """Return whether all that has the source, the category and the labels of an item may be shown, or what that
        depends on where it depends on more."""
        policies = self._about(item, kind_matters)
        if any(not clause.looks_at_item(kind_matters) for policy in policies for clause in policy.denials):
            return False
        open_policies = tuple(policy for policy in policies if policy.looks_at_item(kind_matters))
        settled = {policy.says(item, kind_matters) for policy in policies if policy not in open_policies}
        if _Says.DENY in settled:
            return False
        is_permitted = _Says.PERMIT in settled
        return _Open(policies=open_policies, is_permitted=is_permitted) if open_policies else is_permitted

    def _about(self, item: Item, kind_matters: bool) -> tuple[_Policy, ...]:
        """Return these policies without what says nothing of items of this source, category and labels."""
        said = _labels_of(item.labels)
        policies = (policy.about(item, kind_matters, said) for policy in self.policies)
        return tuple(policy for policy in policies if policy.clauses())

    def _denies_kind(self, item: Item, /) -> bool:
        return any(
            clause.denies and bool(clause.categories) and clause.fits(item, True)
            for policy in self._about(item, True)
            if policy.says(item, True) is _Says.DENY
            for clause in policy.clauses()
        )


@dataclass(frozen=True, kw_only=True)
class JointRules:
    """What may be opened, asked and shown where several sets of policies must each permit it."""

    parts: tuple[Rules, ...]

    @property
    def standing(self) -> tuple[str, ...]:
        """What the policies say to this requester now: the same where they say the same."""
        return tuple(text for part in self.parts for text in ("joined", *part.standing))

    @property
    def may_open(self) -> bool:
        """Whether anything at all may be shown."""
        return all(part.may_open for part in self.parts)

    def may_ask(self, *, source_id: UUID) -> bool:
        """Return whether anything that a source may hold may be shown."""
        return all(part.may_ask(source_id=source_id) for part in self.parts)

    def reach_of(self, *, category: RecordCategory) -> Reach:
        """Return how much of a kind of content may be shown of what no label restricts, whoever holds it."""
        return max((part.reach_of(category=category) for part in self.parts), key=list(Reach).index)

    def permits(self, *, item: Item) -> bool:
        """Return whether an item may be shown."""
        return all(part.permits(item=item) for part in self.parts)

    def permits_parts(self, *, item: Item) -> bool:
        """Return whether what keeps an item back leaves what belongs to it alone."""
        return all(part.permits_parts(item=item) for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class _Open:
    """What is left of the policies where all but the names and the dates of items is known.

    `is_permitted`: another policy permits these items, and none denies them.
    """

    policies: tuple[_Policy, ...]
    is_permitted: bool

    def permits(self, item: Item, kind_matters: bool) -> bool:
        """Return whether one of the policies permits an item that they are about, and none denies it."""
        is_permitted = self.is_permitted
        for policy in self.policies:
            said = policy.says(item, kind_matters)
            if said is _Says.DENY:
                return False
            is_permitted = is_permitted or said is _Says.PERMIT
        return is_permitted


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """What the labels of an item say: what restricts it, with None for what no provision can name, and all codes.

    `are_understood`: it is known of each that restricts it what it says."""

    restricting: frozenset[LabelMeaning | None]
    codes: frozenset[str]
    are_understood: bool


@lru_cache(maxsize=1024)
def _labels_of(labels: tuple[Label, ...]) -> _Labels:
    restricting = [label for label in labels if restricts(label)]
    codes = {meaning_of(label).code for label in labels}
    return _Labels(
        restricting=frozenset(meaning_of(label) if is_known(label) else None for label in restricting),
        codes=frozenset(codes if restricting else codes | {NORMAL.code}),
        are_understood=all(map(is_understood, restricting)),
    )


@dataclass(frozen=True, kw_only=True)
class _Clause:
    """The conditions about content of a provision that holds for the requester now."""

    denies: bool
    categories: AbstractSet[RecordCategory]
    sources: AbstractSet[str]
    items: AbstractSet[tuple[str, str]]
    item_sources: AbstractSet[str]
    data_period: DataPeriod | None
    labels: AbstractSet[LabelMeaning]
    codes: AbstractSet[str]
    is_never: bool
    goes_past_labels: bool

    @classmethod
    def of(cls, provision: Provision, /, *, goes_past_labels: bool) -> _Clause:
        """Return the conditions of a provision. Those that cannot be understood hold for a denial, and not at all for
        a permit."""
        denies = provision.effect is Effect.DENY
        is_clear = all(map(is_known, provision.labels))
        data_period = None if provision.data_period == DataPeriod() else provision.data_period
        is_dated = data_period is None or not data_period.is_empty
        labels = frozenset(map(meaning_of, provision.labels)) if is_clear else frozenset()
        return cls(
            denies=denies,
            categories=provision.categories,
            sources=frozenset(map(str, provision.sources)),
            items=frozenset(
                (str(key.source_id), f"{key.resource_type}/{key.resource_id}".casefold()) for key in provision.items
            ),
            item_sources=frozenset(str(key.source_id) for key in provision.items),
            data_period=data_period if is_dated else None,
            labels=labels,
            codes=frozenset(meaning.code for meaning in labels),
            is_never=not denies and not (is_clear and is_dated),
            goes_past_labels=goes_past_labels and not denies and not provision.labels,
        )

    def as_text(self) -> str:
        """Return the provision as a text, the same for the same."""
        days = self.data_period
        return repr(
            (
                *(self.denies, self.is_never, self.goes_past_labels),
                *(sorted(map(str, each)) for each in (self.categories, self.sources, self.items)),
                sorted((label.kind, label.code) for label in self.labels),
                days and (str(days.start), str(days.end)),
            )
        )

    @property
    def is_for_parts(self) -> bool:
        """Whether what is permitted, or denied, of an item is so of its parts as well."""
        return not self.denies or bool(self.items or self.codes)

    def is_about(self, item: Item, kind_matters: bool, said: _Labels) -> bool:
        """Return whether the provision may be about an item, by its source, category and labels alone.

        In doubt a denial is, and a permit is not. `kind_matters`: whether its category and its date count. What others
        point to is shown with them, and not for a kind or a date of its own.
        """
        if self.is_never or (self.sources and item.source_id not in self.sources):
            return False
        if not self.denies:
            if not (said.restricting <= self.labels or (self.goes_past_labels and said.are_understood)):
                return False
        elif self.codes and self.codes.isdisjoint(said.codes):
            return False
        if self.items and item.source_id not in self.item_sources:
            return False
        if not kind_matters:
            return not (self.denies and (self.categories or self.data_period))
        return not self.categories or item.category in self.categories

    def looks_at_item(self, kind_matters: bool) -> bool:
        """Return whether the provision asks for more than the source, the category and the labels of an item."""
        return self._asks_names(kind_matters) or (kind_matters and self.data_period is not None)

    def fits(self, item: Item, kind_matters: bool) -> bool:
        """Return whether the provision is about an item, which `is_about` has let through, by its name and its date."""
        if self._asks_names(kind_matters) and not any((item.source_id, name) in self.items for name in _names_of(item)):
            return False
        if not kind_matters or self.data_period is None:
            return True
        if self.denies:
            return may_touch(item=item, period=self.data_period)
        return is_within(item=item, period=self.data_period)

    def _asks_names(self, kind_matters: bool) -> bool:
        """Return whether the provision is about single items; a permit goes for all that these point to."""
        return bool(self.items) and (self.denies or kind_matters)

    def is_whole(self, source_id: str | None, category: RecordCategory | None) -> bool:
        """Return whether the provision is about all of a kind of content of a source that no label restricts.

        None: of every source, of every kind.
        """
        is_of_kind = not self.categories or category in self.categories
        is_of_source = not self.sources or source_id in self.sources
        is_narrow = self.is_never or self.items or self.data_period or self._is_labelled
        # Of any kind, what is labelled counts as well.
        is_of_normal_alone = category is None and self.denies and self.codes
        return is_of_kind and is_of_source and not (is_narrow or is_of_normal_alone)

    def may_touch(self, source_id: str | None, category: RecordCategory | None) -> bool:
        """Return whether the provision is about anything of a kind of content of a source that no label restricts.

        None: of any source, of any kind.
        """
        if self.is_never or (self.denies and self._is_labelled):
            return False
        if category is not None and self.categories and category not in self.categories:
            return False
        named = [sources for sources in (self.sources, self.item_sources) if sources]
        return source_id is None or all(source_id in sources for sources in named)

    @property
    def _is_labelled(self) -> bool:
        """Whether a denial is only of what a label restricts. A permit is also of what none does."""
        return self.denies and bool(self.codes) and NORMAL.code not in self.codes


@dataclass(frozen=True, kw_only=True)
class _Policy:
    """A policy in force, as far as it holds for the requester. `root` None: its root does not."""

    root: _Clause | None
    denials: Sequence[_Clause]
    permits: Sequence[_Clause]

    def about(self, item: Item, kind_matters: bool, said: _Labels) -> _Policy:
        """Return the policy without what says nothing of items of this source, category and labels."""
        has_root = self.root is not None and self.root.is_about(item, kind_matters, said)
        return _Policy(
            root=self.root if has_root else None,
            denials=tuple(clause for clause in self.denials if clause.is_about(item, kind_matters, said)),
            permits=tuple(clause for clause in self.permits if clause.is_about(item, kind_matters, said)),
        )

    def looks_at_item(self, kind_matters: bool) -> bool:
        """Return whether what the policy says depends on more than the source, the category and the labels."""
        return any(clause.looks_at_item(kind_matters) for clause in self.clauses())

    def says(self, item: Item, kind_matters: bool) -> _Says:
        """Return what the policy, as far as it is about such items, says of one."""
        for clause in self.denials:
            if clause.fits(item, kind_matters):
                return _Says.DENY
        for clause in self.permits:
            if clause.fits(item, kind_matters):
                return _Says.PERMIT
        if self.root is not None and self.root.fits(item, kind_matters):
            return _Says.DENY if self.root.denies else _Says.PERMIT
        return _Says.NOTHING

    def denies_all(self, source_id: str | None, category: RecordCategory | None) -> bool:
        """Return whether the policy leaves nothing of a kind of content of a source; None: of any."""
        if any(clause.is_whole(source_id, category) for clause in self.denials):
            return True
        has_exception = any(clause.may_touch(source_id, category) for clause in self.permits)
        return bool(self.root and self.root.denies and self.root.is_whole(source_id, category) and not has_exception)

    def may_permit(self, source_id: str | None, category: RecordCategory | None) -> bool:
        """Return whether the policy may permit anything of a kind of content of a source; None: of any."""
        return any(clause.may_touch(source_id, category) for clause in self.clauses() if not clause.denies)

    def permits_all(self, source_id: str, category: RecordCategory) -> bool:
        """Return whether the policy permits all of a kind of content of a source, but for what it denies."""
        return any(clause.is_whole(source_id, category) for clause in self.clauses() if not clause.denies)

    def may_deny(self, source_id: str, category: RecordCategory) -> bool:
        """Return whether the policy may deny anything of a kind of content of a source."""
        is_lifted = any(clause.is_whole(source_id, category) for clause in self.permits)
        denials = [*self.denials, *([self.root] if self.root and self.root.denies and not is_lifted else [])]
        return any(clause.may_touch(source_id, category) for clause in denials)

    def for_parts(self) -> _Policy:
        """Return the policy without the denials that say nothing of an item but what each of its parts says, too."""
        return replace(
            self,
            root=self.root if self.root is not None and self.root.is_for_parts else None,
            denials=tuple(clause for clause in self.denials if clause.is_for_parts),
        )

    def as_text(self) -> str:
        """Return what the policy says: the same text for the same, in whatever order it is said."""
        root = self.root.as_text() if self.root else ""
        return repr((root, *(sorted(clause.as_text() for clause in each) for each in (self.denials, self.permits))))

    def clauses(self) -> tuple[_Clause, ...]:
        """Return all that holds for the requester."""
        return (*self.denials, *self.permits, *([self.root] if self.root else ()))


def _read(
    policy: PolicyTerms,
    /,
    *,
    purposes: AbstractSet[PurposeOfUse],
    actors: AbstractSet[Actor],
    now: datetime,
    goes_past_labels: bool,
) -> _Policy:
    """Return a policy that is in force as far as it holds for these purposes and actors."""

    def holds(provision: Provision) -> bool:
        is_asked_for = not provision.purposes or not provision.purposes.isdisjoint(purposes)
        is_named = not provision.actors or not provision.actors.isdisjoint(actors)
        return is_asked_for and is_named and _is_current(provision, now)

    root, exceptions = resolve(policy)

    def clause_of(provision: Provision) -> _Clause:
        # An exception to a denial goes past labels only where it is made for broken glass.
        is_for_it = root.effect is Effect.PERMIT or PurposeOfUse.BREAK_GLASS in provision.purposes
        return _Clause.of(provision, goes_past_labels=goes_past_labels and is_for_it)

    current = [clause_of(each) for each in (_inheriting(each, root=root) for each in exceptions) if holds(each)]
    return _Policy(
        root=clause_of(root) if holds(root) else None,
        denials=tuple(clause for clause in current if clause.denies),
        permits=tuple(clause for clause in current if not clause.denies),
    )


def _inheriting(exception: Provision, /, *, root: Provision) -> Provision:
    """Return an exception with the root's conditions of each kind of which it has none of its own, save labels."""
    return replace(
        exception,
        purposes=exception.purposes or root.purposes,
        actors=exception.actors or root.actors,
        data_period=root.data_period if exception.data_period == DataPeriod() else exception.data_period,
        categories=exception.categories or root.categories,
        sources=exception.sources or root.sources,
        items=exception.items or root.items,
    )


def _is_current(provision: Provision, now: datetime, /) -> bool:
    """Return whether a provision holds now. One that can never hold is not understood: then a denial always does."""
    if provision.period.is_empty:
        return provision.effect is Effect.DENY
    return provision.period.holds(now)


def _is_in_force(policy: PolicyTerms, now: datetime, /) -> bool:
    root, _ = resolve(policy)
    return (policy.ended_at is None or now < policy.ended_at) and _is_current(root, now)


def _purposes_of(requester: Requester, /) -> frozenset[PurposeOfUse]:
    """Return the purpose of a request, and those of which it is a kind."""
    purposes, purpose = [requester.purpose], requester.purpose
    while purpose in WIDER_PURPOSE:
        purpose = WIDER_PURPOSE[purpose]
        purposes.append(purpose)
    return frozenset(purposes)


def _actors_of(requester: Requester, /) -> frozenset[Actor]:
    actors = [Actor.role(requester.role)]
    if requester.user_id is not None:
        actors.append(Actor.user(requester.user_id))
    if requester.organisation_ods:
        actors.append(Actor.organisation(requester.organisation_ods))
    return frozenset(actors)


def _names_of(item: Item, /) -> Iterable[str]:
    """Yield what an item is called by its source: in R4 it may be of another type."""
    bodies = (item.resource,) if item.original is None else (item.resource, item.original)
    return [entry_name(entry=body).casefold() for body in bodies]
