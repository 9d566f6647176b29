"""Who may see what: role × relationship × policy, default deny."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest

from aggregator.accounts.roles import Permission, Role, role_may
from aggregator.consent.decision import (
    ATTENDED_GRACE,
    BasePolicy,
    Decision,
    Gate,
    GateResult,
    PolicyTerms,
    RelationshipKind,
    RelationshipTerms,
    decide,
    relationship_gate,
    sensitivity_gate,
)
from tests.factories import CONFIDENTIALITY, NOW, condition, item, requester, restricted

HERE = uuid4()
TODAY = NOW.date()
PERMIT, DENY = PolicyTerms(base=BasePolicy.PERMIT), PolicyTerms(base=BasePolicy.DENY)


def relationship(
    *,
    at: UUID = HERE,
    kind: RelationshipKind = RelationshipKind.REGISTERED,
    since: date = TODAY,
    until: date | None = None,
) -> RelationshipTerms:
    return RelationshipTerms(organisation_id=at, kind=kind, from_date=since, until_date=until)


RELATIONSHIPS = {
    "none": ([], False),
    "registered": ([relationship()], True),
    "attended": ([relationship(kind=RelationshipKind.ATTENDED)], True),
    "elsewhere": ([relationship(at=uuid4())], False),
    "ended": ([relationship(since=TODAY - timedelta(days=9), until=TODAY - timedelta(days=1))], False),
    "to come": ([relationship(since=TODAY + timedelta(days=1))], False),
    "elsewhere and here": ([relationship(at=uuid4()), relationship()], True),
}
POLICIES = {
    "none": ([], True),
    "permit": ([PERMIT], True),
    "deny": ([DENY], False),
    "permit and deny": ([PERMIT, DENY], False),
    "deny and permit": ([DENY, PERMIT], False),
}


@pytest.mark.parametrize(("role", "held", "said"), list(product(Role, RELATIONSHIPS, POLICIES)))
def test_a_record_is_shown_only_when_every_gate_passes(role: Role, held: str, said: str) -> None:
    relationships, related = RELATIONSHIPS[held]
    policies, agreed = POLICIES[said]
    found = decide(
        requester=requester(role=role, organisation_id=HERE),
        permission=Permission.VIEW_RECORD,
        policies=policies,
        relationships=relationships,
        now=NOW,
    )
    passed = {Gate.ROLE: role is Role.CLINICIAN, Gate.RELATIONSHIP: related, Gate.CONSENT: agreed}
    assert {result.gate: result.passed for result in found.gates} == passed
    assert found.permitted == all(passed.values())
    assert {result.gate for result in found.refusals} == {gate for gate, may in passed.items() if not may}
    assert all(result.reason for result in found.gates)
    assert found.may_ask(source_id=uuid4()) == found.permitted
    assert found.may_show(item=item(resource=condition())) == found.permitted


def test_an_empty_decision_permits_nothing() -> None:
    assert not Decision().permitted
    assert not Decision().may_ask(source_id=uuid4())
    assert not Decision().may_show(item=item(resource=condition()))
    assert Decision().refusals == ()


@pytest.mark.parametrize("missing", [Gate.ROLE, Gate.RELATIONSHIP, Gate.CONSENT])
def test_a_gate_that_was_not_asked_has_not_passed(missing: Gate) -> None:
    asked = [gate for gate in (Gate.ROLE, Gate.RELATIONSHIP, Gate.CONSENT) if gate is not missing]
    assert not Decision(gates=tuple(GateResult(gate=gate, passed=True, reason="") for gate in asked)).permitted


def test_who_works_nowhere_cares_for_nobody() -> None:
    found = relationship_gate(requester=requester(organisation_id=None), relationships=[relationship(at=HERE)], now=NOW)
    assert not found.passed


@pytest.mark.parametrize(
    ("kind", "days_after", "current"),
    [
        (RelationshipKind.REGISTERED, 0, True),
        (RelationshipKind.REGISTERED, 1, False),
        (RelationshipKind.ATTENDED, ATTENDED_GRACE.days, True),
        (RelationshipKind.ATTENDED, ATTENDED_GRACE.days + 1, False),
    ],
)
def test_who_attended_is_cared_for_a_while_longer(kind: RelationshipKind, days_after: int, current: bool) -> None:
    ended = relationship(kind=kind, since=date(2020, 1, 1), until=TODAY - timedelta(days=days_after))
    assert (
        relationship_gate(requester=requester(organisation_id=HERE), relationships=[ended], now=NOW).passed == current
    )


@pytest.mark.parametrize(
    ("since", "until", "current"),
    [
        (date(2025, 6, 3), None, True),
        (date(2025, 6, 1), date(2025, 6, 2), False),
    ],
)
def test_a_day_begins_and_ends_at_british_midnight(since: date, until: date | None, current: bool) -> None:
    just_past_midnight = datetime(2025, 6, 2, 23, 30, tzinfo=UTC)
    found = relationship_gate(
        requester=requester(organisation_id=HERE),
        relationships=[relationship(since=since, until=until)],
        now=just_past_midnight,
    )
    assert found.passed == current


# Labels


@pytest.mark.parametrize(
    ("security", "shown"),
    [
        ([], True),
        ([{"system": CONFIDENTIALITY, "code": "N"}], True),
        ([{"system": CONFIDENTIALITY, "code": "R"}], False),
        ([{"system": CONFIDENTIALITY, "code": "V"}], False),
        ([{"system": CONFIDENTIALITY, "code": " R"}], False),
        ([{"system": CONFIDENTIALITY, "code": "N"}, {"system": CONFIDENTIALITY, "code": "V"}], False),
        ([{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "R"}], False),
        ([{"system": "urn:oid:2.16.840.1.113883.5.25", "code": "V"}], False),
        ([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "R"}], True),
        ([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}], True),
        ([{"system": None, "code": "R"}], False),
    ],
)
def test_an_item_that_its_source_restricts_is_withheld(security: list[dict[str, str]], shown: bool) -> None:
    labelled = item(resource=condition(meta={"security": security}))
    assert sensitivity_gate(item=labelled).passed == shown
    allowed = decide(
        requester=requester(organisation_id=HERE),
        permission=Permission.VIEW_RECORD,
        policies=[],
        relationships=[relationship()],
        now=NOW,
    )
    assert allowed.permitted
    assert allowed.may_show(item=labelled) == shown


@pytest.mark.parametrize("permission", Permission)
def test_nobody_who_has_not_signed_in_may_anything(permission: Permission) -> None:
    assert not role_may(role=Role.ANONYMOUS, permission=permission)


def test_a_label_on_an_item_never_changes_who_may_be_asked() -> None:
    assert not sensitivity_gate(item=item(resource=condition(meta=restricted()))).passed
