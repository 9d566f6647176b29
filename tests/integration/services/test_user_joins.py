"""Which person a user is: who may say so, what it makes visible to officers, and that it gives nobody anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.utils import timezone

from aggregator.accounts.models import AccessEnd, User
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Permission, Role
from aggregator.audit.models import AuditEvent
from aggregator.break_glass.models import UserJoin
from aggregator.consent.queries import decide
from aggregator.errors import Invalid, NotFound, NotPermitted, Superseded
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.audit.report_access import report_access
from aggregator.services.break_glass.cases import ReviewCase
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.load_identities import load_identities
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.read_user import read_user
from tests.break_glass_acts import broken, joined, officer, unjoined
from tests.world import (
    HOSPITAL_ODS,
    JOAN_BORN,
    JOAN_NUMBER,
    NOBODYS_BORN,
    NOBODYS_NUMBER,
    PASSWORD,
    PETER_BORN,
    PETER_NUMBER,
    SOURCE_SLUG,
    World,
    make_world,
    requester_named,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    cache.clear()  # of failures that other tests counted
    return make_world()


def case(world: World, *, later: timedelta = timedelta()) -> ReviewCase:
    """Return the one case that waits for the officer of the outsider's hospital."""
    (only,) = list_break_glass(requester=officer(world), is_closed=False, now=timezone.now() + later).cases
    return only


def signals(found: ReviewCase) -> list[str]:
    return [signal.kind for signal in found.signals]


def as_outsider(world: World, *, number: str, born: date) -> None:
    """Join the outsider, whom the surgery's administrator may not join."""
    joined(world, user=world.outsider, number=number, born=born, by=operator())


def test_the_user_s_own_record_is_noticed_also_in_a_case_of_before(world: World) -> None:
    broken(world)
    assert signals(case(world)) == []
    assert "nobody has joined" in " ".join(case(world).unknowns)
    as_outsider(world, number=JOAN_NUMBER, born=JOAN_BORN)
    assert signals(case(world)) == ["own-record"]
    assert "own record" not in " ".join(case(world).unknowns)
    unjoined(world, user=world.outsider, by=operator())
    assert signals(case(world)) == []
    assert "that has been ended" in " ".join(case(world).unknowns)


def test_a_colleague_is_noticed_who_had_a_role_in_the_organisation_at_that_time(world: World) -> None:
    def colleague(username: str) -> Requester:
        new = NewUser(
            username=username, password=PASSWORD, family="Ferris", given="Joan", organisation_ods=HOSPITAL_ODS,
            role=Role.RECEPTIONIST,
        )  # fmt: skip
        add_user(requester=operator(), user=new, now=timezone.now())
        return requester_named(username)

    def leaves(somebody: Requester) -> None:
        assert somebody.membership_id
        end_membership(requester=operator(), membership_id=somebody.membership_id, reason="Left.", now=timezone.now())

    before = colleague("before")
    joined(world, user=before, by=operator())
    leaves(before)
    broken(world)
    as_outsider(world, number=PETER_NUMBER, born=PETER_BORN)
    assert signals(case(world)) == []  # she had left
    during = colleague("during")
    joined(world, user=during, by=operator())
    assert signals(case(world)) == []  # and who came later was not there
    access = broken(world, by=world.outsider)
    end_break_glass(requester=world.outsider, access_id=access.id, now=timezone.now())
    broken(world)
    listed = list_break_glass(requester=officer(world), is_closed=False, now=timezone.now()).cases
    assert [signals(each) for each in listed] == [[], ["colleague"]]


def test_a_colleague_who_has_left_since_is_still_noticed_and_an_unjoined_one_leaves_it_unknown(world: World) -> None:
    there = NewUser(
        username="there", password=PASSWORD, family="Ferris", given="Joan", organisation_ods=HOSPITAL_ODS,
        role=Role.RECEPTIONIST,
    )  # fmt: skip
    add_user(requester=operator(), user=there, now=timezone.now())
    broken(world)
    assert "colleague" in " ".join(case(world).unknowns)
    joined(world, user=requester_named("there"), by=operator(), has_other_name=False)
    assert signals(case(world)) == ["colleague"]
    assert "colleague" not in " ".join(case(world).unknowns)
    # Ended users keep their joins: what was done while they were there is still looked at.
    close_account(
        requester=operator(), user_id=User.objects.get(username="there").id, reason="Left.", now=timezone.now()
    )
    assert signals(case(world)) == ["colleague"]
    assert UserJoin.objects.count() == 1


