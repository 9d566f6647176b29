"""Each fault of the proxy does what it says, over real connections; without one the answer is the source's own."""

from __future__ import annotations

import asyncio
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from launcher.processes import listening_socket
from simulator.certificates import make_authority
from simulator.connection_faults import ConnectionFault, Kind, read_connection_fault, read_schedule
from simulator.faults import BadFault
from simulator.proxy import FaultProxy, control_app
from tests.unit.simulator.served import Client, serving, story

ROYAL = "thornmere-royal"
WHO = story("twins")["sources"][ROYAL]


@dataclass(frozen=True, kw_only=True)
class Way:
    """The way to one source: straight, and by the proxy."""

    source: Client
    proxy: FaultProxy
    session: aiohttp.ClientSession
    trusted: ssl.SSLContext | None

    @property
    def straight(self) -> str:
        return self.source.base

    @property
    def base(self) -> str:
        return self.proxy.address + urlsplit(self.straight).path

    async def get(self, path: str = "metadata") -> tuple[int, bytes]:
        url = f"{self.base}/{path}"
        async with self.session.get(url, ssl=self.trusted or True) as answer:
            return answer.status, await answer.read()

    async def raw(self, path: str = "metadata") -> bytes:
        """Return every byte that comes until the connection is closed. Raises: ConnectionResetError."""
        parts = urlsplit(self.base)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = f"GET {parts.path}/{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        came = b""
        try:
            while part := await reader.read(65536):
                came += part
        except ConnectionResetError as error:
            raise ConnectionResetError(came) from error
        finally:
            writer.close()
        return came


@asynccontextmanager
async def the_way(*, folder: Path | None = None) -> AsyncIterator[Way]:
    trusted = good = wrong = None
    if folder:
        authority = make_authority(folder)
        good = authority.server_context()
        wrong = make_authority(folder, name="another").server_context()
        trusted = ssl.create_default_context(cafile=str(authority.trusted))
    async with serving(ROYAL) as source, aiohttp.ClientSession() as session:
        proxy = FaultProxy(upstream=source.root, listening=listening_socket(), tls=good, wrong_tls=wrong)
        await proxy.start()
        try:
            yield Way(source=source, proxy=proxy, session=session, trusted=trusted)
        finally:
            await proxy.close()


Steps = Callable[[Way], Awaitable[Any]]


def with_fault(steps: Steps, kind: Kind | None, *, folder: Path | None = None, **more: Any) -> Any:
    async def run() -> Any:
        async with the_way(folder=folder) as way:
            await way.proxy.put(fault=ConnectionFault(kind=kind, **more) if kind else None)
            return await steps(way)

    return asyncio.run(run())


def body_of(sent: bytes) -> bytes:
    return sent.partition(b"\r\n\r\n")[2]


def head_of(sent: bytes) -> str:
    return sent.partition(b"\r\n\r\n")[0].decode()


async def whole(way: Way) -> bytes:
    """Return the CapabilityStatement as the source sends it when it is asked straight."""
    async with way.session.get(
        f"{way.straight}/metadata", headers={"Host": urlsplit(way.base).netloc, "Accept-Encoding": "identity"}
    ) as answer:
        return await answer.read()


# No fault


@pytest.mark.parametrize("encrypted", [False, True])
def test_without_a_fault_the_answer_is_the_sources_own(tmp_path: Path, encrypted: bool) -> None:
    async def steps(way: Way) -> None:
        found = f"Patient?identifier={WHO}"
        for _ in range(3):  # on a connection that is kept
            assert (await way.get())[0] == 200
        async with way.session.get(f"{way.base}/{found}", ssl=way.trusted or True) as by_proxy:
            assert by_proxy.headers["Content-Encoding"] == "gzip"
            assert by_proxy.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
            answer = await by_proxy.json(content_type=None)
        straight = (await way.source.get(found)).json
        assert [one["resource"] for one in answer["entry"]] == [one["resource"] for one in straight["entry"]]
        async with way.session.post(
            f"{way.base}/Patient/_search", data={"identifier": WHO}, ssl=way.trusted or True
        ) as posted:
            assert (await posted.json(content_type=None))["total"] == 1
        assert (await way.get("Nothing/here"))[0] == 404
        assert way.proxy.paths[-1].endswith("/Nothing/here")

    with_fault(steps, None, folder=tmp_path if encrypted else None)


