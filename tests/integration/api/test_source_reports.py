"""Sources report how they are: with a token of their own, of themselves alone, in the form that the schema says."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.acting import Act
from aggregator.audit.models import AuditEvent
from aggregator.health.models import ReportToken, SourceHealth, SourceReport
from aggregator.health.report_tokens import new_report_token
from aggregator.services.add_source import add_source
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.list_sources import list_sources
from aggregator.services.sources.make_report_token import make_report_token
from aggregator.sources.models import Source
from launcher import children, processes
from launcher.children import Server
from tests.door import Visitor
from tests.guard.test_audit_of_services import SOURCE
from tests.world import PASSWORD, make_world, signed_in_client

pytestmark = pytest.mark.django_db

EXAMPLE = Path(__file__).parents[3] / "examples" / "report_health.py"
WORKS = {"status": "up"}


@pytest.fixture
def source_id() -> UUID:
    make_world()
    return Source.objects.get().id


@pytest.fixture
def token(source_id: UUID) -> str:
    return made(source_id)


def made(source_id: UUID) -> str:
    return make_report_token(requester=operator(), source_id=source_id, now=timezone.now())


def post(source_id: UUID, token: str | None, body: Any, *, kind: str = "application/json") -> Any:
    headers = {"host": "testserver", **({"authorization": f"Bearer {token}"} if token is not None else {})}
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return Client(headers=headers).post(f"/api/sources/{source_id}/health", content, content_type=kind)


def test_a_source_reports_and_the_board_shows_it_at_once(source_id: UUID, token: str) -> None:
    began = time.monotonic()
    said = {"status": "degraded", "message": "Disk nearly full", "interval_s": 30, "counters": {"queue": 7}}
    assert post(source_id, token, said).status_code == 204
    (line,) = list_sources(requester=operator(), now=timezone.now())
    assert time.monotonic() - began < 2
    assert line.health is not None
    assert (line.health.judgement.condition, line.health.message) == ("degraded", "Disk nearly full")
    assert [reason.value for reason in line.health.judgement.reasons] == ["reports-degraded"]
    assert line.health.counters == {"queue": 7}


def test_the_same_again_is_no_new_row(source_id: UUID, token: str) -> None:
    for body in (WORKS, WORKS, {"status": "down"}, WORKS):
        assert post(source_id, token, body).status_code == 204
    assert list(SourceReport.objects.order_by("id").values_list("status", flat=True)) == ["up", "down", "up"]


def test_a_message_that_counts_is_no_new_row_and_the_last_is_told(source_id: UUID, token: str) -> None:
    bodies = [{"status": "degraded", "message": f"{waiting} messages wait"} for waiting in range(5)]
    for body in (*bodies, WORKS):
        assert post(source_id, token, body).status_code == 204
    assert post(source_id, token, {"status": "up", "message": "All sent"}).status_code == 204
    kept = SourceReport.objects.order_by("id").values_list("status", "message")
    assert list(kept) == [("degraded", "0 messages wait"), ("up", WORKS.get("message", ""))]
    (line,) = list_sources(requester=operator(), now=timezone.now())
    assert line.health is not None
    assert line.health.message == "All sent"


def test_a_message_is_kept_without_what_would_change_what_stands_beside_it(source_id: UUID, token: str) -> None:
    for _ in range(2):
        said = {"status": "up", "message": "Disk\u202e 90 %\nfull\u001b[31m \U0001f642"}
        assert post(source_id, token, said).status_code == 204
    assert SourceReport.objects.get().message == "Disk 90 % full[31m \U0001f642"
    assert SourceHealth.objects.get().report_message == SourceReport.objects.get().message


def test_without_a_token_of_ours_nothing_is_looked_up(source_id: UUID, token: str) -> None:
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    with connection.execute_wrapper(refuses_queries):
        for wrong in (None, "", "x", forged, token[:-4], "a" * 5000, "é"):
            answer = post(source_id, wrong, WORKS)
            assert answer.status_code == 401, wrong
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json() == {"title": "A token is needed with which this source may report.", "status": 401}
        assert post(uuid4(), token, WORKS).status_code == 403
        for malformed in ("", "{", "[]", '{"status": "up", "status": "down"}', "{}", "null", b"\xff", "[" * 3000):
            assert post(source_id, token, malformed).status_code == 400, malformed
        assert post(source_id, token, WORKS, kind="text/plain").status_code == 415
        assert post(source_id, token, {"status": "up", "message": "x" * 9000}).status_code == 413
    assert SourceHealth.objects.get().reported_at is None
    assert not SourceReport.objects.exists()


def refuses_queries(*_: Any) -> None:
    raise AssertionError("the database was asked")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "UP"},
        {"status": None},
        {"status": 1},
        {"message": "x" * 201},
        {"message": None},
        {"message": 5},
        {"interval_s": 4},
        {"interval_s": 86_401},
        {"interval_s": "30"},
        {"interval_s": 30.5},
        {"interval_s": True},
        {"counters": {"Queue": 1}},
        {"counters": {"queue": -1}},
        {"counters": {"queue": "1"}},
        {"counters": {"queue": 2**53}},
        {"counters": {f"c{number}": 1 for number in range(21)}},
        {"counters": []},
        {"patient": "9990001006"},
    ],
)
def test_a_report_in_another_form_is_refused_and_not_echoed(source_id: UUID, token: str, wrong: Any) -> None:
    answer = post(source_id, token, {**WORKS, **wrong})
    assert answer.status_code == 400
    assert "9990001006" not in answer.content.decode()
    assert not SourceReport.objects.exists()


def test_a_token_is_of_one_source_and_good_for_nothing_else(source_id: UUID, token: str) -> None:
    add_source(requester=operator(), source=SOURCE, check=False)
    other = Source.objects.exclude(id=source_id).get().id
    assert post(other, token, WORKS).status_code == 403
    assert post(other, made(other), WORKS).status_code == 204
    client = Client(headers={"host": "testserver", "authorization": f"Bearer {token}"})
    for path in ("/api/users", "/fhir/Patient/1/$everything", f"/api/sources/{source_id}/health"):
        assert client.get(path).status_code in {401, 405}, path
    assert signed_in_client("ms.lane").post(f"/api/sources/{source_id}/health", WORKS).status_code == 401


def test_a_token_ends_when_it_is_replaced_or_ended_and_the_refusal_is_kept(source_id: UUID, token: str) -> None:
    other = made(source_id)
    assert post(source_id, token, {"status": "down"}).status_code == 403
    assert AuditEvent.objects.latest("seq").action == "report-health"
    assert post(source_id, other, {"status": "down", "interval_s": 5}).status_code == 204
    assert SourceHealth.objects.get().condition == "down"
    end_report_token(requester=operator(), source_id=source_id, reason="Retired.", now=timezone.now())
    assert post(source_id, other, WORKS).status_code == 403
    row = SourceHealth.objects.get()
    assert (row.condition, row.reported_at, row.report_statuses) == ("unknown", None, [])


@pytest.mark.django_db(transaction=True)
def test_nothing_is_reported_once_the_token_has_ended_however_the_two_meet(
    source_id: UUID, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Act.begin

    def end_before(act: Act) -> None:
        monkeypatch.setattr(Act, "begin", begin)
        ending = threading.Thread(target=end_on_another_connection, args=(source_id,))
        ending.start()
        ending.join()
        begin(act)

    monkeypatch.setattr(Act, "begin", end_before)
    assert post(source_id, token, {"status": "down", "interval_s": 5}).status_code == 403
    row = SourceHealth.objects.get()
    assert (row.condition, row.reported_at, row.report_interval_s) == ("unknown", None, None)


def end_on_another_connection(source_id: UUID) -> None:
    try:
        end_report_token(requester=operator(), source_id=source_id, reason="Lost.", now=timezone.now())
    finally:
        connection.close()


def test_only_a_hash_of_a_token_is_kept(source_id: UUID, token: str) -> None:
    kept = ReportToken.objects.values().get()
    assert token not in str(kept)
    assert token.partition(".")[0] not in str(kept)
    _, signed_but_unknown = new_report_token(source_id=source_id)
    assert post(source_id, signed_but_unknown, WORKS).status_code == 403


def test_the_schema_describes_the_report() -> None:
    make_world()
    schema = signed_in_client("ms.lane").get("/api/schema/").json()
    described = schema["paths"]["/api/sources/{source_id}/health"]["post"]
    assert described["security"] == [{"report-token": []}]
    body = schema["components"]["schemas"]["ReportInput"]
    assert body["required"] == ["status"]
    assert body["properties"]["message"]["maxLength"] == 200
    assert (body["properties"]["interval_s"]["minimum"], body["properties"]["interval_s"]["maximum"]) == (5, 86400)


# The real web process


@pytest.fixture
def web(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    server = children.start_web(environment=process_environment, logs=tmp_path)
    try:
        processes.wait_until(ready=lambda: server.answers("/livez"), child=server.child, within_s=60)
        yield server
    finally:
        processes.stop(children=[server.child])


CONNECTIONS = 330
# Fewer from one address than a process takes.
PER_ADDRESS = 30


def flood(port: int, *, number: int, source_id: UUID, token: str, until: float) -> Counter[int]:
    """Report as often as one connection can, and return the statuses."""
    seen = Counter[int]()
    link = HTTPConnection("127.0.0.1", port, timeout=30, source_address=(f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": f"127.0.0.1:{port}"}
    while time.monotonic() < until:
        link.request("POST", f"/api/sources/{source_id}/health", json.dumps(WORKS), headers)
        answer = link.getresponse()
        answer.read()
        seen[answer.status] += 1
    link.close()
    return seen


@pytest.mark.django_db(transaction=True)
def test_a_flood_of_reports_is_refused_before_the_database_and_pages_are_served(
    web: Server, source_id: UUID, token: str
) -> None:
    lasting_s = float(os.environ.get("REPORT_FLOOD_S", "4"))
    reader = Visitor(web.address)
    reader.sign_in("ms.lane", PASSWORD)
    pages: list[float] = []
    before, until = commits(), time.monotonic() + lasting_s
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = [
            pool.submit(flood, web.port, number=number, source_id=source_id, token=token, until=until)
            for number in range(CONNECTIONS)
        ]
        while not all(job.done() for job in jobs):
            began = time.monotonic()
            assert "Sign out" in reader.get("/sources").body
            pages.append(time.monotonic() - began)
            time.sleep(0.2)
        statuses = sum((job.result() for job in jobs), Counter[int]())
    time.sleep(1.2)  # PostgreSQL publishes its counts once a second
    committed = commits() - before
    assert set(statuses) == {204, 429}
    assert statuses[204] <= 62 + lasting_s
    assert statuses[429] > 150 * lasting_s
    # The first waits while 330 connections are made; this process makes them, on the same two cores.
    assert statistics.median(pages) < 0.6
    assert max(pages) < 5
    # A few for each report that was taken and each page; nothing for those that were not.
    assert committed < 10 * (statuses[204] + len(pages))


def commits() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)


@pytest.mark.django_db(transaction=True)
def test_the_example_reports(web: Server, source_id: UUID, token: str) -> None:
    url = f"http://127.0.0.1:{web.port}/api/sources/{source_id}/health"

    def run(*arguments: str, token: str = token) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(EXAMPLE), url, "--once", *arguments],
            env={"REPORT_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert run("--status", "degraded", "--message", "Slow disk").returncode == 0
    assert (SourceReport.objects.get().status, SourceReport.objects.get().message) == ("degraded", "Slow disk")
    assert run("--probe", f"http://127.0.0.1:{web.port}/livez").returncode == 0
    assert SourceReport.objects.latest("id").status == "up"
    assert run("--probe", "http://127.0.0.1:9/").returncode == 0
    assert SourceReport.objects.latest("id").message == "does not answer"
    refused = run(token="nonsense")
    assert (refused.returncode, refused.stderr) == (1, "The report was not taken: status 401.\n")


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"]
)
def test_the_example_says_that_what_answers_nonsense_is_down_and_goes_on(answer: bytes) -> None:
    spec = importlib.util.spec_from_file_location("report_health", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    with nonsense(answer) as address:
        status, _ = example.probe(url=address, slow_s=2.0)
        assert status == "down"
        if not answer.startswith(b"HTTP"):
            with pytest.raises(example.NotTaken) as refused:
                example.report(url=address, token="x", status="up")
            assert refused.value.status == 0


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Moved", "200 Sign in"])
def test_what_the_example_is_sent_elsewhere_by_gets_no_token_and_has_taken_no_report(status: str) -> None:
    with nonsense(b"HTTP/1.1 204 Taken\r\n\r\n") as elsewhere:
        redirect = f"HTTP/1.1 {status}\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        with nonsense(redirect.encode()) as address:
            sent = subprocess.run(
                [sys.executable, "-I", str(EXAMPLE), address],
                env={"REPORT_TOKEN": "x"},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
    assert (sent.returncode, sent.stderr) == (1, f"The report was not taken: status {status[:3]}.\n")


@contextmanager
def nonsense(answer: bytes) -> Iterator[str]:
    """Serve a few bytes to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection_, _ = listening.accept()
                    with connection_:
                        connection_.recv(65536)
                        connection_.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
