"""Emergency access: what it opens, to whom, for how long, and what it never opens (T36, T37, C18)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import redis
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.utils import timezone

from aggregator.accounts.authentication import SignedIn
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import PurposeOfUse, Requester, operator
from aggregator.accounts.roles import Permission, Role
from aggregator.audit.models import AuditEvent
from aggregator.break_glass.models import BreakGlass
from aggregator.break_glass.terms import LASTS
from aggregator.consent.decision import Decision
from aggregator.consent.operations import write_policy
from aggregator.consent.queries import decide
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import Invalid, NotFound, NotPermitted, Superseded, TooMany
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
from aggregator.services.check_progress import check_progress
from aggregator.services.choose_membership import choose_membership
from aggregator.services.open_record import open_record
from aggregator.services.sign_out import sign_out
from aggregator.services.view_record import RecordView, view_record
from fhir_data.labels import Label
from tests.break_glass_acts import broken, request_with_session
from tests.factories import CONFIDENTIALITY, condition, restricted
from tests.integration.services.test_showing import answered, held_redis
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, World, make_world

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def world() -> World:
    cache.clear()  # of failures that other tests counted
    return make_world()


def count(view: RecordView) -> int:
    """Return how many of the source's entries are shown."""
    return sum(len(entry.items) for entry in view.record.entries.values())


def decided(requester: Requester, person_id: UUID, **later: timedelta) -> Decision:
    now = timezone.now() + later.get("later", timedelta())
    return decide(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)


def says(person_id: UUID, base: BasePolicy, **terms: object) -> None:
    """Record what a patient has decided."""
    policy = PolicyTerms(base=base, **terms)  # type: ignore[arg-type]
    write_policy(person_id=person_id, terms=policy, note="", user_id=None, now=timezone.now())


def test_it_opens_one_patient_s_record_to_one_membership_until_exactly_half_an_hour_later(world: World) -> None:
    assert not decided(world.outsider, world.joan).permitted
    access = broken(world)
    assert access.ends_at - access.opened_at == LASTS == timedelta(minutes=30)
    opened = decided(world.outsider, world.joan)
    assert opened.permitted
    assert opened.case
    assert opened.case.requester.purpose is PurposeOfUse.BREAK_GLASS
    # Nobody else's, no other patient's, and no longer.
    assert not decided(world.outsider, world.nobodys).permitted
    assert not decided(replace(world.outsider, membership_id=world.clinician.membership_id), world.joan).emergency
    last = access.ends_at - MOMENT
    at = {"requester": world.outsider, "permission": Permission.VIEW_RECORD, "person_id": world.joan}
    assert decide(**at, now=last).permitted
    assert not decide(**at, now=access.ends_at).permitted


def test_what_is_done_by_it_is_in_the_audit_under_its_own_purpose(world: World) -> None:
    access = broken(world)
    retrieval_id = open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    view = view_record(requester=world.outsider, retrieval_id=retrieval_id, now=timezone.now())
    assert view.emergency == access
    for event in AuditEvent.objects.order_by("-seq")[:3]:
        assert (event.purpose, event.person_id) == ("BTG", world.joan), event.action
        assert (event.detail["break_glass"], event.detail["reason"]) == (str(access.id), "unconscious")
        assert "Brought in" not in str(event.detail)


@pytest.mark.parametrize("base", [BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY])
def test_it_goes_past_what_was_made_for_it_and_never_past_a_denial(world: World, base: BasePolicy) -> None:
    says(world.joan, base)
    assert not decided(world.clinician, world.joan).permitted
    # Who does not care for the patient is told nothing of what the patient decided before they break the glass.
    assert decided(world.outsider, world.joan).may_break_glass
    helps = base is BasePolicy.BREAK_GLASS_ONLY
    assert decided(world.clinician, world.joan).may_break_glass == helps
    broken(world)
    assert decided(world.outsider, world.joan).permitted == helps
    if helps:
        broken(world, by=world.clinician)
        assert decided(world.clinician, world.joan).permitted
    else:
        with pytest.raises(NotPermitted) as refused:
            broken(world, by=world.clinician)
        assert refused.value.code == "refused-consent"
        with pytest.raises(NotPermitted):
            prepare_break_glass(requester=world.clinician, person_id=world.joan, now=timezone.now())


def shown_again(world: World, view: RecordView) -> RecordView:
    return view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())


