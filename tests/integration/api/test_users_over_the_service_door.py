"""Accounts and roles over the service API: the same two administrators, the same refusals as by page."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import Membership, User
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.changes.models import ProposedChange
from aggregator.services.add_user import NewUser, add_user
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db

NEW = {"username": "dr.haddad", "given": "Noor", "family": "Haddad", "role": "clinician", "reason": "Starts."}


@pytest.fixture(autouse=True)
def world() -> None:
    make_world()
    second = NewUser(
        username="mr.second",
        password=PASSWORD,
        family="Second",
        given="Sam",
        organisation_ods=SURGERY_ODS,
        role=Role.ADMINISTRATOR,
    )
    add_user(requester=operator(), user=second, now=timezone.now())


def post(client: Client, path: str, body: object) -> Any:
    return client.post(f"/api/{path}", json.dumps(body), content_type="application/json")


def test_an_account_is_proposed_confirmed_listed_and_closed() -> None:
    first, second = signed_in_client("ms.lane"), signed_in_client("mr.second")
    proposed = post(first, "users/proposed", NEW)
    assert proposed.status_code == 202
    change = proposed.json()["change"]
    assert post(first, f"changes/{change}/confirm", {}).status_code == 403
    (waiting,) = second.get("/api/changes").json()["waiting"]
    assert (waiting["id"], waiting["is_own"], waiting["is_confirmed"]) == (change, False, None)
    confirmed = post(second, f"changes/{change}/confirm", {})
    assert confirmed.status_code == 200
    password = confirmed.json()["secret"]
    assert password not in second.get("/api/changes").content.decode()
    haddad = Client(headers={"host": "testserver"})
    assert haddad.post("/sign-in", {"username": "dr.haddad", "password": password}).status_code == 302
    (found,) = first.get("/api/users?search=haddad").json()["users"]
    assert [role["role"] for role in found["memberships"]] == ["clinician"]
    role = post(first, f"users/{found['id']}/roles/proposed", {"role": "nurse", "reason": "As well."})
    assert post(first, f"changes/{role.json()['change']}/reject", {"reason": "A slip."}).status_code == 204
    membership = found["memberships"][0]["id"]
    assert post(first, f"roles/{membership}/end", {"reason": "Left."}).status_code == 204
    assert haddad.get("/").status_code == 302
    assert post(first, f"users/{found['id']}/close", {"reason": "Left."}).status_code == 204
    view = first.get(f"/api/users/{found['id']}").json()
    assert (view["user"]["is_open"], [line["is_live"] for line in view["memberships"]]) == (False, [False])


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "operator"},
        {"role": "programme-administrator"},
        {"role": ["clinician"]},
        {"username": ""},
        {"username": 5},
        {"username": "dr.osei"},
        {"from_date": "2020-01-01"},
        {"from_date": "soon"},
        {"organisation": "NONE"},
        {"is_active": True},
        {"user_id": "x"},
        {"reason": " "},
    ],
)
def test_what_is_wrong_or_not_asked_for_is_refused_and_nothing_is_proposed(changed: dict[str, object]) -> None:
    answer = post(signed_in_client("ms.lane"), "users/proposed", {**NEW, **changed})
    assert answer.status_code in {400, 403}
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not ProposedChange.objects.exists()


def test_who_may_not_is_refused_everywhere() -> None:
    clinician = signed_in_client("dr.osei")
    user = User.objects.get(username="ms.lane").id
    membership = Membership.objects.get(user_id=user).id
    for path in ("users", f"users/{user}", "changes"):
        assert clinician.get(f"/api/{path}").status_code == 403
    for path, body in (
        ("users/proposed", NEW),
        (f"users/{user}/roles/proposed", {"role": "nurse", "reason": "x"}),
        (f"users/{user}/close", {"reason": "x"}),
        (f"roles/{membership}/end", {"reason": "x"}),
    ):
        assert post(clinician, path, body).status_code == 403


def test_a_write_without_the_session_s_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    client.cookies = signed_in_client("ms.lane").cookies
    assert client.get("/api/users").status_code == 200
    assert post(client, "users/proposed", NEW).status_code == 403
    assert not ProposedChange.objects.exists()


def test_an_account_is_joined_to_a_person_and_the_join_ended() -> None:
    administrator = signed_in_client("ms.lane")
    path = f"users/{User.objects.get(username='dr.osei').id}"
    body = {"nhs_number": "9990001006", "birth_date": "1951-05-04", "note": "From her staff record."}
    assert administrator.get(f"/api/{path}").json()["join"] is None
    refused = post(administrator, f"{path}/person", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "other-name")
    made = post(administrator, f"{path}/person", {**body, "has_other_name": True})
    assert made.status_code == 201
    join = administrator.get(f"/api/{path}").json()["join"]
    assert (join["id"], set(join)) == (made.json()["id"], {"id", "note", "joined_at"})
    assert post(administrator, f"{path}/person", {**body, "has_other_name": True}).status_code == 409
    assert post(signed_in_client("dr.osei"), f"{path}/person/end", {"reason": "x"}).status_code == 403
    assert post(administrator, f"{path}/person/end", {"reason": "The wrong Joan."}).status_code == 204
    assert administrator.get(f"/api/{path}").json()["join"] is None


def test_what_is_another_organisations_is_answered_like_what_is_not_there() -> None:
    hospital = NewUser(
        username="mr.hospital",
        password=PASSWORD,
        family="Hall",
        given="Hal",
        organisation_ods=HOSPITAL_ODS,
        role=Role.ADMINISTRATOR,
    )
    add_user(requester=operator(), user=hospital, now=timezone.now())
    elsewhere, reason = signed_in_client("mr.hospital"), {"reason": "So."}
    osei = User.objects.get(username="dr.osei")
    membership = Membership.objects.get(user=osei)
    for path in ("users/{}/close", "roles/{}/end"):
        held = post(elsewhere, path.format(osei.id if "users" in path else membership.id), reason)
        missing = post(elsewhere, path.format(uuid4()), reason)
        assert (held.status_code, held.json()) == (missing.status_code, missing.json())
        assert held.status_code == 404
