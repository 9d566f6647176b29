"""Those who have not signed in get a share of the threads and of the requests, whatever they do; the others go past."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from aggregator.accounts import lockout
from aggregator.accounts.scopes import read_scopes
from aggregator.accounts.session_keys import new_key
from aggregator.accounts.tokens import new_token, seal
from aggregator.health.report_tokens import new_report_token
from config import gate
from config.gate import Buckets, Gate, Places
from config.refusals import refuse

Message = dict[str, Any]


def scope(
    path: str = "/", *, method: str = "GET", at: str | None = "192.0.2.7", session: str = "", **headers: str
) -> Any:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    if session:
        pairs.append((b"cookie", f"other=1; {settings.SESSION_COOKIE_NAME}={session}".encode()))
    return {"type": "http", "path": path, "method": method, "client": (at, 1) if at else None, "headers": pairs}


def statuses_of(door: Gate, *scopes: Any) -> list[int]:
    refusals = [door.refusal(each) for each in scopes]
    return [refusal.status if refusal else 200 for refusal in refusals]


def answered(application: Callable[..., Awaitable[None]], asked: Any) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(application(asked, receive, send))  # type: ignore[arg-type]
    return messages


@pytest.fixture
def closed() -> Iterator[str]:
    """An address that this process knows to be locked."""
    address = "198.51.100.9"
    lockout._closed[address] = lockout.time.monotonic() + 30
    yield address
    del lockout._closed[address]


def test_an_address_may_ask_so_often_without_a_session_and_then_waits() -> None:
    door = Gate(per_minute=3)
    assert statuses_of(door, *[scope()] * 5) == [200, 200, 200, 429, 429]
    assert statuses_of(door, scope(at="192.0.2.8")) == [200]


@pytest.mark.parametrize("session", ["a" * 40, "x", new_key()[:-1] + "!"], ids=["made up", "too short", "broken"])
def test_a_session_that_somebody_made_up_is_none(session: str) -> None:
    assert statuses_of(Gate(per_minute=1), *[scope(session=session)] * 2) == [200, 429]


def test_whoever_has_a_session_is_not_counted_here() -> None:
    door = Gate(per_minute=1)
    assert statuses_of(door, *[scope(session=new_key()) for _ in range(9)]) == [200] * 9
    assert statuses_of(door, scope()) == [200]


def test_all_methods_and_the_fhir_door_count_alike() -> None:
    asked = [scope(), scope(method="HEAD"), scope("/fhir/metadata"), scope("/sign-in", method="POST"), scope("/live/x")]
    assert statuses_of(Gate(per_minute=5), *asked, *asked) == [200] * 5 + [429] * 5


def test_static_files_cost_little_and_are_no_way_round() -> None:
    door = Gate(per_minute=2)
    assert statuses_of(door, *[scope("/static/app.css")] * 11) == [200] * 10 + [429]


def test_a_proxy_that_does_not_say_for_whom_it_asks_is_never_refused(changed: Any) -> None:
    changed.PROXY_ADDRESSES = ("192.0.2.7/32",)
    door = Gate(per_minute=1)
    assert statuses_of(door, *[scope()] * 3, *[scope("/readyz")] * 3, *[scope(at=None)] * 3) == [200] * 9


def test_a_session_is_no_way_to_sign_in_more_often(closed: str) -> None:
    door = Gate(per_minute=2)
    assert statuses_of(door, *[scope("/sign-in", session=new_key())] * 3) == [200, 200, 429]
    assert statuses_of(door, scope("/sign-in", method="POST", at=closed, session=new_key())) == [429]


@pytest.fixture
def changed(settings: Any) -> Any:
    """The settings, to be changed."""
    return settings


def test_an_address_whose_sign_in_is_locked_is_refused_without_a_thread(closed: str) -> None:
    door = Gate(per_minute=100)
    asked = [scope("/sign-in", method=method, at=closed) for method in ("POST", "PUT", "GET")]
    assert statuses_of(door, *asked) == [429, 429, 200]
    refusal = door.refusal(asked[0])
    assert refusal is not None
    assert 28 <= refusal.retry_after_s <= 30
    assert statuses_of(door, scope(method="POST", at=closed, session=new_key())) == [200]


def test_what_an_address_has_left_comes_back_evenly() -> None:
    buckets = Buckets(per_minute=60)
    assert [buckets.take(address="a", cost=1, now=100.0) for _ in range(61)] == [True] * 60 + [False]
    assert [buckets.take(address="a", cost=1, now=102.0) for _ in range(3)] == [True, True, False]
    assert [buckets.take(address="a", cost=1, now=900.0) for _ in range(61)] == [True] * 60 + [False]


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    buckets = Buckets(per_minute=1, most=2)
    for address in ("a", "b", "c"):
        assert buckets.take(address=address, cost=1, now=0.0)
    assert len(buckets._left) == 2
    assert not buckets.take(address="c", cost=1, now=0.0)


def test_a_refusal_is_answered_a_moment_later_in_the_words_of_each_door() -> None:
    door = Gate(per_minute=1, pause_s=0.05)
    statuses_of(door, scope())

    async def application(asked: Any, receive: Any, send: Any) -> None:
        refusal = door.refusal(asked)
        assert refusal is not None
        began = asyncio.get_running_loop().time()
        await door.refuse(asked, send, refusal=refusal)
        assert asyncio.get_running_loop().time() - began >= 0.05

    start, body = answered(application, scope())
    headers = dict(start["headers"])
    assert (start["status"], headers[b"retry-after"]) == (429, b"5")
    assert headers[b"cache-control"] == b"no-store, private"
    assert b"<h1>Too many requests</h1>" in body["body"]
    start, body = answered(application, scope("/fhir/Patient/1/$everything"))
    assert dict(start["headers"])[b"content-type"].startswith(b"application/fhir+json")
    outcome = json.loads(body["body"])
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == "throttled"
    _, body = answered(application, scope(method="HEAD"))
    assert body["body"] == b""


class Threads:
    """What stands for Django: answers when it is let, and counts how many it answers at once."""

    def __init__(self) -> None:
        self.at_once = self.most = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, asked: Any, receive: Any, send: Any) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.may_answer.wait()
        self.at_once -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_those_without_a_session_share_a_few_places_and_those_with_one_and_health_checks_do_not_wait() -> None:
    async def crowd() -> tuple[int, int, list[int]]:
        threads = Threads()
        places = Places(threads, places=4)
        statuses: list[int] = []

        async def send(message: Any) -> None:
            if "status" in message:
                statuses.append(message["status"])

        waiting = [asyncio.create_task(places(scope(), nothing, send)) for _ in range(30)]
        await asyncio.sleep(0.01)
        of_the_crowd = threads.most
        others = [scope(session=new_key()), scope("/readyz")]
        waiting += [asyncio.create_task(places(each, nothing, send)) for each in others]
        await asyncio.sleep(0.01)
        with_others = threads.most
        threads.may_answer.set()
        await asyncio.gather(*waiting)
        return of_the_crowd, with_others, statuses

    assert asyncio.run(crowd()) == (4, 6, [200] * 32)


def test_whoever_waits_in_vain_or_comes_to_a_full_queue_is_asked_to_try_again() -> None:
    async def crowd() -> list[int]:
        threads = Threads()
        places = Places(threads, places=1, most_waiting=2, wait_s=0.05)
        statuses: list[int] = []

        async def send(message: Any) -> None:
            if "status" in message:
                statuses.append(message["status"])

        waiting = [asyncio.create_task(places(scope(), nothing, send)) for _ in range(6)]
        await asyncio.sleep(0.01)
        full = len(statuses)
        await asyncio.sleep(0.1)
        assert full == 3
        threads.may_answer.set()
        await asyncio.gather(*waiting)
        return statuses

    assert asyncio.run(crowd()) == [503] * 5 + [200]


def test_a_place_is_free_once_the_answer_is_made_however_slowly_it_is_read() -> None:
    async def crowd() -> int:
        threads = Threads()
        threads.may_answer.set()
        places = Places(threads, places=1, wait_s=0.5)
        is_read = asyncio.Event()
        made: list[str] = []

        async def slow(message: Any) -> None:
            await is_read.wait()

        async def quick(message: Any) -> None:
            made.append(message["type"])

        reading = asyncio.create_task(places(scope(), nothing, slow))
        await asyncio.sleep(0.01)
        await places(scope(), nothing, quick)
        is_read.set()
        await reading
        return len(made)

    assert asyncio.run(crowd()) == 2


def test_a_fault_in_an_answer_frees_the_place_and_is_raised() -> None:
    async def fails(asked: Any, receive: Any, send: Any) -> None:
        raise RuntimeError

    async def twice() -> None:
        places = Places(fails, places=1, wait_s=0.05)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await places(scope(), nothing, nothing)  # type: ignore[arg-type]

    asyncio.run(twice())


def test_words_are_escaped() -> None:
    refusal = gate.Refusal(status=403, title="<i>", words="<b>", code="forbidden")

    async def application(asked: Any, receive: Any, send: Any) -> None:
        await refuse(asked, send, refusal=refusal)

    start, body = answered(application, scope())
    assert b"<i>" not in body["body"]
    assert b"retry-after" not in dict(start["headers"])


def token(*, expired: bool = False) -> str:
    made_at = timezone.now() - timedelta(minutes=6 if expired else 0)
    scopes = read_scopes(text="system/*.rs")
    return f"Bearer {seal(token=new_token(client_id=uuid4(), scopes=scopes, now=made_at))}"


def test_a_system_with_a_token_of_ours_waits_for_nobody_and_one_with_another_does() -> None:
    door = Gate(per_minute=1)
    ours = scope("/fhir/x", authorization=token())
    assert statuses_of(door, *[ours] * 3, scope(), scope()) == [200, 200, 200, 200, 429]
    for other in (token(expired=True), "Bearer nonsense", "Bearer", "Basic x"):
        assert statuses_of(door, scope("/fhir/x", authorization=other)) == [429], other
    beside_a_session = scope("/fhir/x", session=new_key(), authorization="Bearer nonsense")
    assert statuses_of(door, beside_a_session) == [429], "the token decides"


def test_a_system_that_is_refused_on_the_loop_is_told_in_oauth_s_words() -> None:
    door = Gate(per_minute=1, pause_s=0)
    refusal = [door.refusal(scope("/oauth/token")) for _ in range(2)][1]
    assert refusal

    async def answer(asked: Any, _: Any, send: Any) -> None:
        await refuse(asked, send, refusal=refusal)

    start, body = answered(answer, scope("/oauth/token", method="POST"))
    assert (start["status"], dict(start["headers"])[b"content-type"]) == (429, b"application/json")
    assert json.loads(body["body"])["error"] == "temporarily_unavailable"


def test_an_address_whose_sign_in_is_locked_still_gets_tokens(closed: str) -> None:
    door = Gate(per_minute=10)
    assert statuses_of(door, scope("/oauth/token", method="POST", at=closed)) == [200]
    assert statuses_of(door, scope("/sign-in", method="POST", at=closed)) == [429]


def test_reports_with_a_token_that_was_replaced_use_up_none_of_the_new_one() -> None:
    source_id = uuid4()
    (_, old), (_, new) = new_report_token(source_id=source_id), new_report_token(source_id=source_id)
    old_asks, new_asks = (
        scope(f"/api/sources/{source_id}/health", method="POST", authorization=f"Bearer {token}")
        for token in (old, new)
    )
    door = Gate(per_minute=1, reports_per_minute=2)
    assert statuses_of(door, *[old_asks] * 3, *[new_asks] * 3) == [200, 200, 429, 200, 200, 429]