def test_labels_are_passed_as_far_as_the_patient_and_anybody_s_understanding_go(
    world: World, held_redis: redis.Redis
) -> None:
    labelled = [condition(id=code, meta=restricted(code=code)) for code in ("R", "V", "SEALED-BY-NOBODY-KNOWS-WHOM")]
    view = answered(world, held_redis, condition(id="open"), *labelled)
    assert count(view) == 1
    assert view.withheld
    broken(world, by=world.clinician)
    opened = shown_again(world, view)
    assert count(opened) == 3
    assert opened.withheld
    assert opened.emergency
    denial = Provision(effect=Effect.DENY, labels=frozenset({Label(system=CONFIDENTIALITY, code="V")}))
    says(world.joan, BasePolicy.DENY, root=denial)
    assert count(shown_again(world, view)) == 2


def test_a_page_that_was_shown_by_it_is_not_left_open_when_it_ends(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, condition(id="open"), condition(id="hidden", meta=restricted()))
    access = broken(world, by=world.clinician)
    asking = {"requester": world.clinician, "retrieval_id": view.retrieval_id, "shown_by": access.id}
    assert check_progress(**asking, now=timezone.now())
    end_break_glass(requester=world.clinician, access_id=access.id, now=timezone.now())
    # The patient is still in the clinician's care: the record may be shown, and what was hidden before may not.
    assert count(shown_again(world, view)) == 1
    with pytest.raises(NotPermitted) as refused:
        check_progress(**asking, now=timezone.now())
    assert refused.value.code == "emergency-ended"
    with pytest.raises(Superseded):
        end_break_glass(requester=world.clinician, access_id=access.id, now=timezone.now())
    with pytest.raises(NotFound):
        end_break_glass(requester=world.outsider, access_id=access.id, now=timezone.now())


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.CLINICIAN, Role.NURSE}])
def test_no_other_role_is_offered_it_or_takes_it(world: World, role: Role) -> None:
    somebody = replace(world.outsider, role=role)
    assert not decided(somebody, world.joan).may_break_glass
    with pytest.raises(NotPermitted):
        broken(world, by=somebody)
    with pytest.raises(NotPermitted):
        prepare_break_glass(requester=somebody, person_id=world.joan, now=timezone.now())
    assert not BreakGlass.objects.exists()


def test_it_takes_a_reason_what_happened_and_the_right_password(world: World) -> None:
    with pytest.raises(Invalid, match="Select"):
        broken(world, reason="curious")
    with pytest.raises(Invalid, match="Enter"):
        broken(world, note="  ")
    with pytest.raises(NotPermitted) as refused:
        broken(world, password="wrong")
    assert refused.value.code == "password"
    with pytest.raises(NotFound):
        broken(world, person_id=UUID(int=9))
    with pytest.raises(NotPermitted):
        broken(world, by=replace(world.outsider, purpose=PurposeOfUse.RESEARCH))
    assert not BreakGlass.objects.exists()


def test_wrong_passwords_count_as_failed_sign_ins_and_lock_the_account(world: World) -> None:
    for _ in range(5):
        with pytest.raises(NotPermitted):
            broken(world, password="wrong")
    with pytest.raises(TooMany):
        broken(world)
    assert not BreakGlass.objects.exists()


def test_a_form_that_is_sent_twice_breaks_the_glass_once(world: World) -> None:
    assert broken(world) == broken(world)
    assert BreakGlass.objects.count() == 1


def signed_in(requester: Requester) -> SignedIn:
    assert requester.user_id
    choices = requesters_for(user_id=requester.user_id, now=timezone.now())
    return SignedIn(user_id=requester.user_id, choices=choices, requester=requester)


@pytest.mark.parametrize("how", ["switch", "sign out"])
def test_it_ends_with_the_role_or_the_session_in_which_it_was_taken(world: World, how: str) -> None:
    both = NewUser(
        username="dr.far", password=PASSWORD, family="Osei", given="Ama", organisation_ods=SURGERY_ODS, role=Role.NURSE
    )
    add_user(requester=operator(), user=both, now=timezone.now())
    broken(world)
    session = signed_in(world.outsider)
    other = next(choice for choice in session.choices if choice.organisation_ods != HOSPITAL_ODS)
    assert other.membership_id
    if how == "switch":
        choose_membership(
            request=request_with_session(), signed_in=session, membership_id=other.membership_id, now=timezone.now()
        )
    else:
        sign_out(request=request_with_session(), signed_in=session, now=timezone.now())
    assert not decided(world.outsider, world.joan).permitted


def test_no_row_of_it_is_changed_or_deleted(world: World) -> None:
    broken(world)
    for statement in ("UPDATE break_glass SET note = 'x'", "DELETE FROM break_glass", "DELETE FROM break_glass_review"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
