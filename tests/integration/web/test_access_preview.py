"""What would they see? Before a decision is saved, and at any time, and nothing clinical."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
import redis
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.audit.models import AuditEvent
from aggregator.break_glass.models import BreakGlass
from aggregator.consent.decision import Decision
from aggregator.consent.policies import Reach
from aggregator.consent.queries import decide
from aggregator.consent.terms import Actor, BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import NotPermitted
from aggregator.record.categories import SECTIONS
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.preview_access import AccessPreview, EmergencyPreview, PreviewReason, preview_access
from aggregator.services.preview_policy import AccessChange, preview_policy
from aggregator.services.record_policy import record_policy
from connectors.contract.categories import RecordCategory
from tests.break_glass_acts import broken
from tests.factories import condition
from tests.integration.services.test_showing import answered, held_redis
from tests.integration.web.test_consent_pages import page
from tests.world import World, make_world, signed_in_client

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def administrator(world: World) -> Client:
    return signed_in_client("ms.lane")


NO_DOCUMENTS = PolicyTerms(
    base=BasePolicy.PERMIT,
    exceptions=(Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.DOCUMENTS})),),
)


def preview(
    world: World, *, username: str = "dr.osei", purpose: PurposeOfUse = PurposeOfUse.TREATMENT
) -> AccessPreview:
    return preview_access(
        requester=world.administrator,
        person_id=world.joan,
        username=username,
        purpose=purpose,
        reason=PreviewReason.DECISION,
        now=timezone.now(),
    )


def record(world: World, terms: PolicyTerms) -> None:
    record_policy(
        requester=world.administrator, person_id=world.joan, terms=terms, note="By letter.", now=timezone.now()
    )


def test_a_preview_says_which_question_fails_and_which_sections_are_shown_and_nothing_clinical(
    world: World, administrator: Client, held_redis: redis.Redis
) -> None:
    answered(world, held_redis, condition(display="A secret illness"))
    record(world, NO_DOCUMENTS)
    form = {"username": "dr.osei", "purpose": "TREAT", "reason": "decision"}
    shown = page(administrator.post(f"/people/{world.joan}/consent/preview", form))
    assert "Can open the record" in shown
    assert "Documents Not shown" in shown
    assert "Problems Shown" in shown
    assert "secret" not in shown
    (outsider,) = preview(world, username="dr.far").roles
    assert [(gate.name, gate.passed) for gate in outsider.gates] == [
        ("role", True),
        ("membership", True),
        ("scope", True),
        ("relationship", False),
        ("consent", True),
    ]
    assert {reach for _, reach in outsider.sections} == {Reach.NOTHING}
    (researching,) = preview(world, purpose=PurposeOfUse.RESEARCH).roles
    assert [gate.name for gate in researching.gates if not gate.passed] == ["consent"]


EMERGENCY = PurposeOfUse.BREAK_GLASS
# What a patient decides -> what emergencies are to the clinician who cares for them, and to the one who does not.
EMERGENCIES = [
    (None, EmergencyPreview.ADDS, EmergencyPreview.HELPS),
    (BasePolicy.PERMIT, EmergencyPreview.ADDS, EmergencyPreview.HELPS),
    (BasePolicy.BREAK_GLASS_ONLY, EmergencyPreview.HELPS, EmergencyPreview.HELPS),
    (BasePolicy.DENY, EmergencyPreview.NOT_OFFERED, EmergencyPreview.IN_VAIN),
]


@pytest.mark.parametrize(("base", "clinician", "outsider"), EMERGENCIES)
def test_a_preview_of_an_emergency_says_what_breaking_the_glass_then_does(
    world: World, base: BasePolicy | None, clinician: EmergencyPreview, outsider: EmergencyPreview
) -> None:
    cache.clear()  # of failures that other tests counted
    if base is not None:
        record(world, PolicyTerms(base=base))
    for username, requester, said in (("dr.osei", world.clinician, clinician), ("dr.far", world.outsider, outsider)):
        (role,) = preview(world, username=username, purpose=EMERGENCY).roles
        assert role.emergency is said
        assert role.without
        assert role.without.is_opened == decided(requester, world.joan).permitted
        try:
            access = broken(world, by=requester)
        except NotPermitted:
            assert said is EmergencyPreview.NOT_OFFERED
            continue
        assert said is not EmergencyPreview.NOT_OFFERED
        real = decided(requester, world.joan)
        assert role.is_opened == real.permitted == (said is not EmergencyPreview.IN_VAIN)
        assert [(gate.name, gate.passed, gate.reason) for gate in role.gates] == [
            (result.gate.name, result.answer.passed, result.answer.reason) for result in real.results
        ]
        assert role.sections == tuple((rules.title, real.reach_of(category=rules.category)) for rules in SECTIONS)
        (now,) = preview(world, username=username, purpose=EMERGENCY).roles
        assert now == replace(role, emergency=EmergencyPreview.OPEN)
        end_break_glass(requester=requester, access_id=access.id, now=timezone.now())


def test_a_preview_of_an_emergency_breaks_no_glass_and_shows_who_may_not(world: World) -> None:
    (role,) = preview(world, username="ms.lane", purpose=EMERGENCY).roles
    assert (role.emergency, role.is_opened, role.without) == (EmergencyPreview.NOT_IN_ROLE, False, None)
    preview(world, username="dr.far", purpose=EMERGENCY)
    assert not BreakGlass.objects.exists()
    assert not decided(world.outsider, world.joan).permitted
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id, event.purpose) == ("preview-access", world.joan, "HOPERAT")
    assert event.detail["purpose"] == "BTG"


def test_the_page_shows_an_emergency_beside_the_ordinary_case(
    world: World, administrator: Client, held_redis: redis.Redis
) -> None:
    answered(world, held_redis, condition(display="A secret illness"))
    record(world, NO_DOCUMENTS)
    form = {"username": "dr.far", "purpose": "BTG", "reason": "decision"}
    shown = page(administrator.post(f"/people/{world.joan}/consent/preview", form))
    for said in (
        "Emergency (broken glass)",
        "As clinician, X99102, in an emergency Can open the record",
        "They would be offered to open this record in an emergency, and it would open.",
        "Relationship No Yes You have opened this record in an emergency.",
        "Documents Not shown Not shown",
        "Problems Not shown Shown",
    ):
        assert said in shown
    assert "secret" not in shown
    record(world, PolicyTerms(base=BasePolicy.DENY))
    refused = page(administrator.post(f"/people/{world.joan}/consent/preview", form))
    assert "in an emergency Cannot open the record" in refused


def decided(requester: Requester, person_id: UUID) -> Decision:
    return decide(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now())


def test_a_preview_is_an_event_with_its_reason(world: World) -> None:
    preview(world)
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.person_id) == ("preview-access", world.joan)
    assert event.detail == {"user": str(world.clinician.user_id), "purpose": "TREAT", "reason": "decision"}


@pytest.mark.parametrize("missing", ["username", "purpose", "reason"])
def test_a_preview_needs_a_user_a_purpose_and_a_reason(world: World, administrator: Client, missing: str) -> None:
    form = {"username": "dr.osei", "purpose": "TREAT", "reason": "decision"}
    answer = administrator.post(f"/people/{world.joan}/consent/preview", {**form, missing: ""})
    assert answer.status_code == 400
    assert "There is a problem" in page(answer)


def test_before_a_decision_is_saved_it_is_said_whose_access_changes(world: World, administrator: Client) -> None:
    def changes(terms: PolicyTerms) -> tuple[AccessChange, ...]:
        return preview_policy(
            requester=world.administrator, person_id=world.joan, terms=terms, now=timezone.now()
        ).changes

    (change,) = changes(PolicyTerms(base=BasePolicy.DENY))
    assert (change.user, change.before, change.after) == ("Ama Osei", Reach.ALL, Reach.NOTHING)
    (change,) = changes(NO_DOCUMENTS)
    assert (change.before, change.after) == (Reach.ALL, Reach.PART)
    assert changes(PolicyTerms(base=BasePolicy.PERMIT)) == ()
    elsewhere = Provision(effect=Effect.DENY, actors=frozenset({Actor.organisation("X99102")}))
    assert changes(PolicyTerms(base=BasePolicy.PERMIT, exceptions=(elsewhere,))) == ()
    fields = {"base": "deny", "note": "By telephone.", "form-TOTAL_FORMS": "0", "form-INITIAL_FORMS": "0"}
    shown = page(administrator.post(f"/people/{world.joan}/consent/decide", {**fields, "step": "check"}))
    assert "Ama Osei Clinician, The Surgery Shown Not shown" in shown
