"""Two administrators add a user in the browser, end their access, and see it count at the next click."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import FormerName, Membership, User
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.audit.events import Action
from aggregator.audit.models import AuditEvent
from aggregator.changes.models import ChangeDecision, ProposedChange
from aggregator.errors import LongviewError, NotFound, NotPermitted
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.users.change_name import change_name
from aggregator.services.users.join_user import join_user
from tests.world import (
    HOSPITAL_ODS,
    JOAN_BORN,
    JOAN_NUMBER,
    PASSWORD,
    SURGERY_ODS,
    make_world,
    requester_named,
    signed_in_client,
)

pytestmark = pytest.mark.django_db

NEW = {
    "title": "Dr",
    "given": "Noor",
    "family": "Haddad",
    "username": "dr.haddad",
    "role": "clinician",
    "reason": "Starts on Monday.",
}


@pytest.fixture(autouse=True)
def world() -> None:
    make_world()
    for username, role, ods in (
        ("mr.second", Role.ADMINISTRATOR, SURGERY_ODS),
        ("mr.hospital", Role.ADMINISTRATOR, HOSPITAL_ODS),
        ("ms.programme", Role.PROGRAMME_ADMINISTRATOR, HOSPITAL_ODS),
    ):
        new = NewUser(
            username=username, password=PASSWORD, family="Second", given="Sam", organisation_ods=ods, role=role
        )
        add_user(requester=operator(), user=new, now=timezone.now())


def text(answer: object) -> str:
    return html.unescape(answer.content.decode())  # type: ignore[attr-defined]


def waiting() -> UUID:
    return ProposedChange.objects.get(decision__isnull=True).id


def confirm(client: Client, change_id: UUID) -> int:
    return client.post(f"/changes/{change_id}/confirm").status_code


def user_id(username: str) -> UUID:
    return User.objects.get(username=username).id


def role_of(username: str) -> UUID:
    return Membership.objects.get(user__username=username).id


def end_role(client: Client, username: str, **entered: str) -> int:
    path = f"/users/{user_id(username)}/roles/{role_of(username)}/end"
    return client.post(path, {"reason": "Left.", **entered}).status_code


def sign_in(username: str, password: str) -> tuple[Client, int]:
    client = Client(headers={"host": "testserver"})
    return client, client.post("/sign-in", {"username": username, "password": password}).status_code


def test_one_adds_a_user_another_confirms_and_an_end_counts_at_the_next_click() -> None:
    first, second = signed_in_client("ms.lane"), signed_in_client("mr.second")
    assert first.post("/users/add", NEW).headers["Location"] == "/changes"
    assert not User.objects.filter(username="dr.haddad").exists()
    assert "another administrator has to confirm" in text(first.get("/changes"))
    assert confirm(first, waiting()) == 403
    page = text(second.get("/changes"))
    assert f"Create an account, dr.haddad, for Dr Noor Haddad: a clinician at {SURGERY_ODS}" in page
    assert "Starts on Monday." in page
    handed_over = second.post(f"/changes/{waiting()}/confirm")
    (password,) = re.findall(r"<code>(.+)</code>", text(handed_over))
    assert password not in text(second.get("/changes"))
    haddad, status = sign_in("dr.haddad", password)
    assert status == 302
    assert haddad.get("/").status_code == 200
    assert end_role(first, "dr.haddad") == 302
    assert haddad.get("/").headers["Location"] == "/sign-in"
    assert "Left." in text(first.get(f"/users/{user_id('dr.haddad')}"))


def join(username: str, *, number: str, born: date) -> None:
    """Say that an account is that of a person in the index."""
    join_user(
        requester=operator(),
        user_id=user_id(username),
        nhs_number=number,
        birth_date=born,
        has_other_name=True,
        note="Staff record.",
        now=timezone.now(),
    )


def test_another_account_of_whoever_proposed_a_change_is_nobody_else() -> None:
    signed_in_client("ms.lane").post("/users/add", NEW)
    join("ms.lane", number=JOAN_NUMBER, born=JOAN_BORN)
    join("mr.second", number=JOAN_NUMBER, born=JOAN_BORN)
    assert confirm(signed_in_client("mr.second"), waiting()) == 403
    assert not User.objects.filter(username="dr.haddad").exists()


def test_nobody_confirms_more_rights_for_another_account_of_their_own() -> None:
    first, second = signed_in_client("ms.lane"), signed_in_client("mr.second")
    proposed = {"role": "nurse", "reason": "Works on the ward."}
    address = f"/api/users/{user_id('dr.osei')}/roles/proposed"
    assert first.post(address, json.dumps(proposed), content_type="application/json").status_code == 202
    join("dr.osei", number=JOAN_NUMBER, born=JOAN_BORN)
    join("mr.second", number=JOAN_NUMBER, born=JOAN_BORN)
    assert confirm(second, waiting()) == 403
    assert Membership.objects.filter(user__username="dr.osei").count() == 1


def test_a_change_is_made_once_whoever_is_first() -> None:
    signed_in_client("ms.lane").post("/users/add", NEW)
    change = waiting()
    second = signed_in_client("mr.second")
    assert confirm(second, change) == 200
    assert confirm(second, change) == 409
    assert second.post(f"/changes/{change}/reject", {"reason": "No."}).status_code == 409
    assert ChangeDecision.objects.get().is_confirmed


def test_what_is_rejected_or_withdrawn_is_not_made() -> None:
    first, second = signed_in_client("ms.lane"), signed_in_client("mr.second")
    first.post("/users/add", NEW)
    assert second.post(f"/changes/{waiting()}/reject", {"reason": " "}).status_code == 400
    assert second.post(f"/changes/{waiting()}/reject", {"reason": "Not known here."}).status_code == 302
    first.post("/users/add", NEW)
    assert first.post(f"/changes/{waiting()}/reject", {"reason": "A slip."}).status_code == 302
    assert not User.objects.filter(username="dr.haddad").exists()
    assert not ProposedChange.objects.filter(decision__isnull=True).exists()


def test_a_proposal_lapses() -> None:
    signed_in_client("ms.lane").post("/users/add", NEW)
    with time_machine.travel(timezone.now() + timedelta(days=14, minutes=1)):
        second = signed_in_client("mr.second")
        assert "No change is waiting." in text(second.get("/changes"))
        assert confirm(second, waiting()) == 409


def test_what_can_no_longer_be_made_is_said_and_waits() -> None:
    first = signed_in_client("ms.lane")
    first.post("/users/add", NEW)
    change = waiting()
    User.objects.create(username="dr.haddad", family="H", given="H")
    answer = signed_in_client("mr.second").post(f"/changes/{change}/confirm")
    assert answer.status_code == 400
    assert "This change can no longer be made. Somebody has this user name already" in text(answer)
    assert waiting() == change


@pytest.mark.parametrize(
    ("entered", "problem"),
    [
        ({"username": " "}, "Enter the user name"),
        ({"username": "dr.osei"}, "Somebody has this user name already"),
        ({"family": "x" * 101}, "at most 100 characters"),
        ({"role": ""}, "Select a role"),
        ({"role": "programme-administrator"}, "Select a role"),
        ({"role": "operator"}, "Select a role"),
        ({"reason": ""}, "Enter the reason for this change"),
        ({"reason": "x" * 2001}, "2,000 characters or fewer"),
        ({"day": "31", "month": "2", "year": "2030"}, "Enter a real date"),
        ({"day": "1", "month": "2", "year": "2020"}, "Enter today's date or a later one"),
    ],
)
def test_what_was_entered_wrongly_is_said_and_nothing_is_proposed(entered: dict[str, str], problem: str) -> None:
    answer = signed_in_client("ms.lane").post("/users/add", {**NEW, **entered})
    assert answer.status_code == 400
    assert problem in text(answer)
    assert not ProposedChange.objects.exists()


def test_nobody_changes_their_own_access() -> None:
    first = signed_in_client("ms.lane")
    own = user_id("ms.lane")
    assert "another administrator can change it" in text(first.get(f"/users/{own}"))
    assert first.post(f"/users/{own}/add-role", {"role": "clinician", "reason": "So."}).status_code == 403
    assert end_role(first, "ms.lane") == 403
    assert first.post(f"/users/{own}/close", {"reason": "So."}).status_code == 403
    signed_in_client("mr.second").post(f"/users/{own}/add-role", {"role": "nurse", "reason": "So."})
    assert confirm(first, waiting()) == 403


def test_an_administrator_acts_for_their_own_organisation_only() -> None:
    elsewhere = signed_in_client("mr.hospital")
    assert elsewhere.get(f"/users/{user_id('dr.osei')}").status_code == 404
    assert end_role(elsewhere, "dr.osei") == 404
    assert elsewhere.post(f"/users/{user_id('dr.osei')}/close", {"reason": "So."}).status_code == 404
    assert "dr.osei" not in text(elsewhere.get("/users"))
    posted = {**NEW, "organisation_ods": SURGERY_ODS}
    elsewhere.post("/users/add", posted)
    assert ProposedChange.objects.get().organisation.ods_code == HOSPITAL_ODS
    ProposedChange.objects.all()
    signed_in_client("ms.lane").post("/users/add", {**NEW, "username": "dr.other"})
    others = ProposedChange.objects.get(organisation__ods_code=SURGERY_ODS).id
    assert confirm(elsewhere, others) == 404
    assert elsewhere.post(f"/changes/{others}/reject", {"reason": "So."}).status_code == 404
    assert "dr.other" not in text(elsewhere.get("/changes"))
    # Nor does what became of it tell anybody else that there is one.
    assert signed_in_client("ms.lane").post(f"/changes/{others}/reject", {"reason": "So."}).status_code == 302
    assert confirm(elsewhere, others) == 404
    assert confirm(signed_in_client("dr.osei"), others) == 403


def test_a_programme_administrator_acts_for_any_and_gives_the_roles_that_others_may_not() -> None:
    programme, lane = signed_in_client("ms.programme"), signed_in_client("ms.lane")
    entered = {**NEW, "organisation_ods": SURGERY_ODS.lower(), "role": "auditor"}
    assert programme.post("/users/add", {**entered, "organisation_ods": "NONE"}).status_code == 400
    assert programme.post("/users/add", entered).status_code == 302
    assert confirm(lane, waiting()) == 403
    assert end_role(programme, "dr.osei") == 302
    Membership.objects.filter(user__username="mr.second").update(role=Role.PRIVACY_OFFICER)
    assert end_role(lane, "mr.second") == 403
    assert lane.post(f"/users/{user_id('mr.second')}/close", {"reason": "So."}).status_code == 403
    assert end_role(programme, "mr.second") == 302
    assert "dr.far" in text(programme.get("/users"))


def test_who_has_a_role_elsewhere_is_not_closed_by_one_organisation() -> None:
    lane = signed_in_client("ms.lane")
    Membership.objects.create(
        user_id=user_id("dr.osei"),
        organisation_id=Membership.objects.get(user__username="dr.far").organisation_id,
        role=Role.NURSE,
    )
    path = f"/users/{user_id('dr.osei')}"
    assert HOSPITAL_ODS not in text(lane.get("/users"))
    assert "Close this account" not in text(lane.get(path))
    assert HOSPITAL_ODS not in text(lane.get(path))
    assert lane.post(f"{path}/close", {"reason": "So."}).status_code == 403
    assert signed_in_client("ms.programme").post(f"{path}/close", {"reason": "Left."}).status_code == 302
    assert "Account closed" in text(lane.get(path))


def test_a_role_may_end_on_a_day_to_come() -> None:
    osei, lane = signed_in_client("dr.osei"), signed_in_client("ms.lane")
    day = timezone.localdate() + timedelta(days=3)
    entered = {"day": str(day.day), "month": str(day.month), "year": str(day.year)}
    assert end_role(lane, "dr.osei", **entered) == 302
    assert osei.get("/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=4, hours=1)):
        assert sign_in("dr.osei", PASSWORD)[1] == 400


@pytest.mark.parametrize("entered", [{"reason": " "}, {"day": "1", "month": "1", "year": "2020"}, {"day": "x"}])
def test_an_end_without_a_reason_or_in_the_past_is_refused(entered: dict[str, str]) -> None:
    assert end_role(signed_in_client("ms.lane"), "dr.osei", **entered) == 400
    assert sign_in("dr.osei", PASSWORD)[1] == 302


def test_users_are_found_by_name_and_by_how_long_they_have_not_signed_in() -> None:
    lane = signed_in_client("ms.lane")
    User.objects.filter(username="mr.second").update(last_login=timezone.now() - timedelta(days=91))
    everybody, unused = text(lane.get("/users")), text(lane.get("/users?unused=yes"))
    assert "3 users" in everybody
    assert "mr.second" in unused
    assert "dr.osei" in unused  # never
    assert "ms.lane" not in unused
    assert "1 user" in text(lane.get("/users?search=SECO"))
    assert "Nobody matches." in text(lane.get("/users?search=100%25_"))
    assert lane.get("/users?page=999999&search=" + "x" * 3000).status_code == 200


def test_each_act_leaves_its_event_and_no_name_in_it() -> None:
    first, second = signed_in_client("ms.lane"), signed_in_client("mr.second")
    before = AuditEvent.objects.latest("seq").seq
    first.post("/users/add", NEW)
    second.post(f"/changes/{waiting()}/confirm")
    end_role(first, "dr.haddad")
    events = AuditEvent.objects.filter(seq__gt=before)
    assert [event.action for event in events if event.action != Action.READ_USER] == [
        Action.PROPOSE_CHANGE,
        Action.CONFIRM_CHANGE,
        Action.END_MEMBERSHIP,
    ]
    assert not any(re.search(rb"(?i)haddad|noor|monday|left\.", bytes(event.body)) for event in events)


def test_what_is_not_there_is_a_page_that_says_so() -> None:
    lane = signed_in_client("ms.lane")
    for path in (f"/users/{uuid4()}", f"/users/{user_id('dr.osei')}/roles/{uuid4()}/end"):
        assert lane.get(path).status_code == 404
    assert confirm(lane, uuid4()) == 404


JOAN = {"nhs_number": "999 000 1006", "day": "4", "month": "5", "year": "1951", "note": "From her staff record."}


def test_an_account_is_joined_to_a_person_and_the_join_ended_and_nothing_is_told_of_the_person() -> None:
    administrator = signed_in_client("ms.lane")
    page = f"/users/{user_id('dr.osei')}"
    assert "Not joined to this account" in text(administrator.get(page))
    asked = administrator.post(f"{page}/person", JOAN)
    assert asked.status_code == 400
    assert "It is the same person, under another name" in text(asked)
    assert "Ferris" not in text(asked)
    assert administrator.post(f"{page}/person", {**JOAN, "has_other_name": "yes"}).status_code == 302
    shown = text(administrator.get(page))
    assert "by Ama Osei: From her staff record." in shown
    assert not {"Ferris", "Joan", "9990001006"} & set(re.split(r"\W+", shown))
    assert "joined to a person already" in text(administrator.get(f"{page}/person"))
    assert administrator.post(f"{page}/person", {**JOAN, "has_other_name": "yes"}).status_code == 409
    assert administrator.post(f"{page}/person/end", {"reason": " "}).status_code == 400
    assert administrator.post(f"{page}/person/end", {"reason": "The wrong Joan."}).status_code == 302
    assert "Not joined to this account" in text(administrator.get(page))
    assert "joined to nobody" in text(administrator.get(f"{page}/person/end"))


@pytest.mark.parametrize(
    ("entered", "problem"),
    [
        ({"nhs_number": ""}, "Enter the NHS number"),
        ({"nhs_number": "9990001007"}, "Enter a valid NHS number"),
        ({"year": ""}, "Date of birth must be a real date"),
        ({"day": "", "month": "", "year": ""}, "Enter the date of birth"),
        ({"year": "1952"}, "No record here has this NHS number and this date of birth"),
        ({"note": ""}, "Enter how you know who they are"),
        ({"nhs_number": "", "day": "", "month": "", "year": ""}, "Enter the date of birth"),
    ],
)
def test_what_joins_nobody_is_said_beside_its_field(entered: dict[str, str], problem: str) -> None:
    answer = signed_in_client("ms.lane").post(f"/users/{user_id('dr.osei')}/person", {**JOAN, **entered})
    assert answer.status_code == 400
    assert text(answer).count(problem) == 2
    assert "under another name" not in text(answer)


def test_nobody_is_offered_to_join_their_own_account() -> None:
    own = f"/users/{user_id('ms.lane')}"
    administrator = signed_in_client("ms.lane")
    assert "/person" not in text(administrator.get(own))
    assert "Another administrator" in text(administrator.get(f"{own}/person"))
    assert administrator.post(f"{own}/person", JOAN).status_code == 403


def test_a_name_is_changed_with_a_reason_and_the_one_before_is_kept() -> None:
    client, path = signed_in_client("ms.lane"), f"/users/{user_id('dr.osei')}/name"
    wrong = client.post(path, {"given": " ", "family": "Boateng", "reason": ""})
    assert wrong.status_code == 400
    assert "Enter the first name" in text(wrong)
    assert "Enter why the name changes" in text(wrong)
    name = {"title": "Dr", "given": "Ama", "family": "Boateng", "reason": "Married."}
    assert "100 characters or fewer" in text(client.post(path, {**name, "family": "B" * 101}))
    assert not FormerName.objects.exists()
    assert client.post(path, name).status_code == 302
    page = text(client.get(f"/users/{user_id('dr.osei')}"))
    assert "Dr Ama Boateng" in page
    assert "before: Ama Osei" in page
    assert requester_named("dr.osei").family == "Boateng"
    event = AuditEvent.objects.filter(action=Action.CHANGE_NAME).latest("n")
    assert b"Boateng" not in bytes(event.body)


@pytest.mark.parametrize("change", [lambda rows: rows.update(family="X"), lambda rows: rows.delete()])
def test_a_name_that_an_account_had_is_never_changed(change: Callable[[QuerySet[FormerName]], object]) -> None:
    rename("dr.osei", by=operator())
    with pytest.raises(DatabaseError), transaction.atomic():
        change(FormerName.objects.all())
    assert FormerName.objects.get().family == "Osei"


@pytest.mark.parametrize(
    ("username", "refusal"), [("ms.lane", NotPermitted), ("dr.far", NotFound), ("ms.programme", NotFound)]
)
def test_nobody_changes_their_own_name_or_that_of_somebody_elsewhere(
    username: str, refusal: type[LongviewError]
) -> None:
    with pytest.raises(refusal):
        rename(username, by=requester_named("ms.lane"))
    with pytest.raises(NotPermitted):
        rename("ms.programme", by=requester_named("mr.hospital"))  # whose role the programme gives
    assert not FormerName.objects.exists()


def rename(username: str, *, by: Requester) -> None:
    change_name(
        requester=by,
        user_id=user_id(username),
        title="",
        given="Ama",
        family="Boateng",
        reason="Married.",
        now=timezone.now(),
    )
