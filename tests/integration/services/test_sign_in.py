"""Signing in and out: what a session keeps, how long it lasts, and what a guesser meets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import OperationalError, connection, connections
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from aggregator.accounts import lockout
from aggregator.accounts.authentication import user_for_password
from aggregator.accounts.counters import counters
from aggregator.accounts.hashing import Slots
from aggregator.accounts.lockout import Attempt
from aggregator.accounts.models import Membership, Organisation, User
from aggregator.accounts.passwords import MAX_PASSWORD_LENGTH
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.accounts.session_keys import new_key
from aggregator.audit.models import AuditEvent
from aggregator.errors import Invalid, TooMany
from aggregator.services.add_user import NewUser, add_user
from launcher import processes
from tests.world import PASSWORD, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world() -> None:
    cache.clear()
    make_world()


def client(*, at: str = "127.0.0.1") -> Client:
    return Client(headers={"host": "testserver"}, REMOTE_ADDR=at)


@pytest.fixture
def changed(settings: Any) -> Any:
    """The settings, to be changed; what tests only read is imported."""
    return settings


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of each attempt whose password was looked at."""
    addresses: list[str] = []

    def look(*, request: HttpRequest, **credentials: str) -> User | None:
        addresses.append(request.META["REMOTE_ADDR"])
        return user_for_password(request=request, **credentials)

    monkeypatch.setattr("aggregator.accounts.passwords.user_for_password", look)
    return addresses


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port on which nothing listens."""
    with processes.reserved_port() as reserved:
        yield reserved.getsockname()[1]


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
    add_user(requester=operator(), user=new, now=timezone.now())
    assert len(longest) == MAX_PASSWORD_LENGTH
    assert attempt(client(), "dr.long", longest).status_code == 302
    with pytest.raises(Invalid, match="128 characters"):
        add_user(requester=operator(), user=replace(new, password=longest + "x"), now=timezone.now())


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
    for _ in range(settings.SIGN_IN_FAILURES):
        attempt(client(), "dr.osei", "wrong")
    answer = attempt(client(), "DR.OSEI".lower())
    assert answer.status_code == 400
    assert "Too many failed sign-in attempts" in answer.content.decode()
    assert 14 * 60 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert attempt(client(), "dr.far").status_code == 302
    (locked,) = AuditEvent.objects.filter(action="sign-in", detail__code="locked").order_by("-seq")[:1]
    assert locked.outcome == "refused"
    cache.clear()
    assert attempt(client(), "dr.osei").status_code == 302


def test_a_lock_is_for_one_name_at_one_address() -> None:
    here, elsewhere = client(), client(at="192.0.2.7")
    for _ in range(settings.SIGN_IN_FAILURES):
        attempt(here, "dr.osei", "wrong")
    assert attempt(here).status_code == 400
    assert attempt(here, "dr.far").status_code == 302
    assert attempt(elsewhere).status_code == 302


def test_an_account_is_locked_after_failures_at_many_addresses() -> None:
    hashed = [attempt(client(at=f"192.0.2.{number}"), "dr.osei", "wrong") for number in range(20)]
    assert {answer.status_code for answer in hashed} == {400}
    assert "incorrect" in hashed[-1].content.decode()
    assert "Too many failed" in attempt(client(at="192.0.2.99")).content.decode()
    assert attempt(client(at="192.0.2.99"), "dr.far").status_code == 302


def test_a_right_password_at_one_address_does_not_open_an_account_to_guesses_from_others() -> None:
    for number in range(20):
        attempt(client(at=f"192.0.2.{number}"), "dr.osei", "wrong")
        if number == 10:
            assert attempt(client(at="192.0.2.99")).status_code == 302
    assert attempt(client(at="192.0.2.99")).status_code == 400


def test_guesses_at_many_names_lock_their_address_for_a_minute(hashed: list[str]) -> None:
    for number in range(70):
        attempt(client(), f"name.{number}", "wrong")
    assert len(hashed) == settings.SIGN_IN_FAILURES_PER_ADDRESS
    answer = attempt(client())
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert attempt(client(at="192.0.2.7")).status_code == 302
    assert AuditEvent.objects.filter(detail__code="address-locked").exists()


def test_whoever_goes_on_at_a_locked_account_locks_the_address(hashed: list[str]) -> None:
    for _ in range(settings.SIGN_IN_FAILURES_PER_ADDRESS):
        attempt(client(), "dr.osei", "wrong")
    assert len(hashed) == settings.SIGN_IN_FAILURES
    assert attempt(client(), "dr.far").status_code == 429


@pytest.mark.parametrize("address", ["2001:db8::{:x}", "2001:db8:0:0:{:x}::1"])
def test_the_addresses_of_one_ipv6_network_are_one(address: str) -> None:
    for number in range(1, settings.SIGN_IN_FAILURES + 1):
        attempt(client(at=address.format(number)), "dr.osei", "wrong")
    assert attempt(client(at=address.format(99))).status_code == 400
    assert attempt(client(at="2001:db8:0:1::1")).status_code == 302


def test_an_address_counts_as_one_in_either_notation() -> None:
    for number in range(settings.SIGN_IN_FAILURES):
        attempt(client(at="192.0.2.7" if number % 2 else "::ffff:192.0.2.7"), "dr.osei", "wrong")
    assert attempt(client(at="192.0.2.7")).status_code == 400


def test_nobody_is_locked_out_by_the_address_of_a_proxy_that_did_not_say_who_asked(changed: Any) -> None:
    changed.PROXY_ADDRESSES = ("10.0.0.0/24", "2001:db8::5/128")
    for proxy in ("10.0.0.7", "2001:db8::5"):
        for number in range(settings.SIGN_IN_FAILURES_PER_ADDRESS + 5):
            attempt(client(at=proxy), f"name.{number}", "wrong")
        for _ in range(settings.SIGN_IN_FAILURES):
            attempt(client(at=proxy), "dr.osei", "wrong")
        assert attempt(client(at=proxy)).status_code == 302
    for _ in range(10):
        attempt(client(at="10.0.0.7"), "dr.osei", "wrong")
    assert attempt(client(at="10.0.0.7")).status_code == 400  # the account's own limit holds


SPELLINGS = ("dr.osei", "DR.Osei", "\uff44\uff52.osei", "dr.\u24c4SEI", " dr.osei ", "dr.o\u017fei")


def test_a_lock_is_for_a_name_however_it_is_spelt(hashed: list[str]) -> None:
    for spelling in SPELLINGS:
        attempt(client(), spelling, "wrong")
    assert len(hashed) == settings.SIGN_IN_FAILURES
    assert "Too many failed sign-in attempts" in attempt(client()).content.decode()


def test_failures_are_forgotten_after_a_sign_in_that_worked() -> None:
    for _ in range(2):
        for _ in range(settings.SIGN_IN_FAILURES - 1):
            attempt(client(), "dr.osei", "wrong")
        assert attempt(client()).status_code == 302


def test_a_lock_ends_a_quarter_of_an_hour_after_the_failure_that_brought_it() -> None:
    pattern = "*:sign-in:*"
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as kept:
        for _ in range(settings.SIGN_IN_FAILURES - 1):
            attempt(client(), "dr.osei", "wrong")
        (name,) = kept.keys(pattern)
        assert 15 * 60 - 10 < kept.ttl(name) <= 15 * 60
        kept.expire(name, 60)  # as if the first had been some time ago
        attempt(client(), "dr.osei", "wrong")
        assert 15 * 60 - 10 < kept.ttl(name) <= 15 * 60
        kept.pexpire(name, 1)
        while kept.exists(name):
            pass
    assert attempt(client()).status_code == 302


def test_failures_that_bring_no_lock_are_forgotten_a_quarter_of_an_hour_after_the_first() -> None:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as kept:
        attempt(client(), "dr.osei", "wrong")
        (name,) = kept.keys("*:sign-in:*")
        kept.expire(name, 60)
        attempt(client(), "dr.osei", "wrong")
        assert kept.ttl(name) <= 60


def test_what_is_counted_reveals_nobody() -> None:
    attempt(client(at="192.0.2.7"), "dr.osei", "wrong")
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as kept:
        names = b" ".join(kept.keys("*"))
    for revealing in (b"osei", b"192.0.2.7"):
        assert revealing not in names


def test_a_failed_sign_in_leaves_the_account_and_a_mark_of_the_address() -> None:
    for name, at in (("dr.osei", "192.0.2.7"), ("nobody", "192.0.2.7"), ("dr.osei", "192.0.2.8")):
        attempt(client(at=at), name, "wrong")
    known, unknown, elsewhere = AuditEvent.objects.filter(action="sign-in", outcome="refused").order_by("seq")
    assert known.detail["user"] == str(User.objects.get(username="dr.osei").id)
    assert "user" not in unknown.detail
    assert known.detail["address"] == unknown.detail["address"] != elsewhere.detail["address"]
    for event in (known, unknown, elsewhere):
        assert event.user_id is None
        written = bytes(event.body).decode()
        assert "192.0.2" not in written
        assert "osei" not in written


def test_a_locked_account_is_named_too() -> None:
    for _ in range(settings.SIGN_IN_FAILURES + 1):
        attempt(client(), "dr.osei", "wrong")
    locked = AuditEvent.objects.filter(action="sign-in").latest("seq")
    assert locked.detail["code"] == "locked"
    assert locked.detail["user"] == str(User.objects.get(username="dr.osei").id)


@pytest.fixture
def redis_away(changed: Any) -> Iterator[None]:
    with closed_port() as port:
        changed.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{port}/0"}}
        counters.cache_clear()
        yield
    counters.cache_clear()


@pytest.mark.usefixtures("redis_away")
def test_while_redis_is_away_this_process_counts_at_a_quarter_of_the_limits(hashed: list[str]) -> None:
    for _ in range(settings.SIGN_IN_FAILURES):
        attempt(client(), "dr.osei", "wrong")
    assert len(hashed) == 2  # of 5
    assert attempt(client()).status_code == 400
    assert attempt(client(), "dr.far").status_code == 302
    for number in range(settings.SIGN_IN_FAILURES_PER_ADDRESS):
        attempt(client(at="192.0.2.7"), f"name.{number}", "wrong")
    assert hashed.count("192.0.2.7") == 15  # of 60
    for number in range(20):
        attempt(client(at=f"192.0.2.{number + 100}"), "dr.far", "wrong")
    assert sum(at.startswith("192.0.2.1") for at in hashed) == 5  # of 20


def test_a_burst_of_guesses_gets_no_more_of_them_hashed_than_one_after_the_other() -> None:
    tried = Attempt(username="dr.osei", address="192.0.2.7")

    def guess(_: int) -> bool:
        try:
            lockout.check(attempt=tried)
            lockout.reserve(attempt=tried)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(guess, range(100))) == settings.SIGN_IN_FAILURES


def test_what_could_not_be_decided_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("aggregator.accounts.passwords.user_for_password", fails)
        for _ in range(settings.SIGN_IN_FAILURES + 1):
            with pytest.raises(OperationalError):
                attempt(client())
    assert attempt(client()).status_code == 302


def fails(**_: object) -> None:
    raise OperationalError


def test_whoever_comes_while_too_many_sign_in_is_asked_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(slots=1, most_waiting=0)
    monkeypatch.setattr("aggregator.accounts.passwords.hashing_slots", lambda: slots)
    with slots.one():
        answer = attempt(client())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Try again shortly" in answer.content.decode()
    assert attempt(client()).status_code == 302
    assert AuditEvent.objects.filter(detail__code="busy").count() == 1


def test_three_hundred_users_of_a_hospital_sign_in_at_eight_behind_one_address() -> None:
    organisation = Organisation.objects.get(ods_code=SURGERY_ODS)
    users = User.objects.bulk_create(
        User(username=f"user.{number}", family="U", given="U", password=make_password(PASSWORD))
        for number in range(300)
    )
    Membership.objects.bulk_create(
        Membership(user=user, organisation=organisation, role=Role.CLINICIAN) for user in users
    )
    statuses = Counter[int]()
    for number in range(300):
        visitor = client(at="198.51.100.1")
        if number % 33 == 0:  # three in a hundred
            assert attempt(visitor, f"user.{number}", "a slip of the finger").status_code == 400
        statuses[attempt(visitor, f"user.{number}").status_code] += 1
    assert statuses == {302: 300}


def test_the_hash_is_argon2id_of_the_size_that_was_decided(changed: Any) -> None:
    changed.PASSWORD_HASHERS = ["aggregator.accounts.hashing.Argon2"]
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    user = User.objects.get(username="dr.osei")
    user.password = Argon2PasswordHasher().encode(PASSWORD, "a-salt-of-an-older-hash")
    user.save()
    assert attempt(client()).status_code == 302
    user.refresh_from_db()
    assert "m=47104,t=1,p=1" in user.password


def test_nothing_is_read_or_written_before_somebody_signs_in(django_assert_num_queries: Any) -> None:
    visitor = client()
    with django_assert_num_queries(0):
        answer = visitor.get("/sign-in")
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    token = answer.cookies[settings.CSRF_COOKIE_NAME]
    assert token["httponly"]
    assert (token["path"], token["domain"], token["samesite"], token["max-age"]) == ("/", "", "Lax", "")
    assert not Session.objects.exists()
    attempt(visitor, "dr.osei", "wrong")
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        "a" * 32,
        "a" * 40,
        new_key()[:-1] + "!",
        new_key().upper(),
        new_key() + "a",
        "é" * 40,
        *(key[:20] + other[20:] for key, other in [(new_key(), new_key())]),
    ],
    ids=range(8),
)
def test_a_forged_session_makes_no_query(forged: str, django_assert_num_queries: Any) -> None:
    visitor = client()
    visitor.cookies[settings.SESSION_COOKIE_NAME] = forged
    with django_assert_num_queries(0):
        assert visitor.get("/").status_code == 302
        assert visitor.get("/sign-in").status_code == 200
        assert visitor.get("/fhir/Patient/x/$everything").status_code == 401


def test_a_session_made_under_another_secret_is_none_of_ours(changed: Any, django_assert_num_queries: Any) -> None:
    visitor = signed_in_client("dr.osei")
    changed.SECRET_KEY = "another secret of some length, as it was before"
    with django_assert_num_queries(0):
        assert visitor.get("/").status_code == 302


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


def test_a_user_has_five_sessions_and_the_sixth_ends_the_oldest() -> None:
    visitors = [signed_in_client("dr.osei") for _ in range(5)]
    assert [visitor.get("/").status_code for visitor in visitors] == [200] * 5
    other = signed_in_client("dr.far")
    ended = visitors[0].session.session_key
    sixth = signed_in_client("dr.osei")
    assert [visitor.get("/").status_code for visitor in [*visitors, sixth, other]] == [302] + [200] * 6
    assert not Session.objects.filter(session_key=ended).exists()


def test_sessions_that_have_ended_make_no_other_end() -> None:
    first = signed_in_client("dr.osei")
    for _ in range(6):
        visitor = signed_in_client("dr.osei")
        assert visitor.post("/sign-out").status_code == 302
    for _ in range(4):
        idle = signed_in_client("dr.osei")
        Session.objects.filter(session_key=idle.session.session_key).update(expire_date=timezone.now())
    last = signed_in_client("dr.osei")
    assert [visitor.get("/").status_code for visitor in (first, last)] == [200, 200]


def test_a_session_ends_after_so_long_without_a_request() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        visitor = signed_in_client("dr.osei")
        for pause_s in (1, 29, 400, 860, 600):
            clock.shift(pause_s)
            assert visitor.get("/").status_code == 200
        clock.shift(settings.SESSION_COOKIE_AGE + 1)
        assert visitor.get("/").status_code == 302


def test_what_a_session_says_of_its_end_is_written_again_only_once_it_is_half_a_minute_off() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        visitor = signed_in_client("dr.osei")
        ends = Session.objects.get(session_key=visitor.session.session_key).expire_date
        for pause_s, put_off_s in ((10, 0), (19, 0), (2, 31), (30, 31), (1, 62)):
            clock.shift(pause_s)
            assert visitor.get("/").status_code == 200
            now = Session.objects.get(session_key=visitor.session.session_key).expire_date
            assert (now - ends).total_seconds() == put_off_s


def test_the_number_of_sessions_is_a_setting(changed: Any) -> None:
    changed.SESSIONS_PER_USER = 1
    first, second = signed_in_client("dr.osei"), signed_in_client("dr.osei")
    assert [visitor.get("/").status_code for visitor in (first, second)] == [302, 200]


CLOSE_AND_OPEN = [
    ["""UPDATE "user" SET is_active = false""", """UPDATE "user" SET is_active = true"""],
    ["""UPDATE "user" SET is_active = NOT is_active""", """UPDATE "user" SET is_active = NOT is_active"""],
]


@pytest.mark.parametrize("statements", CLOSE_AND_OPEN)
def test_an_account_that_is_switched_off_and_on_by_sql_starts_with_no_session(statements: list[str]) -> None:
    visitors = [signed_in_client("dr.osei") for _ in range(2)]
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert [visitor.get("/").status_code for visitor in visitors] == [302, 302]
    assert visitors[0].get("/fhir/Patient/x/$everything").status_code == 401
    assert signed_in_client("dr.osei").get("/").status_code == 200


def test_an_account_that_is_switched_off_and_on_by_the_application_starts_with_no_session() -> None:
    visitor = signed_in_client("dr.osei")
    user = User.objects.get(username="dr.osei")  # as read while it was open, its sessions with it
    for is_active in (False, True):
        user.is_active = is_active
        user.save()
    assert visitor.get("/").status_code == 302
    assert User.objects.get(username="dr.osei").session_keys == []


def test_whoever_is_closed_while_signing_in_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def closes_afterwards(**options: Any) -> User | None:
        user = user_for_password(**options)
        User.objects.filter(username="dr.osei").update(is_active=False)
        return user

    monkeypatch.setattr("aggregator.accounts.passwords.user_for_password", closes_afterwards)
    monkeypatch.setattr("aggregator.accounts.passwords.requesters_for", lambda **_: (operator(),))
    answer = attempt(client())
    assert answer.status_code == 400
    assert "or the account is closed" in answer.content.decode()
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_users_who_sign_in_at_once_get_no_more_sessions_than_one_after_the_other() -> None:
    def sign_in(_: int) -> Client:
        try:
            return signed_in_client("dr.osei")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        visitors = list(threads.map(sign_in, range(12)))
    assert sum(visitor.get("/").status_code == 200 for visitor in visitors) == settings.SESSIONS_PER_USER
    assert Session.objects.count() == settings.SESSIONS_PER_USER


def test_a_new_password_ends_no_more_than_it_should_and_brings_no_session_back() -> None:
    visitor = signed_in_client("dr.osei")
    renewed = NewUser(
        username="dr.osei",
        password="another phrase 12345",
        family="Osei",
        given="Ama",
        organisation_ods=SURGERY_ODS,
        role=Role.CLINICIAN,
    )
    add_user(requester=operator(), user=renewed, now=timezone.now())
    assert visitor.get("/").status_code == 302