def test_a_client_that_waits_to_be_told_to_send_its_body_is_told() -> None:
    async def steps(way: Way) -> None:
        async with asyncio.timeout(20):
            async with way.session.post(
                f"{way.base}/AllergyIntolerance/_search", data={"patient": "none"}, expect100=True
            ) as answer:
                assert answer.status == 200

    with_fault(steps, None)


def test_a_source_that_resets_or_is_not_there_is_passed_on_as_a_reset() -> None:
    async def steps(way: Way) -> None:
        await way.source.put_fault(local_id="*", mode="refuse")
        with pytest.raises(aiohttp.ClientConnectionError):
            await way.get()

    with_fault(steps, None)


# Times


def test_latency_is_at_least_its_seconds_and_jitter_at_most() -> None:
    async def took(way: Way) -> float:
        began = time.monotonic()
        assert (await way.get())[0] == 200
        return time.monotonic() - began

    async def drawn(way: Way) -> list[float]:
        return [await took(way) for _ in range(6)]

    assert with_fault(took, Kind.LATENCY, seconds=0.3) > 0.3
    times = with_fault(drawn, Kind.JITTER, seconds=0.2)
    assert max(times) - min(times) > 0.04
    assert max(times) < 0.2 + 0.2


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.STALL])
def test_nothing_more_comes_and_others_are_answered_meanwhile(kind: Kind) -> None:
    async def steps(way: Way) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(way.get(), timeout=0.3)
        assert (await way.get(f"Patient?identifier={WHO}"))[0] == 200

    with_fault(steps, kind, path="metadata")


def test_a_drip_comes_sixteen_bytes_at_a_time() -> None:
    async def steps(way: Way) -> None:
        async with way.session.get(f"{way.base}/metadata") as answer:
            parts = [await answer.content.readany() for _ in range(3)]
            assert all(0 < len(part) <= 16 for part in parts)

    with_fault(steps, Kind.DRIP, seconds=0.02)


def test_a_drip_that_ends_is_whole() -> None:
    async def steps(way: Way) -> None:
        expected = await whole(way)
        assert (await way.get())[1] == expected

    with_fault(steps, Kind.DRIP, seconds=0)


# What is lost


