"""A web process with the real hash, while passwords are guessed on many connections."""

from __future__ import annotations

import re
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings

from aggregator.audit.models import AuditEvent
from launcher import children, processes
from launcher.children import Server
from tests.door import Visitor
from tests.world import PASSWORD, make_world

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTIONS = 30
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
MOST_MEMORY = re.compile(r"VmHWM:\s+(\d+) kB")
HASHED_MIB = 46


@pytest.fixture
def real_hash() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["aggregator.accounts.hashing.Argon2"]):
        cache.clear()
        make_world()
        yield
    cache.clear()


@pytest.fixture
def web(process_environment: dict[str, str], tmp_path: Path, real_hash: None) -> Iterator[Server]:
    """Run a web process as it is installed, but for https."""
    environment = {**process_environment, "DJANGO_SETTINGS_MODULE": "tests.real_hash_settings"}
    server = children.start_web(environment=environment, logs=tmp_path)
    try:
        processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
        yield server
    finally:
        processes.stop(children=[server.child])


def guess(port: int, names: list[str], *, own_address: str) -> Counter[int]:
    """Try one wrong password for each name, on one connection; return the statuses."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30, source_address=(own_address, 0))
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    token = TOKEN.search(answer.read().decode())
    cookie = (answer.headers["Set-Cookie"] or "").split(";")[0]
    assert token
    statuses = Counter[int]()
    for name in names:
        form = {"csrfmiddlewaretoken": token[1], "username": name, "password": "a guess"}
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/sign-in", body=urllib.parse.urlencode(form), headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    connection.close()
    return statuses


def most_memory_mib(server: Server) -> float:
    found = MOST_MEMORY.search(Path(f"/proc/{server.child.process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def hashed() -> int:
    """Return how many wrong passwords have been looked at; events of other tests stay in the audit."""
    return AuditEvent.objects.filter(action="sign-in", detail__code="sign-in").count()


def test_an_attack_is_hashed_up_to_the_limit_and_pages_are_served_meanwhile(web: Server) -> None:
    reader = Visitor(web.address)
    reader.sign_in("dr.osei", PASSWORD)
    before = most_memory_mib(web)
    events_before = hashed()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        guessing = [
            threads.submit(guess, web.port, [f"name.{number}.{each}" for each in range(4)], own_address="127.0.0.2")
            for number in range(CONNECTIONS)
        ]
        served = 0
        while not all(each.done() for each in guessing):
            assert "Sign out" in reader.get("/").body
            served += 1
        statuses = sum((each.result() for each in guessing), Counter[int]())
    assert served > CONNECTIONS
    assert statuses.total() == 4 * CONNECTIONS
    # Each that was hashed left an event that says so; the rest was refused, most of it without any event.
    looked_at = hashed() - events_before
    # Where a busy machine made Redis seem away for a moment, the process counted for itself, too.
    was_away = "counted_in_this_process" in web.child.log.read_text()
    most = settings.SIGN_IN_FAILURES_PER_ADDRESS * (1.25 if was_away else 1)
    assert looked_at <= most
    assert statuses[429] >= 4 * CONNECTIONS - most
    assert most_memory_mib(web) - before < HASHED_MIB * (settings.HASHING_SLOTS + 1)
    # Whoever is elsewhere signs in as always.
    Visitor(web.address).sign_in("ms.lane", PASSWORD)


@pytest.mark.parametrize("behind_proxy", [True, False], ids=["of a trusted proxy", "of anybody"])
def test_what_a_client_says_of_its_address_counts_only_from_a_trusted_proxy(
    process_environment: dict[str, str], tmp_path: Path, real_hash: None, behind_proxy: bool
) -> None:
    proxy = {"PROXY_ADDRESSES": "127.0.0.1"} if behind_proxy else {}
    server = children.start_web(environment={**process_environment, **proxy}, logs=tmp_path)
    try:
        processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
        statuses = Counter[int]()
        for number in range(settings.SIGN_IN_FAILURES_PER_ADDRESS + 5):
            visitor = Forwarded(server.address, for_address=f"192.0.2.{number}")
            statuses[visitor.post("/sign-in", form_on="/sign-in", username=f"n.{number}", password="x").status] += 1
        assert (statuses[429] == 0) is behind_proxy
        # And one who does not say for whom it asks locks nobody out.
        silent = [
            Visitor(server.address).post("/sign-in", form_on="/sign-in", username=f"m.{number}", password="x").status
            for number in range(3)
        ]
        assert silent == [400 if behind_proxy else 429] * 3
    finally:
        processes.stop(children=[server.child])


class Forwarded(Visitor):
    """A visitor whose requests say for whom they were passed on."""

    def __init__(self, base: str, *, for_address: str) -> None:
        super().__init__(base)
        self._opener.addheaders.append(("X-Forwarded-For", for_address))