def test_the_same_address_is_noticed_by_postcode_and_first_line(world: World) -> None:
    lines = [
        "local_id,nhs_number,nhs_number_status,family,given,birth_date,gender,postcode,address_line",
        f"1,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04,female,TM1 1AA,12 Mill Lane",
        f'3,{NOBODYS_NUMBER},01,Patient,Nobody,1970-01-02,male,tm11aa,"12, MILL LANE"',
    ]
    broken(world)
    as_outsider(world, number=NOBODYS_NUMBER, born=NOBODYS_BORN)
    assert signals(case(world)) == []
    assert "is missing" in " ".join(case(world).unknowns)
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    assert signals(case(world)) == ["same-address"]


def test_a_person_is_named_by_number_and_birth_date_and_nothing_is_told_of_them(world: World) -> None:
    joined(world)
    view = read_user(requester=world.administrator, user_id=world.clinician.user_id or uuid4(), now=timezone.now())
    assert view.join
    assert (view.join.note, view.joined_by, view.may_join) == ("From her staff record.", "Ama Osei", True)
    event = AuditEvent.objects.filter(action="join-user").latest("seq")
    assert (event.person_id, event.detail["user"]) == (world.joan, str(world.clinician.user_id))
    assert event.detail["same_name"] is False
    assert "staff record" not in str(event.detail)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"number": "9990001007"}, "nhs_number"),
        ({"number": ""}, "nhs_number"),
        ({"number": "9990001030"}, "nhs_number"),
        ({"born": date(1951, 5, 5)}, "nhs_number"),
        ({"born": None}, "birth_date"),
        ({"note": " "}, "note"),
        ({"has_other_name": False}, "has_other_name"),
    ],
)
def test_what_names_nobody_or_somebody_of_another_name_joins_nothing(
    world: World, changed: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        joined(world, **changed)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert not UserJoin.objects.exists()


def test_a_wrong_birth_date_is_refused_in_the_words_of_a_number_that_is_not_known(world: World) -> None:
    said = set()
    for wrong in ({"number": "9990001030"}, {"born": date(1951, 5, 5)}):
        with pytest.raises(Invalid) as refused:
            joined(world, **wrong)  # type: ignore[arg-type]
        said.add(str(refused.value))
    assert len(said) == 1


def test_who_may_say_whose_an_account_is(world: World) -> None:
    with pytest.raises(NotPermitted):
        joined(world, user=world.administrator)
    with pytest.raises(NotFound):  # of another organisation
        joined(world, user=world.outsider)
    with pytest.raises(NotFound):
        joined(world, user=replace(world.clinician, user_id=uuid4()))
    for role in Role:
        somebody = replace(world.administrator, user_id=uuid4(), role=role)
        if somebody.may(Permission.MANAGE_USERS):
            continue
        with pytest.raises(NotPermitted):
            joined(world, by=somebody)
    assert not UserJoin.objects.exists()
    programme = replace(world.administrator, user_id=uuid4(), role=Role.PROGRAMME_ADMINISTRATOR)
    joined(world, user=world.outsider, by=programme)
    with pytest.raises(NotFound):
        unjoined(world, user=world.outsider)
    with pytest.raises(NotPermitted):
        unjoined(world, user=world.outsider, by=replace(programme, user_id=world.outsider.user_id))
    unjoined(world, user=world.outsider, by=programme)


def test_an_account_is_one_person_at_a_time_and_an_end_is_a_row_with_its_event(world: World) -> None:
    first = joined(world)
    with pytest.raises(Superseded):
        joined(world, number=PETER_NUMBER, born=PETER_BORN)
    with pytest.raises(Invalid):
        unjoined(world, reason=" ")
    unjoined(world)
    with pytest.raises(Superseded):
        unjoined(world)
    assert joined(world, number=PETER_NUMBER, born=PETER_BORN) != first
    assert UserJoin.objects.count() == 2
    end = AccessEnd.objects.get(of_id=first)
    assert (end.kind, end.reason) == ("user-join", "A slip.")
    for statement in ("UPDATE user_join SET note = 'x'", "DELETE FROM user_join"):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_it_opens_nothing_to_anybody_and_the_person_finds_it_in_their_report(world: World) -> None:
    def refused(requester: Requester) -> tuple[str, ...]:
        decision = decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=world.nobodys, now=timezone.now()
        )
        return decision.refusal().gates

    before = refused(world.clinician)
    joined(world, number=NOBODYS_NUMBER, born=NOBODYS_BORN)
    assert refused(world.clinician) == before == ("relationship",)
    report = report_access(requester=world.administrator, person_id=world.nobodys, now=timezone.now())
    assert "noted that you yourself have an account in this service" in {look.words for look in report.looks}