@pytest.mark.parametrize(
    ("kind", "least"), [(Kind.RESET, b""), (Kind.RESET_IN_HEAD, b"HTTP/1.1 200"), (Kind.RESET_IN_BODY, b"HTTP/1.1 200")]
)
def test_a_reset_is_one_where_it_says(kind: Kind, least: bytes) -> None:
    async def steps(way: Way) -> None:
        with pytest.raises(ConnectionResetError) as caught:
            await way.raw()
        (came,) = caught.value.args
        assert came.startswith(least)
        assert (b"\r\n\r\n" in came) == (kind is Kind.RESET_IN_BODY)
        assert bool(came) == (kind is not Kind.RESET)
        if kind is Kind.RESET_IN_BODY:
            expected = await whole(way)
            assert body_of(came) == expected[: len(expected) // 2]

    with_fault(steps, kind, path="metadata", times=1)


def test_a_truncated_answer_is_closed_before_its_length_has_come() -> None:
    async def steps(way: Way) -> None:
        sent = await way.raw()
        expected = await whole(way)
        assert f"Content-Length: {len(expected)}" in head_of(sent)
        assert body_of(sent) == expected[: len(expected) // 2]

    with_fault(steps, Kind.TRUNCATED, times=1)


def test_truncated_chunks_lack_the_last_one() -> None:
    async def steps(way: Way) -> None:
        sent = await way.raw()
        assert "Transfer-Encoding: chunked" in head_of(sent)
        assert "Content-Length" not in head_of(sent)
        assert not sent.endswith(b"0\r\n\r\n")

    with_fault(steps, Kind.TRUNCATED_CHUNKS)


def test_an_answer_that_is_truncated_without_a_word_looks_whole() -> None:
    async def steps(way: Way) -> None:
        status, body = await way.get()
        async with way.session.get(f"{way.straight}/metadata") as straight:
            whole_size = len(await straight.read())
        assert status == 200
        assert 0 < len(body) <= whole_size // 2 + 1

    with_fault(steps, Kind.TRUNCATED_UNSAID)


# What is wrong


def test_wrong_bytes_are_in_the_middle_and_the_length_is_right() -> None:
    async def steps(way: Way) -> None:
        (_, body), expected = await way.get(), await whole(way)
        differ = [at for at, (left, right) in enumerate(zip(body, expected, strict=True)) if left != right]
        assert 0 < len(differ) <= 4
        assert abs(differ[0] - len(expected) // 2) <= 4

    with_fault(steps, Kind.WRONG_BYTES, times=1)


def test_a_bad_status_line_is_none_of_http() -> None:
    async def steps(way: Way) -> None:
        assert (await way.raw()).startswith(b"HTTP/1.1 2OO ")
        with pytest.raises(aiohttp.ClientResponseError):
            await way.get()

    with_fault(steps, Kind.BAD_STATUS_LINE)


def test_a_false_encoding_is_said_of_a_plain_body() -> None:
    async def steps(way: Way) -> None:
        sent = await way.raw()
        assert "Content-Encoding: gzip" in head_of(sent)
        assert body_of(sent) == await whole(way)

    with_fault(steps, Kind.FALSE_ENCODING, times=1)


# Connecting


def test_a_refused_connection_is_refused_at_the_same_port_until_the_fault_is_gone() -> None:
    async def steps(way: Way) -> None:
        assert (await way.get())[0] == 200  # so there is a connection that is kept
        address = way.proxy.address
        await way.proxy.put(fault=ConnectionFault(kind=Kind.REFUSED))
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectorError) as caught:
                await way.get()
            assert isinstance(caught.value.os_error, ConnectionRefusedError)
        await way.proxy.put(fault=None)
        assert way.proxy.address == address
        assert (await way.get())[0] == 200

    with_fault(steps, None)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.WRONG_CERTIFICATE, aiohttp.ClientConnectorCertificateError),
        (Kind.HANDSHAKE_ABORTED, aiohttp.ClientConnectorError),
    ],
)
def test_a_fault_of_tls_is_met_while_connecting(tmp_path: Path, kind: Kind, error: type[Exception]) -> None:
    async def steps(way: Way) -> None:
        assert (await way.get())[0] == 200
        await way.proxy.put(fault=ConnectionFault(kind=kind))
        with pytest.raises(error):
            await way.get()
        await way.proxy.put(fault=None)
        assert (await way.get())[0] == 200

    with_fault(steps, None, folder=tmp_path)


def test_a_fault_of_tls_cannot_be_where_nothing_is_encrypted() -> None:
    with pytest.raises(BadFault):
        with_fault(Way.get, Kind.WRONG_CERTIFICATE)


