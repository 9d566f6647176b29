"""The door for tokens: who gets one, and that no attack does."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
import time_machine
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aggregator.accounts.assertions import AssertionFault
from aggregator.accounts.once import use_once
from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.services.clients.end_client import end_client
from tests.hostile_assertions import HOSTILE
from tests.machine import ask_for_token, bearer, post_form, register, token_form
from tests.signing import CLIENT, claims, ec_key, rsa_key, signed, with_a_bad_signature
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world() -> World:
    return make_world()


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("seq")


def refused(answer: Any, *, status: int = 401, error: str = "invalid_client") -> bool:
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    assert "no-store" in answer.headers["Cache-Control"]
    return (answer.status_code, body["error"]) == (status, error)


@pytest.mark.parametrize("key", [rsa_key(), ec_key()], ids=["RS384", "ES384"])
def test_a_client_that_proves_who_it_is_gets_a_token_of_five_minutes(key: Any) -> None:
    client_id = register()
    answer = ask_for_token(signed(claims(timezone.now()), key=key), scope="system/Patient.r system/Observation.rs")
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "bearer",
        "expires_in": 300,
        "scope": "system/Observation.rs system/Patient.r",
    }
    assert "no-store" in answer.headers["Cache-Control"]
    event = last_event()
    assert (event.action, event.outcome, event.client_id, event.user_id) == ("issue-token", "success", client_id, None)
    assert (event.organisation_ods, event.role, event.purpose) == ("X99101", "client", "TREAT")
    assert UUID(event.detail["token"])


def test_no_attack_gets_one_and_each_leaves_one_event() -> None:
    """T13."""
    register()
    for name, attack in HOSTILE.items():
        for assertion in (attack(timezone.now()), with_a_bad_signature(attack(timezone.now()))):
            before = last_event().seq
            answer = ask_for_token(assertion)
            assert refused(answer), (name, answer.content)
            (event,) = AuditEvent.objects.filter(seq__gt=before)
            assert (event.action, event.outcome) == ("issue-token", "refused"), name
            assert event.detail["why"] in set(AssertionFault), name
            assert answer.content == ask_for_token("nothing").content, "the same words, whatever was at fault"


def test_an_assertion_counts_once_and_so_does_its_id() -> None:
    """T14."""
    register()
    register(oauth_id="another-system")
    once = signed(claims(timezone.now(), jti="once"))
    assert ask_for_token(once).status_code == 200
    assert refused(ask_for_token(once))
    assert last_event().detail["why"] == "replayed"
    assert refused(ask_for_token(signed(claims(timezone.now(), jti="once", nbf=0))))
    other = claims(timezone.now(), jti="once", iss="another-system", sub="another-system")
    assert ask_for_token(signed(other)).status_code == 200, "another client's ids are its own"


def test_of_many_who_use_an_id_at_once_one_is_the_first() -> None:
    """T14."""
    now = timezone.now()
    use = partial(use_once, client_id=uuid4(), jti="once", expires_at=now + timedelta(seconds=60), now=now)
    with ThreadPoolExecutor(max_workers=8) as threads:
        is_first = list(threads.map(lambda _: use(), range(24)))
    assert sum(is_first) == 1


def test_a_wrong_signature_uses_no_id_up() -> None:
    register()
    good = signed(claims(timezone.now(), jti="mine"))
    assert refused(ask_for_token(with_a_bad_signature(good)))
    assert refused(ask_for_token(signed(claims(timezone.now(), jti="mine", aud="https://other.example"))))
    assert ask_for_token(good).status_code == 200


def test_no_scope_goes_beyond_the_registration() -> None:
    """T14."""
    register(scopes="system/Patient.r system/Observation.rs")
    for scope in ("system/*.rs", "system/Patient.rs", "system/Condition.r", "system/Patient.r system/*.r", "x", ""):
        answer = ask_for_token(scope=scope)
        assert refused(answer, status=400, error="invalid_scope"), scope
        assert last_event().outcome == "failed"
    assert ask_for_token(scope="system/Observation.s").json()["scope"] == "system/Observation.s"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_assertion_type": ""}, 401, "invalid_client"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 401, "invalid_client"),
        ({"client_assertion": ""}, 401, "invalid_client"),
        ({"client_id": "another-system"}, 401, "invalid_client"),
        ({"client_assertion": "", "client_id": CLIENT, "client_secret": "secret"}, 401, "invalid_client"),
    ],
)
def test_a_request_that_lacks_something_is_told_so_in_oauth_s_words(
    changes: dict[str, str], status: int, error: str
) -> None:
    register()
    form = token_form()
    form.update(changes)
    answer = post_form({name: value for name, value in form.items() if value})
    assert refused(answer, status=status, error=error)
    assert last_event().action == "issue-token"


@pytest.mark.parametrize("name", ["grant_type", "client_assertion", "client_assertion_type", "scope"])
def test_a_parameter_that_stands_twice_counts_as_none(name: str) -> None:
    register()
    form: dict[str, Any] = token_form()
    form[name] = [form[name], form[name]]
    assert post_form(form).status_code in {400, 401}
    assert last_event().outcome != "success"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{}", "application/json"),
        (json.dumps({"grant_type": "client_credentials"}), "application/json"),
        ("grant_type=client_credentials", "text/plain"),
        ("&".join(f"a{number}=1" for number in range(1001)), "application/x-www-form-urlencoded"),
        ("\xff\xfe=%ff&%00=%00", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
        ("--x\r\n", "multipart/form-data; boundary=x"),
        ("x", "nonsense"),
        ("grant_type=client_credentials", "application/x-www-form-urlencoded; charset=zlib_codec"),
        ("grant_type=client_credentials", "application/x-www-form-urlencoded; charset=utf-16"),
        ("grant_type=client_credentials", "application/x-www-form-urlencoded; charset=nonsense"),
    ],
)
def test_what_is_no_form_is_refused_without_a_fault(body: str, content_type: str) -> None:
    answer = Client(headers={"host": "testserver"}).generic("POST", "/oauth/token", body, content_type=content_type)
    assert refused(answer)
    assert (last_event().action, last_event().detail["why"]) == ("issue-token", "missing")


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_tokens_are_given_by_post_only(method: str) -> None:
    answer = getattr(Client(headers={"host": "testserver"}), method)("/oauth/token")
    assert refused(answer, status=405, error="invalid_request")


def test_nothing_that_was_sent_comes_back() -> None:
    """T47."""
    register()
    mark = "m4rk3d"
    for changes in (
        {"grant_type": mark},
        {"scope": f"system/{mark}.rs"},
        {"client_assertion": signed(claims(timezone.now(), iss=mark, sub=mark))},
        {"client_assertion": signed(claims(timezone.now(), aud=mark))},
        {"client_id": mark},
    ):
        assert mark not in ask_for_token(**changes).content.decode()
        assert mark not in bytes(last_event().body).decode()


def test_a_session_neither_helps_nor_is_asked_for_its_form_token() -> None:
    register()
    client = Client(headers={"host": "testserver"}, enforce_csrf_checks=True)
    assert post_form(token_form(), visitor=client).status_code == 200
    signed_in = signed_in_client("dr.osei")
    assert refused(post_form(token_form("no assertion"), visitor=signed_in))


def test_while_redis_is_away_nobody_can_know_whether_one_was_used_and_none_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register()

    def away(**_: object) -> bool:
        raise redis.ConnectionError

    assertion = signed(claims(timezone.now()))
    with monkeypatch.context() as patched:
        patched.setattr("aggregator.services.clients.issue_token.use_once", away)
        answer = ask_for_token(assertion)
    assert refused(answer, status=503, error="temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert last_event().detail["code"] == "temporarily-unavailable"
    assert ask_for_token(assertion).status_code == 200, "it was not used up"


def test_while_the_database_is_away_it_says_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> None:
        raise OperationalError("Joan Ferris")

    monkeypatch.setattr("aggregator.api.oauth.token.issue_token", away)
    answer = ask_for_token("x")
    assert refused(answer, status=503, error="temporarily_unavailable")
    assert "Joan" not in answer.content.decode()


def test_a_fault_of_ours_holds_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(**_: object) -> None:
        raise RuntimeError("Joan Ferris")

    monkeypatch.setattr("aggregator.api.oauth.token.issue_token", breaks)
    assert refused(ask_for_token("x"), status=500, error="server_error")


def test_too_many_at_an_address_are_refused_before_any_query(settings: Any) -> None:
    cache.clear()
    settings.TOKENS_PER_MINUTE = 3
    for _ in range(3):
        assert refused(ask_for_token("x"))
    with CaptureQueriesContext(connection) as queries:
        answer = ask_for_token("x")
    assert refused(answer, status=429, error="temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert not queries.captured_queries
    cache.clear()


def test_a_client_that_is_ended_loses_its_tokens_at_once_and_gets_no_other(world: World) -> None:
    register()
    headers = bearer()
    client = Client(headers={"host": "testserver", **headers})
    assert client.get(f"/fhir/Patient/{world.joan}/$everything").status_code == 202
    end_client(requester=operator(), oauth_id=CLIENT, reason="Replaced.", now=timezone.now())
    answer = client.get(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert refused(ask_for_token())
    assert last_event().detail["why"] == "client"


def test_a_token_is_over_after_five_minutes(world: World) -> None:
    register()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = Client(headers={"host": "testserver", **bearer()})
        path = f"/fhir/Patient/{world.joan}/$everything"
        clock.shift(299)
        assert client.get(path).status_code == 202
        clock.shift(2)
        assert client.get(path).status_code == 401
