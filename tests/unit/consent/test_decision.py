"""Who may see what: role × relationship × policy, default deny."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
import structlog

from aggregator.accounts.roles import Permission, Role, role_may
from aggregator.consent import decision
from aggregator.consent.decision import UNDECIDED, Decision, decide
from aggregator.consent.gate import Answer, Case, ItemGate, PersonGate
from aggregator.consent.gates import GATES, sensitivity
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.record.item import Item
from aggregator.relationships.terms import ATTENDED_GRACE, RelationshipKind, RelationshipTerms
from tests.factories import CONFIDENTIALITY, NOW, condition, item, permitting, requester, restricted

HERE = uuid4()
# Those in which somebody, or something, sees clinical content.
SEES_RECORDS = {Role.CLINICIAN, Role.NURSE, Role.PHARMACIST, Role.SOCIAL_CARE, Role.CLIENT}
TODAY = NOW.date()
CASE = Case(
    requester=requester(), permission=Permission.VIEW_RECORD, policies=(), relationships=(), now=NOW, still_acts=True
)
SEES_RECORDS = {Role.CLINICIAN, Role.NURSE, Role.PHARMACIST, Role.SOCIAL_CARE, Role.CLIENT}
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
        still_acts=True,
    )
    passed = {"role": role in SEES_RECORDS, "relationship": related, "consent": agreed}
    answers = {result.gate.name: result.answer.passed for result in found.results}
    assert passed.items() <= answers.items()
    assert [result.gate for result in found.results] == [gate for gate in GATES if isinstance(gate, PersonGate)]
    assert found.permitted == all(passed.values())
    assert {result.gate.name for result in found.refusals} == {gate for gate, may in passed.items() if not may}
    assert all(result.answer.reason for result in found.results)
    assert found.may_ask(source_id=uuid4()) == found.permitted
    assert found.may_show(item=item(resource=condition())) == found.permitted


def test_who_no_longer_acts_is_shown_nothing_whatever_else_speaks_for_it() -> None:
    found = decide(
        requester=requester(organisation_id=HERE),
        permission=Permission.VIEW_RECORD,
        policies=[],
        relationships=[relationship()],
        now=NOW,
        still_acts=False,
    )
    assert not found.permitted
    assert not found.may_break_glass
    refusal = found.refusal()
    assert (refusal.code, refusal.reasons) == ("refused-membership", ("You no longer act for this organisation.",))
    assert refusal.advice.startswith("Sign in again.")


def test_an_empty_decision_permits_nothing() -> None:
    assert not Decision().permitted
    assert not Decision().may_ask(source_id=uuid4())
    assert not Decision().may_show(item=item(resource=condition()))
    assert Decision().refusals == ()
    refusal = Decision().refusal()
    assert (str(refusal), refusal.code, refusal.advice) == ("You may not see this record.", "refused", "")


@pytest.mark.parametrize("missing", ["role", "membership", "relationship", "consent"])
def test_a_gate_that_was_not_asked_has_not_passed(missing: str) -> None:
    whole = permitting()
    assert whole.permitted
    asked = tuple(result for result in whole.results if result.gate.name != missing)
    assert len(asked) == len(whole.results) - 1
    assert not replace(whole, results=asked).permitted


# The list of gates


def raises(*_: object) -> Answer:
    raise KeyError("Joan Ferris")


def declare(monkeypatch: pytest.MonkeyPatch, *gates: PersonGate | ItemGate) -> None:
    monkeypatch.setattr(decision, "GATES", gates)


def test_a_gate_is_one_line_in_the_list_and_refuses_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed_on_mondays(case: Case) -> Answer:
        return Answer(passed=case.now.weekday() != 0, reason="It is Monday.")

    gate = PersonGate(name="weekday", advice="Come back tomorrow.", ask=closed_on_mondays)
    declare(monkeypatch, *GATES, gate)
    assert NOW.weekday() == 0
    refusal = permitting().refusal()
    assert (refusal.code, refusal.reasons, refusal.advice, refusal.gates) == (
        "refused-weekday",
        ("It is Monday.",),
        "Come back tomorrow.",
        ("weekday",),
    )
    assert permitting(now=NOW + timedelta(days=1)).permitted


def test_a_gate_that_raises_denies_and_tells_nothing_of_why(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, *GATES, PersonGate(name="broken", advice="", ask=raises))
    with structlog.testing.capture_logs() as logged:
        refused = permitting()
    assert not refused.permitted
    assert [result.answer for result in refused.refusals] == [UNDECIDED]
    assert logged == [{"event": "gate_failed", "gate": "broken", "error": "KeyError", "log_level": "error"}]


def test_a_gate_about_an_item_that_raises_withholds_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, *GATES, ItemGate(name="broken", ask=raises))
    assert permitting().permitted
    with structlog.testing.capture_logs() as logged:
        assert not permitting().may_show(item=item(resource=condition()))
    assert logged == [{"event": "gate_failed", "gate": "broken", "error": "KeyError", "log_level": "error"}]


def test_a_gate_that_cannot_decide_withholds_what_belongs_to_the_item_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(case: Case, item: Item) -> Answer:
        return Answer(passed=False, reason="No.")

    def leaves(case: Case, item: Item) -> bool:
        return False

    for ask, keeps_parts, may_show in ((refuses, leaves, True), (raises, leaves, False), (refuses, raises, False)):
        declare(monkeypatch, *GATES, ItemGate(name="broken", ask=ask, keeps_parts=keeps_parts))
        assert permitting().may_show_parts(item=item(resource=condition())) is may_show


def test_every_gate_about_an_item_must_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_a_secret(case: Case, item: Item) -> Answer:
        return Answer(passed=case.now == NOW and b"secret" not in item.resource, reason="It is a secret.")

    declare(monkeypatch, *GATES, ItemGate(name="secrets", ask=not_a_secret))
    assert permitting().may_show(item=item(resource=condition()))
    assert not permitting().may_show(item=item(resource=condition(id="secret")))
    assert not permitting().may_show(item=item(resource=condition(meta=restricted())))


def test_no_gate_at_all_permits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch)
    assert not permitting().permitted


def test_only_the_first_gate_that_refused_gives_its_reason_and_the_audit_names_them_all() -> None:
    refusal = decide(
        requester=requester(),
        permission=Permission.VIEW_RECORD,
        policies=[DENY],
        relationships=[],
        now=NOW,
        still_acts=True,
    ).refusal()
    assert (refusal.code, refusal.gates, refusal.reasons) == (
        "refused-relationship",
        ("relationship", "consent"),
        ("Neither you nor your organisation is recorded as caring for this patient at present.",),
    )
    assert "ask your administrator" in refusal.advice


def test_the_gates_of_roles_and_labels_say_what_they_found() -> None:
    reasons = {
        role: decide(
            requester=requester(role=role),
            permission=Permission.VIEW_RECORD,
            policies=[],
            relationships=[],
            now=NOW,
            still_acts=True,
        )
        .results[0]
        .answer.reason
        for role in (Role.CLINICIAN, Role.ANONYMOUS)
    }
    assert reasons == {
        Role.CLINICIAN: "Your role, clinician, may do this.",
        Role.ANONYMOUS: "Your role, anonymous, may not do this.",
    }
    plain, labelled = item(resource=condition()), item(resource=condition(meta=restricted()))
    assert sensitivity.ask(CASE, plain).reason == "No restricting label."
    assert sensitivity.ask(CASE, labelled).reason == "Labelled as restricted by its source."


def test_every_gate_has_a_name_of_its_own_and_words_for_who_is_refused() -> None:
    assert len({gate.name for gate in GATES}) == len(GATES)
    assert all(gate.advice for gate in GATES if isinstance(gate, PersonGate))


def cares_for(
    *, organisation_id: UUID | None = HERE, relationships: list[RelationshipTerms], now: datetime = NOW
) -> bool:
    found = decide(
        requester=requester(organisation_id=organisation_id),
        permission=Permission.VIEW_RECORD,
        policies=[],
        relationships=relationships,
        now=now,
        still_acts=True,
    )
    return found.permitted


def test_who_works_nowhere_cares_for_nobody() -> None:
    assert not cares_for(organisation_id=None, relationships=[relationship(at=HERE)])


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
    assert cares_for(relationships=[ended]) == current


@pytest.mark.parametrize(
    ("since", "until", "current"),
    [
        (date(2025, 6, 3), None, True),
        (date(2025, 6, 1), date(2025, 6, 2), False),
    ],
)
def test_a_day_begins_and_ends_at_british_midnight(since: date, until: date | None, current: bool) -> None:
    just_past_midnight = datetime(2025, 6, 2, 23, 30, tzinfo=UTC)
    assert cares_for(relationships=[relationship(since=since, until=until)], now=just_past_midnight) == current


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
        ([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "R"}], False),
        ([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}], True),
        ([{"system": None, "code": "R"}], False),
        ([{"system": CONFIDENTIALITY, "code": "r"}], False),
        ([{"system": f"{CONFIDENTIALITY.upper()}/", "code": "v"}], False),
        ([{"system": "https://hl7.org/fhir/v3/Confidentiality|2018", "code": "R"}], False),
    ],
)
def test_an_item_that_its_source_restricts_is_withheld(security: list[dict[str, str]], shown: bool) -> None:
    labelled = item(resource=condition(meta={"security": security}))
    assert sensitivity.ask(CASE, labelled).passed == shown
    allowed = decide(
        requester=requester(organisation_id=HERE),
        permission=Permission.VIEW_RECORD,
        policies=[],
        relationships=[relationship()],
        now=NOW,
        still_acts=True,
    )
    assert allowed.permitted
    assert allowed.may_show(item=labelled) == shown


@pytest.mark.parametrize("permission", Permission)
def test_nobody_who_has_not_signed_in_may_anything(permission: Permission) -> None:
    assert not role_may(role=Role.ANONYMOUS, permission=permission)


def test_a_label_on_an_item_never_changes_who_may_be_asked() -> None:
    assert not sensitivity.ask(CASE, item(resource=condition(meta=restricted()))).passed
    assert permitting().may_ask(source_id=uuid4())
