"""May I see this patient? Every gate of the list must pass, and says why. Default deny. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar
from uuid import UUID

import structlog

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scopes import Scopes
from aggregator.break_glass.terms import EmergencyAccess, EmergencyReason
from aggregator.consent.gate import Answer, Case, ItemGate, PersonGate, SourceGate
from aggregator.consent.gates import GATES, relationship
from aggregator.consent.policies import Reach
from aggregator.consent.terms import PolicyTerms
from aggregator.errors import NotPermitted
from aggregator.record.item import Item
from aggregator.relationships.terms import RelationshipTerms
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label

UNDECIDED = Answer(passed=False, reason="This could not be decided, because of a fault in this service.")
# What would be, if the glass were broken: never open to anybody.
_HYPOTHETICAL = EmergencyAccess(
    id=UUID(int=0),
    membership_id=UUID(int=0),
    person_id=UUID(int=0),
    reason=EmergencyReason.UNCONSCIOUS,
    opened_at=datetime.max.replace(tzinfo=UTC),
    ends_at=datetime.min.replace(tzinfo=UTC),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """How one gate about the person answered."""

    gate: PersonGate
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the gates say about one person, in their order; `decide` makes it. An empty one permits nothing.

    `ordinary`: what they say without the emergency for which this one was made. Whatever either lets through may be
    shown, so that to break the glass never shows less; the two are never mixed gate by gate, which would let through
    what neither permits.
    """

    case: Case | None = None
    results: tuple[GateResult, ...] = ()
    ordinary: Decision | None = None

    @cached_property
    def permitted(self) -> bool:
        """Whether every declared gate about the person was asked, and passed."""
        return self._passes or (self.ordinary is not None and self.ordinary.permitted)

    @cached_property
    def refusals(self) -> tuple[GateResult, ...]:
        """The gates that refused; none where the requester is let through all the same."""
        return () if self.ordinary is not None and self.ordinary.permitted else self._refusals

    @property
    def emergency(self) -> EmergencyAccess | None:
        """The emergency access that the decision was made with."""
        return self.case.emergency if self.case else None

    @cached_property
    def may_break_glass(self) -> bool:
        """Whether somebody who is refused, and whose role may break the glass, is offered to.

        To whom the patient is not recorded as in their care it is offered whatever the patient has decided: they must
        not learn that before. To others only where it would help.
        """
        case = self.case
        if case is None or self.permitted or self.emergency is not None or not case.may_break_glass:
            return False
        return self._refusals[0].gate is relationship.GATE or _under_broken_glass(case, _HYPOTHETICAL).permitted

    def refusal(self) -> NotPermitted:
        """Return the error that tells which gate refused first, and what it advises.

        What the gates after it found is for nobody whom it keeps out: who does not care for the patient must not learn
        that they have objected. `gates`, for the audit, are all that refused.
        """
        refusals = self.refusals
        first = refusals[0] if refusals else None
        advice = [first.gate.advice] if first else []
        if first and not self.may_break_glass:
            advice.append(first.gate.in_emergency)
        return NotPermitted(
            "You may not see this record.",
            code=f"refused-{first.gate.name}" if first else "refused",
            reasons=(first.answer.reason,) if first else (),
            advice=" ".join(filter(None, advice)),
            gates=tuple(result.gate.name for result in refusals),
            may_break_glass=self.may_break_glass,
        )

    def may_ask(self, *, source_id: UUID) -> bool:
        """Return whether a source may be asked, and be known to hold the person: its gates and the person's passed."""
        if self.ordinary is not None and self.ordinary.may_ask(source_id=source_id):
            return True
        case = self.case
        if case is None or not self._passes:
            return False
        return all(_answer(gate.name, gate.ask, case, source_id).passed for gate in _gates(SourceGate))

    @property
    def standing(self) -> tuple[str, ...]:
        """What the person's own decisions say to the requester now: the same where they say the same."""
        own = self.case.rules.standing if self.case else ()
        return own if self.ordinary is None else (*own, "", *self.ordinary.standing)

    @property
    def scopes(self) -> Scopes | None:
        """What the requester's token is for; None for a person, who has none."""
        return self.case.requester.scopes if self.case else None

    def may_show(self, *, item: Item) -> bool:
        """Return whether an item may be shown: the gates about the person passed, and so do those about the item."""
        if self.ordinary is not None and self.ordinary.may_show(item=item):
            return True
        case = self.case
        if case is None or not self._passes:
            return False
        for gate in self._item_gates:  # noqa: SIM110  of each of thousands: a generator takes longer than most answers
            if not _answer(gate.name, gate.ask, case, item).passed:
                return False
        return True

    def may_show_parts(self, *, item: Item) -> bool:
        """Return whether no gate that keeps an item back does so for what belongs to it as well."""
        if self.ordinary is not None and self.ordinary.may_show_parts(item=item):
            return True
        case = self.case
        if case is None or not self._passes:
            return False
        return not any(_keeps_parts(gate, case, item) for gate in self._item_gates)

    def reach_of(self, *, category: RecordCategory) -> Reach:
        """Return how much of a kind of content might be shown of what no label restricts, whoever holds it."""
        own = self.case.rules.reach_of(category=category) if self.case and self._passes else Reach.NOTHING
        if self.ordinary is None:
            return own
        return min(own, self.ordinary.reach_of(category=category), key=list(Reach).index)

    @cached_property
    def _passes(self) -> bool:
        """Whether the gates of this very decision let the requester through."""
        passed = {result.gate.name for result in self.results if result.answer.passed}
        return bool(passed) and not self._refusals and {gate.name for gate in _gates(PersonGate)} <= passed

    @cached_property
    def _refusals(self) -> tuple[GateResult, ...]:
        return tuple(result for result in self.results if not result.answer.passed)

    @cached_property
    def _item_gates(self) -> tuple[ItemGate, ...]:
        return _gates(ItemGate)


