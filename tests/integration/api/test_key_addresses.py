"""Keys that a system publishes at an address: what is fetched, and that the address is no way to attack us."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog.testing
from django.utils import timezone

from aggregator.accounts.key_fetching import published_keys
from aggregator.accounts.models import Client
from aggregator.audit.models import AuditEvent
from aggregator.errors import Invalid
from tests.machine import ask_for_token, register
from tests.signing import claims, ec_key, key_set, rsa_key, signed
from tests.world import make_world

pytestmark = pytest.mark.django_db


@dataclass
class Publisher:
    """A server that says one thing, whatever is asked; `asked` are the paths."""

    body: bytes = field(default_factory=lambda: key_set().encode())
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def publishing() -> Iterator[Publisher]:
    said = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  a caller that left is no news
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said.url = f"http://127.0.0.1:{server.server_port}/keys"
    try:
        yield said
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    make_world()
    published_keys.cache_clear()
    with publishing() as said:
        yield said
    published_keys.cache_clear()


def test_a_client_signs_with_a_key_that_it_publishes(publisher: Publisher) -> None:
    register(key_set_url=publisher.url)
    assert Client.objects.get().key_set is None
    for key in (rsa_key(), ec_key()):
        assert ask_for_token(signed(claims(timezone.now()), key=key)).status_code == 200
    assert publisher.asked == ["/keys"], "fetched when it was registered, and kept"
    named = signed(claims(timezone.now()), header={"jku": publisher.url})
    assert ask_for_token(named).status_code == 200
    assert ask_for_token(signed(claims(timezone.now()), header={"jku": f"{publisher.url}2"})).status_code == 401
    assert publisher.asked == ["/keys"]


def test_an_unknown_key_fetches_nothing_anew(publisher: Publisher) -> None:
    register(key_set_url=publisher.url)
    for number in range(5):
        assert ask_for_token(signed(claims(timezone.now()), header={"kid": f"{number}"})).status_code == 401
    assert len(publisher.asked) == 1


BOMB = gzip.compress(b" " * 50_000_000)
# What is said at the address, by what it tries.
HOSTILE: dict[str, dict[str, Any]] = {
    "a redirect inside": {"status": 302, "headers": {"Location": "http://127.0.0.1:9/keys"}},
    "a redirect elsewhere": {"status": 307, "headers": {"Location": "https://evil.example/keys"}},
    "a redirect with keys in it": {"status": 301, "headers": {"Location": "/other"}, "body": key_set().encode()},
    "a bomb": {"body": BOMB, "headers": {"Content-Encoding": "gzip"}},
    "a bomb within a bomb": {"body": gzip.compress(BOMB), "headers": {"Content-Encoding": "gzip, gzip"}},
    "too long": {"body": key_set().encode() + b" " * 70_000},
    "no JSON": {"body": b"<html>", "headers": {"Content-Type": "application/json"}},
    "deep": {"body": b'{"keys":' + b"[" * 30_000 + b"]" * 30_000 + b"}"},
    "10,000 keys": {"body": json.dumps({"keys": [{"kty": "EC"}] * 4_000}).encode()},
    "a private key": {"body": json.dumps({"keys": [rsa_key().as_dict(private=True)]}).encode()},
    "a weak key": {"body": json.dumps({"keys": [rsa_key(1024, "weak").as_dict(private=False)]}).encode()},
    "a symmetric key": {"body": json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "rsa"}]}).encode()},
    "nothing": {"body": b""},
    "not there": {"status": 404},
    "a fault with keys in it": {"status": 500, "body": key_set().encode()},
    "cut short": {"headers": {"Content-Length": "100000"}, "body": b'{"keys": ['},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_answer_registers_a_client_or_lets_one_in(name: str, publisher: Publisher) -> None:
    """T15: neither at first, nor when an address turns hostile later."""
    good = Publisher()
    register(key_set_url=publisher.url)
    published_keys.cache_clear()
    said = {"status": good.status, "headers": {}, "body": good.body, **HOSTILE[name]}
    publisher.status, publisher.headers, publisher.body = said["status"], said["headers"], said["body"]
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            answer = ask_for_token()
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert AuditEvent.objects.latest("seq").detail["why"] == "key-set"
    assert publisher.asked == ["/keys", "/keys"], "that it failed is remembered, and nothing else is followed"
    assert not [line for line in logged if "127.0.0.1" in str(line)], "no address in the log"
    with pytest.raises(Invalid) as refused:
        register(oauth_id="second-system", key_set_url=f"{publisher.url}/second")
    assert refused.value.field == "key_set_url"
    assert Client.objects.count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/keys",
        "https://[fe80::1]/keys",
        "https://[::ffff:10.0.0.1]/keys",
        "ftp://ward.example/keys",
        "file:///etc/passwd",
        "https://user:secret@ward.example/keys",
        "https://ward.example/keys#rsa",
        "//ward.example/keys",
        "https://[",
        "keys",
        "https://" + "x" * 600,
    ],
)
def test_no_address_inside_is_asked(address: str, publisher: Publisher) -> None:
    """T15."""
    with pytest.raises(Invalid) as refused:
        register(key_set_url=address)
    assert refused.value.field == "key_set_url"
    assert not Client.objects.exists()


def test_a_name_that_leads_inside_is_not_connected_to(publisher: Publisher, settings: Any) -> None:
    """T15: what a name leads to is judged when it is connected to."""
    settings.SOURCE_NETWORKS = ()
    with pytest.raises(Invalid):
        register(key_set_url=publisher.url.replace("127.0.0.1", "localhost"))
    assert publisher.asked == []