def test_a_schedule_of_such_a_fault_is_refused_at_once_and_leaves_all_as_it_is() -> None:
    async def steps(way: Way) -> None:
        await way.proxy.put(fault=ConnectionFault(kind=Kind.RESET))
        with pytest.raises(BadFault):
            way.proxy.begin(schedule=read_schedule(text="well:60,wrong-certificate:60"))
        assert way.proxy.faults.current == ConnectionFault(kind=Kind.RESET)

    with_fault(steps, None)
    command = [sys.executable, "-m", "simulator", "proxy", "--upstream", "http://127.0.0.1:9", "--port", "0"]
    refused = subprocess.run(
        [*command, "--schedule", "well:60,wrong-certificate:60"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (refused.returncode, refused.stderr) == (1, "simulator: wrong-certificate needs a proxy that encrypts\n")


# Which request


def test_a_fault_meets_the_requests_that_it_is_for() -> None:
    async def steps(way: Way) -> list[bool]:
        failed = []
        for path in ("metadata", "Patient?identifier=0", "metadata", "metadata", "metadata"):
            try:
                await way.raw(path)  # aiohttp would ask again by itself
                failed.append(False)
            except ConnectionError:
                failed.append(True)
        return failed

    def met(kind: Kind, **which: Any) -> Any:
        return with_fault(steps, kind, **which)

    assert met(Kind.RESET, path="metadata") == [True, False, True, True, True]
    assert met(Kind.RESET, path="metadata$", nth=2) == [False, False, True, True, True]
    assert met(Kind.RESET, path="metadata", nth=2, times=1) == [False, False, True, False, False]
    assert met(Kind.RESET, path=r"\?identifier=") == [False, True, False, False, False]
    # One of connecting follows the request that it is told of.
    assert met(Kind.REFUSED, path="metadata", nth=2) == [False, False, False, True, True]


# As a process


def test_it_runs_as_a_process_whose_faults_are_named_at_an_address_of_its_own(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)

    async def steps(way: Way) -> None:
        command = [sys.executable, "-m", "simulator", "proxy", "--upstream", way.straight, "--port", "0"]
        process = await asyncio.create_subprocess_exec(
            *command, "--certificate", str(authority.server), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            control = (await process.stdout.readline()).decode().removeprefix("control ").strip()
            address = (await process.stdout.readline()).decode().removeprefix("ready ").strip()
            trusted = ssl.create_default_context(cafile=str(authority.trusted))
            url = f"{address}{urlsplit(way.straight).path}/metadata"

            async def statuses() -> int:
                async with way.session.get(url, ssl=trusted) as answer:
                    return answer.status

            async def told(method: str, **more: Any) -> tuple[int, Any]:
                async with way.session.request(method, f"{control}/fault", **more) as answer:
                    return answer.status, await answer.json()

            assert await statuses() == 200
            assert await told("GET") == (200, None)
            assert (await told("PUT", json={"kind": "wrong-certificate"}))[0] == 201
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await statuses()
            assert (await told("GET"))[1]["kind"] == "wrong-certificate"
            for wrong in ({"kind": "asleep"}, {}, [], {"kind": "hang", "path": "("}, {"kind": "hang", "nth": 0}):
                assert (await told("PUT", json=wrong))[0] == 400
            assert (await told("PUT", json={"kind": "refused", "times": 2}))[0] == 400
            assert await told("DELETE") == (200, None)
            assert await statuses() == 200
            for text, status in (("asleep:3", 400), ("refused:60,well:60", 201)):
                async with way.session.put(f"{control}/schedule", data=text) as answer:
                    assert answer.status == status
            await asyncio.sleep(0.1)
            assert (await told("GET"))[1]["kind"] == "refused"
            async with way.session.get(f"{control}/requests") as asked:
                assert await asked.json() == [urlsplit(url).path] * 2
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), timeout=10) == 0
        finally:
            if process.returncode is None:
                process.kill()

    with_fault(steps, None)


def test_faults_come_and_go_by_a_schedule() -> None:
    async def steps(way: Way) -> None:
        way.proxy.begin(schedule=read_schedule(text="well:0.3,reset:0.3,hang:0.3"))
        seen: list[Kind | None] = []
        until = time.monotonic() + 1.3
        while time.monotonic() < until:
            current = way.proxy.faults.current
            if (kind := current.kind if current else None) not in seen[-1:]:
                seen.append(kind)
            await asyncio.sleep(0.01)
        assert seen == [None, Kind.RESET, Kind.HANG, None, Kind.RESET]
        await way.proxy.put(fault=None)
        await asyncio.sleep(0.6)
        assert way.proxy.faults.current is None

    with_fault(steps, None)


@pytest.mark.parametrize("text", ["", "well", "asleep:3", "well:0", "well:-1", "hang:soon", "well:30,,"])
def test_a_schedule_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadFault):
        read_schedule(text=text)


@pytest.mark.parametrize("number", [1e400, "soon", None, []])
def test_a_fault_whose_number_is_none_is_refused(number: Any) -> None:
    with pytest.raises(BadFault):
        read_connection_fault(described={"kind": "hang", "nth": number})


def test_the_control_address_is_not_the_proxys_own() -> None:
    """What is asked for at the proxy belongs to the source, whatever its path."""

    async def steps(way: Way) -> None:
        async with way.session.put(f"{way.proxy.address}/fault", json={"kind": "hang"}) as answer:
            assert answer.status == 405
        assert way.proxy.faults.current is None
        assert [route.resource.canonical for route in control_app(proxy=way.proxy).router.routes() if route.resource]

    with_fault(steps, None)
