"""Somebody with several roles acts in one of them, and the end of what gives access counts at once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.models import AccessEnd, Membership, Organisation, User
from aggregator.accounts.operations import add_membership
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Permission, Role
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.audit.models import AuditEvent
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def user(username: str = "dr.osei") -> User:
    return User.objects.get(username=username)


def second_role(*, role: Role = Role.RECEPTIONIST, ods: str = HOSPITAL_ODS) -> UUID:
    """Give Dr Osei another role; return the membership."""
    now = timezone.now()
    with transaction.atomic():
        return add_membership(
            user_id=user().id,
            organisation_id=Organisation.objects.get(ods_code=ods).id,
            role=role,
            from_at=now,
            added_by=None,
            now=now,
        )


def end(kind: Ends, of_id: UUID, *, after: timedelta = timedelta(0)) -> None:
    """End something as a service does."""
    with acting(operator(), Action.ADD_USER, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(why="test")
        act.ends(end=End(kind=kind, of_id=of_id, ends_at=timezone.now() + after, reason="Left."))


def signed_in_without_a_role() -> Client:
    client = Client(headers={"host": "testserver"})
    answer = client.post("/sign-in", {"username": "dr.osei", "password": PASSWORD, "next": "/sources"})
    assert answer.headers["Location"] == "/role?next=%2Fsources"
    return client


def choose(client: Client, membership_id: UUID | str, **more: str) -> int:
    return client.post("/role", {"membership": str(membership_id), **more}).status_code


def acts_as(client: Client) -> str:
    bar = client.get("/").content.decode().split('app-bar__who">')[1].split("<")[0]
    return " ".join(bar.split())


def test_who_has_one_role_is_not_asked(world: World) -> None:
    client = signed_in_client("dr.osei")
    assert client.get("/").status_code == 200
    assert acts_as(client) == "Ama Osei, clinician, The Surgery"
    assert "Change role" not in client.get("/").content.decode()


def test_who_has_several_chooses_before_anything_else(world: World) -> None:
    receptionist = second_role()
    client = signed_in_without_a_role()
    for path in ("/", "/sources", f"/records/{uuid4()}"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/role")
    assert client.post(f"/people/{world.joan}/record").headers["Location"] == "/role"
    assert client.get(f"/fhir/Patient/{world.joan}/$everything").status_code == 401
    page = client.get("/role").content.decode()
    assert "Clinician, The Surgery" in page
    assert f"Receptionist, {HOSPITAL_ODS}" in page
    assert choose(client, receptionist) == 302
    assert acts_as(client) == f"Ama Osei, receptionist, {HOSPITAL_ODS}"
    assert client.post(f"/people/{world.joan}/record").status_code == 403


def test_choosing_changes_the_key_of_the_session_and_is_recorded(world: World) -> None:
    receptionist = second_role()
    client = signed_in_without_a_role()
    before = client.cookies["sessionid"].value
    assert choose(client, receptionist, next="/sources") == 302
    after = client.cookies["sessionid"].value
    assert after != before
    assert user().session_keys == [after]
    event = AuditEvent.objects.filter(action=Action.CHOOSE_MEMBERSHIP).latest("seq")
    assert (event.role, event.organisation_ods, event.user_id) == ("receptionist", HOSPITAL_ODS, user().id)
    client.cookies["sessionid"] = before
    assert client.get("/").headers["Location"] == "/sign-in"


@pytest.mark.parametrize("membership", ["theirs", "", "no id", str(UUID(int=7))])
def test_nobody_acts_in_a_membership_that_is_not_theirs(world: World, membership: str) -> None:
    second_role()
    client = signed_in_without_a_role()
    theirs = Membership.objects.get(user__username="ms.lane").id
    assert choose(client, theirs if membership == "theirs" else membership) == 400
    assert client.get("/").headers["Location"] == "/role"


def test_what_was_opened_in_one_role_is_not_shown_in_another(world: World) -> None:
    nurse = second_role(role=Role.NURSE, ods="X99101")
    client = signed_in_without_a_role()
    assert choose(client, world.clinician.membership_id or "") == 302
    record = client.post(f"/people/{world.joan}/record").headers["Location"]
    assert client.get(record).status_code == 200
    assert choose(client, nurse) == 302
    assert client.get(record).status_code == 404
    assert client.get(f"/fhir/retrievals/{record.rsplit('/')[-1]}").status_code == 404
    assert choose(client, world.clinician.membership_id or "") == 302
    assert client.get(record).status_code == 200


def test_the_end_of_a_membership_ends_the_sessions_that_act_in_it_and_no_others(world: World) -> None:
    receptionist = second_role()
    treating, receiving, undecided = (signed_in_without_a_role() for _ in range(3))
    assert choose(treating, world.clinician.membership_id or "") == choose(receiving, receptionist) == 302
    end(Ends.MEMBERSHIP, receptionist)
    assert receiving.get("/").headers["Location"] == "/sign-in"
    assert treating.get("/").status_code == 200
    assert choose(undecided, receptionist) == 400
    assert choose(undecided, world.clinician.membership_id or "") == 302


@pytest.mark.parametrize("kind", [Ends.MEMBERSHIP, Ends.ACCOUNT])
def test_who_has_no_role_left_is_signed_out_and_cannot_sign_in(world: World, kind: Ends) -> None:
    client = signed_in_client("dr.osei")
    end(kind, user().id if kind is Ends.ACCOUNT else world.clinician.membership_id or UUID(int=0))
    assert client.get("/").headers["Location"] == "/sign-in"
    again = Client(headers={"host": "testserver"}).post("/sign-in", {"username": "dr.osei", "password": PASSWORD})
    assert again.status_code == 400


def test_an_end_at_a_later_time_counts_from_then_on(world: World) -> None:
    client = signed_in_client("dr.osei")
    end(Ends.MEMBERSHIP, world.clinician.membership_id or UUID(int=0), after=timedelta(minutes=10))
    assert client.get("/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=9, seconds=55)):
        assert client.get("/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=5)):
        assert client.get("/").status_code == 302


def test_a_further_end_can_only_take_away(world: World) -> None:
    membership = world.clinician.membership_id or UUID(int=0)
    end(Ends.MEMBERSHIP, membership)
    end(Ends.MEMBERSHIP, membership, after=timedelta(days=100))
    assert requesters_for(user_id=user().id, now=timezone.now()) == ()


def test_a_role_that_somebody_has_already_is_given_once_and_each_other_by_itself(world: World) -> None:
    receptionist = second_role()
    assert second_role() == receptionist
    assert second_role(role=Role.NURSE) != receptionist
    assert second_role(ods=SURGERY_ODS) != receptionist
    assert len(requesters_for(user_id=user().id, now=timezone.now())) == 4


def test_a_membership_that_begins_later_is_none_yet(world: World) -> None:
    now = timezone.now()
    with transaction.atomic():
        add_membership(
            user_id=user("dr.far").id,
            organisation_id=Organisation.objects.get(ods_code="X99101").id,
            role=Role.NURSE,
            from_at=now + timedelta(days=1),
            added_by=None,
            now=now,
        )
    assert len(requesters_for(user_id=user("dr.far").id, now=now)) == 1
    assert len(requesters_for(user_id=user("dr.far").id, now=now + timedelta(days=1))) == 2


def test_an_end_and_its_event_are_one(world: World) -> None:
    before = AuditEvent.objects.latest("seq").seq
    end(Ends.MEMBERSHIP, world.clinician.membership_id or UUID(int=0))
    (event,) = AuditEvent.objects.filter(seq__gt=before)
    ended = AccessEnd.objects.latest("id")
    assert event.detail["id"] == str(ended.of_id) == str(world.clinician.membership_id)
    assert event.detail["why"] == "test"
    assert (ended.kind, ended.reason, ended.recorded_by) == ("membership", "Left.", None)
    assert ended.ends_at == ended.recorded_at


def test_an_end_of_the_past_is_of_now(world: World) -> None:
    end(Ends.MEMBERSHIP, world.clinician.membership_id or UUID(int=0), after=-timedelta(days=3))
    ended = AccessEnd.objects.latest("id")
    assert ended.ends_at == ended.recorded_at


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO access_end SELECT 1, 'end', gen_random_uuid(), now(), '', now()",
        "UPDATE access_end SET ends_at = 'infinity'",
        "DELETE FROM access_end",
    ],
)
def test_nobody_who_serves_writes_an_end_but_by_the_function(world: World, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