def decide(
    *,
    requester: Requester,
    permission: Permission,
    policies: Iterable[PolicyTerms],
    relationships: Iterable[RelationshipTerms],
    now: datetime,
    still_acts: bool,
    disclosing: Mapping[UUID, Label] | None = None,
    emergency: EmergencyAccess | None = None,
    joined: Iterable[Iterable[PolicyTerms]] = (),
) -> Decision:
    """Return the decision about one person for one requester.

    `still_acts`: that by which the requester acts, a membership or a client's registration, has not ended. `emergency`
    counts while it is open to the requester: then the purpose is to break the glass. `joined`: the policies that count
    for each of those who were joined to the person; they must permit what is shown, too.
    """
    case = Case(
        requester=requester,
        permission=permission,
        policies=tuple(policies),
        relationships=tuple(relationships),
        now=now,
        still_acts=still_acts,
        disclosing=disclosing or {},
        joined=tuple(tuple(half) for half in joined),
    )
    if emergency is not None and emergency.is_open(membership_id=requester.membership_id, now=now):
        return _under_broken_glass(case, emergency)
    return _decision(case)


def _under_broken_glass(case: Case, emergency: EmergencyAccess) -> Decision:
    purpose = replace(case.requester, purpose=PurposeOfUse.BREAK_GLASS)
    return replace(_decision(replace(case, requester=purpose, emergency=emergency)), ordinary=_decision(case))


def _decision(case: Case, /) -> Decision:
    return Decision(
        case=case,
        results=tuple(GateResult(gate=gate, answer=_answer(gate.name, gate.ask, case)) for gate in _gates(PersonGate)),
    )


_Gate = TypeVar("_Gate", PersonGate, SourceGate, ItemGate)


def _gates(kind: type[_Gate], /) -> tuple[_Gate, ...]:
    return tuple(gate for gate in GATES if isinstance(gate, kind))


def _answer(name: str, ask: Callable[..., Answer], *asked: object) -> Answer:
    try:
        return ask(*asked)
    except Exception as error:  # noqa: BLE001  a gate that cannot decide lets nobody through
        log.error("gate_failed", gate=name, error=type(error).__name__)
        return UNDECIDED


def _keeps_parts(gate: ItemGate, case: Case, item: Item, /) -> bool:
    """Return whether a gate keeps back what belongs to an item. One that cannot decide does."""
    answer = _answer(gate.name, gate.ask, case, item)
    if answer.passed or answer is UNDECIDED:
        return not answer.passed
    try:
        return gate.keeps_parts(case, item)
    except Exception as error:  # noqa: BLE001  as in `_answer`
        log.error("gate_failed", gate=gate.name, error=type(error).__name__)
        return True
