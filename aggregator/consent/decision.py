"""May I see this patient? Four gates, all must pass, each says why. Default deny; pure.

role          may this kind of user do this at all
relationship  does this user's organisation care for this patient
consent       what the patient has decided
sensitivity   labels on an item (asked item by item)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.record.item import Item

# Relationships begin and end on British days.
LONDON = ZoneInfo("Europe/London")
# An organisation that has discharged a patient still writes letters and answers questions for a while.
ATTENDED_GRACE = timedelta(days=90)

# Labels above "normal" are withheld until a policy permits them. Source: HL7 v3-Confidentiality.
# One code system by its address in R4, in STU3 and by its OID; a label that names none is taken for one of these.
CONFIDENTIALITY_SYSTEMS = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "http://hl7.org/fhir/v3/Confidentiality",
        "urn:oid:2.16.840.1.113883.5.25",
        "",
    }
)
WITHHELD_CONFIDENTIALITY = frozenset({"R", "V"})


class Gate(StrEnum):
    ROLE = "role"
    RELATIONSHIP = "relationship"
    CONSENT = "consent"
    SENSITIVITY = "sensitivity"


class BasePolicy(StrEnum):
    """Source: IHE Privacy Consent on FHIR, base policies Policy-basic-normal and Policy-deny."""

    PERMIT = "basic-normal"
    DENY = "deny"


class RelationshipKind(StrEnum):
    REGISTERED = "registered"  # the person's GP practice
    ATTENDED = "attended"  # an encounter or referral


@dataclass(frozen=True, kw_only=True)
class PolicyTerms:
    base: BasePolicy


@dataclass(frozen=True, kw_only=True)
class RelationshipTerms:
    """`until_date` None: still open."""

    organisation_id: UUID
    kind: RelationshipKind
    from_date: date
    until_date: date | None


@dataclass(frozen=True, kw_only=True)
class GateResult:
    gate: Gate
    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The gates about a person, in order. An empty decision permits nothing."""

    gates: tuple[GateResult, ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether every gate about the person passed."""
        asked = {result.gate for result in self.gates}
        return {Gate.ROLE, Gate.RELATIONSHIP, Gate.CONSENT} <= asked and all(result.passed for result in self.gates)

    @property
    def refusals(self) -> tuple[GateResult, ...]:
        """The gates that refused."""
        return tuple(result for result in self.gates if not result.passed)

    def may_ask(self, *, source_id: UUID) -> bool:
        """Return whether a source may be asked. No policy names single sources yet, so all or none."""
        return self.permitted

    def may_show(self, *, item: Item) -> bool:
        """Return whether an item may be shown: the person's gates passed and no label forbids it."""
        return self.permitted and sensitivity_gate(item=item).passed


def decide(
    *,
    requester: Requester,
    permission: Permission,
    policies: Iterable[PolicyTerms],
    relationships: Iterable[RelationshipTerms],
    now: datetime,
) -> Decision:
    """Return the decision about one person for one requester."""
    return Decision(
        gates=(
            role_gate(requester=requester, permission=permission),
            relationship_gate(requester=requester, relationships=relationships, now=now),
            consent_gate(policies=policies),
        )
    )


def role_gate(*, requester: Requester, permission: Permission) -> GateResult:
    """Return whether the requester's role may do this at all."""
    passed = requester.may(permission)
    reason = f"Your role, {requester.role}, {'may' if passed else 'may not'} do this."
    return GateResult(gate=Gate.ROLE, passed=passed, reason=reason)


def relationship_gate(*, requester: Requester, relationships: Iterable[RelationshipTerms], now: datetime) -> GateResult:
    """Return whether the requester's organisation cares for the person now."""
    today = now.astimezone(LONDON).date()
    for relationship in relationships:
        if requester.organisation_id is None or relationship.organisation_id != requester.organisation_id:
            continue
        if _is_current(relationship=relationship, today=today):
            reason = f"The patient is {_in_words(relationship.kind)} your organisation."
            return GateResult(gate=Gate.RELATIONSHIP, passed=True, reason=reason)
    return GateResult(
        gate=Gate.RELATIONSHIP,
        passed=False,
        reason="Your organisation is not recorded as caring for this patient at present.",
    )


def consent_gate(*, policies: Iterable[PolicyTerms]) -> GateResult:
    """Return whether the person has not objected. Deny wins; no policy on record means the programme's basic permit."""
    if any(policy.base is not BasePolicy.PERMIT for policy in policies):
        return GateResult(
            gate=Gate.CONSENT, passed=False, reason="The patient has objected to sharing their record in this service."
        )
    return GateResult(gate=Gate.CONSENT, passed=True, reason="The patient has not objected.")


def sensitivity_gate(*, item: Item) -> GateResult:
    """Return whether no label on an item forbids showing it."""
    withheld = any(
        label.system in CONFIDENTIALITY_SYSTEMS and label.code in WITHHELD_CONFIDENTIALITY for label in item.labels
    )
    reason = "Labelled as restricted by its source." if withheld else "No restricting label."
    return GateResult(gate=Gate.SENSITIVITY, passed=not withheld, reason=reason)


def _is_current(*, relationship: RelationshipTerms, today: date) -> bool:
    if relationship.from_date > today:
        return False
    if relationship.until_date is None:
        return True
    grace = ATTENDED_GRACE if relationship.kind is RelationshipKind.ATTENDED else timedelta(0)
    return today <= relationship.until_date + grace


def _in_words(kind: RelationshipKind) -> str:
    return "registered with" if kind is RelationshipKind.REGISTERED else "attending or recently attended"
