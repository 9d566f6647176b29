"""Signing in and out: what a session keeps, how long it lasts, and what a guesser meets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings
from django.contrib.auth import hashers
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from aggregator.accounts.lockout import FAILURES_ALLOWED
from aggregator.accounts.models import Membership, User
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.audit.models import AuditEvent
from aggregator.errors import Invalid
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.sign_in import MAX_PASSWORD_LENGTH
from tests.world import PASSWORD, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world() -> None:
    cache.clear()
    make_world()


def client() -> Client:
    return Client(headers={"host": "testserver"})


def attempt(visitor: Client, username: str = "dr.osei", password: str = PASSWORD, **more: str) -> Any:
    return visitor.post("/sign-in", {"username": username, "password": password, **more})


def test_what_was_in_the_session_before_is_gone_after() -> None:
    visitor = client()
    session = visitor.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    visitor.cookies["sessionid"] = before
    assert attempt(visitor).status_code == 302
    assert visitor.session.session_key != before
    assert "planted" not in visitor.session
    visitor.cookies["sessionid"] = before
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize(
    ("username", "password"),
    [("dr.osei", "wrong"), ("nobody", PASSWORD), ("dr.osei", "x" * 129), ("dr.osei", PASSWORD + " ")],
)
def test_every_failure_has_the_same_words(username: str, password: str) -> None:
    answer = attempt(client(), username, password)
    assert answer.status_code == 400
    assert "The user name or password is incorrect, or the account is closed." in answer.content.decode()


def test_a_password_longer_than_anybodys_is_not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[object] = []
    monkeypatch.setattr(hashers, "check_password", lambda *each, **_: hashed.append(each))
    attempt(client(), "dr.osei", "x" * 129)
    assert hashed == []


def test_no_account_gets_a_password_that_is_too_long_to_sign_in_with() -> None:
    longest = "a phrase " * 14 + "7 "
    new = NewUser(
        username="dr.long", password=longest, family="L", given="L", organisation_ods=SURGERY_ODS, role=Role.CLINICIAN
    )
    add_user(requester=operator(), user=new)
    assert len(longest) == MAX_PASSWORD_LENGTH
    assert attempt(client(), "dr.long", longest).status_code == 302
    with pytest.raises(Invalid, match="128 characters"):
        add_user(requester=operator(), user=replace(new, password=longest + "x"))


def test_a_closed_account_and_one_that_belongs_nowhere_cannot_sign_in() -> None:
    User.objects.filter(username="dr.osei").update(is_active=False)
    Membership.objects.filter(user__username="dr.far").update(user=User.objects.get(username="dr.osei"))
    assert attempt(client(), "dr.osei").status_code == 400
    assert attempt(client(), "dr.far").status_code == 400


def test_an_account_that_is_closed_loses_its_session_at_once() -> None:
    visitor = signed_in_client("dr.osei")
    assert visitor.get("/").status_code == 200
    User.objects.filter(username="dr.osei").update(is_active=False)
    assert visitor.get("/").status_code == 302


def test_an_account_that_belongs_nowhere_any_more_loses_its_session_at_once() -> None:
    visitor = signed_in_client("dr.osei")
    assert visitor.get("/").status_code == 200
    Membership.objects.filter(user__username="dr.osei").update(user=User.objects.get(username="dr.far"))
    assert visitor.get("/").status_code == 302


def test_after_too_many_failures_even_the_right_password_waits() -> None:
    for _ in range(FAILURES_ALLOWED):
        attempt(client(), "dr.osei", "wrong")
    answer = attempt(client(), "DR.OSEI".lower())
    assert answer.status_code == 400
    assert "Too many failed sign-in attempts" in answer.content.decode()
    assert attempt(client(), "dr.far").status_code == 302
    (locked,) = AuditEvent.objects.filter(action="sign-in", detail__code="locked").order_by("-seq")[:1]
    assert locked.outcome == "refused"
    cache.clear()
    assert attempt(client(), "dr.osei").status_code == 302


def test_a_lock_is_for_one_name_at_one_address() -> None:
    here, elsewhere = client(), Client(headers={"host": "testserver"}, REMOTE_ADDR="192.0.2.7")
    for _ in range(FAILURES_ALLOWED):
        attempt(here, "dr.osei", "wrong")
    assert attempt(here).status_code == 400
    assert attempt(here, "dr.far").status_code == 302
    assert attempt(elsewhere).status_code == 302


def test_a_lock_is_for_a_name_however_it_is_spelt_in_case() -> None:
    for number in range(FAILURES_ALLOWED):
        attempt(client(), "dr.osei" if number % 2 else "DR.Osei", "wrong")
    assert "Too many failed sign-in attempts" in attempt(client()).content.decode()


def test_failures_are_forgotten_after_a_sign_in_that_worked() -> None:
    for _ in range(2):
        for _ in range(FAILURES_ALLOWED - 1):
            attempt(client(), "dr.osei", "wrong")
        assert attempt(client()).status_code == 302


def test_a_lock_ends_a_quarter_of_an_hour_after_the_last_failure() -> None:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as kept:
        for failures in (1, FAILURES_ALLOWED):
            for _ in range(failures):
                attempt(client(), "dr.osei", "wrong")
            (name,) = kept.keys("*sign-in:*")
            assert 15 * 60 - 10 < kept.ttl(name) <= 15 * 60
            kept.expire(name, 60)  # as if it had been some time ago: the next failure begins anew
        kept.pexpire(name, 1)
        while kept.exists(name):
            pass
    assert attempt(client()).status_code == 302


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_request() -> None:
    visitor, began = signed_in_client("dr.osei"), timezone.now()
    for minutes, status in ((14, 200), (28, 200), (44, 302)):
        with time_machine.travel(began + timedelta(minutes=minutes), tick=False):
            assert visitor.get("/").status_code == status


def test_a_session_ends_after_twelve_hours_however_busy() -> None:
    visitor = signed_in_client("dr.osei")
    session = visitor.session
    session.set_expiry(timedelta(days=1))  # as if it had been used all the time
    session.save()
    with time_machine.travel(timezone.now() + timedelta(hours=11, minutes=59), tick=False):
        assert visitor.get("/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=12, minutes=1), tick=False):
        assert visitor.get("/").status_code == 302


def test_signing_out_ends_the_session_on_the_server() -> None:
    visitor = signed_in_client("dr.osei")
    kept = visitor.cookies["sessionid"].value
    assert visitor.post("/sign-out").status_code == 302
    visitor.cookies["sessionid"] = kept
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "https:///evil.example",
        " //evil.example",
        "\t//evil.example",
        "/\t/evil.example",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(elsewhere: str) -> None:
    assert attempt(client(), next=elsewhere).headers["Location"] == "/"


def test_one_is_sent_back_to_the_page_that_was_asked_for() -> None:
    assert client().get("/sources").headers["Location"] == "/sign-in?next=%2Fsources"
    assert attempt(client(), next="/sources").headers["Location"] == "/sources"
