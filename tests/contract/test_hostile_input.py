"""Hostile answers of sources: each is named right, lands inside the deadline, takes little memory, and tells no log.

The ids are those of docs/threats.md, hostile input; T25. Each case runs for every kind of connector that can meet it,
on its first page and, where the kind has pages, on a later one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.errors import Malformed, SourceError, TimedOut, Unreachable
from connectors.contract.values import Reply
from connectors.fhir_r4 import session
from connectors.gp_connect import connector as gp_connector
from connectors.promises.serving import serving
from connectors.transport.addresses import Reach
from connectors.transport.limits import TransportLimits
from connectors.transport.offload import Offload
from tests.contract.loopback import (
    CONNECTORS,
    FHIR_JSON,
    NHS_NUMBER,
    PATIENT,
    SUBJECT,
    ask,
    bundle,
    fhir_json,
    r4_capability,
    run,
)

MIB = 1024 * 1024
SECRET = "Zzyzx-Payload-Mark"  # stands in every hostile payload, and may stand in no log and no error
LIMITS = TransportLimits(page_bytes=2 * MIB, answer_bytes=4 * MIB, inflation_free_bytes=MIB)
PLACES = [("fhir_r4", "first page"), ("fhir_r4", "later page"), ("gp_connect", "first page")]
places = pytest.mark.parametrize(("kind", "place"), PLACES, ids=["r4-first", "r4-later", "gp"])

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def site(*, place: str, hostile: Respond) -> Respond:
    """A server of either kind, whose answer turns hostile at a place."""

    async def handler(request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith("metadata"):
            return fhir_json(r4_capability("AllergyIntolerance"))
        if path.endswith("/Patient"):
            return fhir_json(bundle(PATIENT))
        if place == "later page" and "page" not in request.query:
            return fhir_json(bundle(following=f"{request.url.with_query(page=2)}"))
        return await hostile(request)

    return handler


def meet(*, kind: str, place: str, hostile: Respond, seconds: float = 4.0, limits: TransportLimits = LIMITS) -> Reply:
    """Ask a server that turns hostile; fails when the answer comes late or takes much memory."""

    async def work() -> Reply:
        async with serving(site(place=place, hostile=hostile)) as base:
            return await ask(kind=kind, base=base, seconds=seconds, limits=limits)

    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        return run(work())
    finally:
        assert time.monotonic() - started < seconds + 3
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250 * 1024  # KiB


@pytest.fixture(autouse=True)
def silent_logs(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing of a payload, and no address with an identifier, is in a log."""
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRET not in caplog.text
    assert NHS_NUMBER not in "".join(one.getMessage() for one in caplog.records if one.name != "aiohttp.access")


def refused(*, kind: str, place: str, hostile: Respond, **options: Any) -> SourceError:
    """Return the failure that a hostile answer ends in; its text holds nothing of the payload or the address."""
    with pytest.raises(SourceError) as caught:
        meet(kind=kind, place=place, hostile=hostile, **options)
    text = "".join(repr(one) for one in (caught.value, caught.value.__cause__, caught.value.__context__) if one)
    assert SECRET not in str(caught.value)
    assert NHS_NUMBER not in str(caught.value)
    assert caught.value.__cause__ is None or "http" not in text
    return caught.value


@contextmanager
def offloading() -> Iterator[list[Offload]]:
    """Yield every Offload that is made meanwhile."""
    made: list[Offload] = []

    class Watched(Offload):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        for module in (session, gp_connector):
            patch.setattr(module, "Offload", Watched)
        yield made


def sends(body: bytes, *, status: int = 200, media_type: str = FHIR_JSON, **headers: str) -> Respond:
    async def respond(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers={"Content-Type": media_type, **named})

    return respond


def raw(lines: bytes) -> Respond:
    """Write bytes onto the connection itself, then close it."""

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(lines)
        await asyncio.sleep(0.05)
        request.transport.close()
        return web.Response()

    return respond


def answer(*resources: Any) -> bytes:
    return json.dumps(bundle({**PATIENT, "meta": {"tag": [{"code": SECRET}]}}, *resources, kind="collection")).encode()


def stu3_or_r4_allergy(*, kind: str, key: str = "a1") -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    made: dict[str, Any] = {
        "resourceType": "AllergyIntolerance",
        "id": key,
        "clinicalStatus": {"coding": [{"system": system, "code": "active"}]},
        "code": {"text": SECRET},
        "patient": SUBJECT,
    }
    if kind == "gp_connect":
        made |= {"clinicalStatus": "active", "verificationStatus": "unconfirmed", "assertedDate": "2020-01-01"}
    return made


# Whole answers ---------------------------------------------------------------------------------------------------


@places
def test_h01_a_gzip_bomb_is_too_large(kind: str, place: str) -> None:
    bomb = gzip.compress(b'{"' + b" " * (64 * MIB), 1)
    assert refused(kind=kind, place=place, hostile=sends(bomb, Content_Encoding="gzip")).reason == "too-large"


@places
def test_h01_a_body_over_the_limit_is_too_large(kind: str, place: str) -> None:
    assert refused(kind=kind, place=place, hostile=sends(b"{" + b" " * (3 * MIB))).reason == "too-large"


@places
def test_h02_a_cut_gzip_body_is_truncated(kind: str, place: str) -> None:
    whole = gzip.compress(answer())
    assert refused(kind=kind, place=place, hostile=sends(whole[:-20], Content_Encoding="gzip")).reason == "truncated"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "gzip, identity", "zstd"])
def test_h02_an_encoding_that_was_not_asked_for_is_said_to_be_one(encoding: str) -> None:
    hostile = sends(gzip.compress(gzip.compress(answer())), Content_Encoding=encoding)
    assert refused(kind="gp_connect", place="first page", hostile=hostile).reason == "encoding"


def test_h02_bytes_after_the_gzip_stream_are_truncated() -> None:
    hostile = sends(gzip.compress(answer()) + b"more", Content_Encoding="gzip")
    assert refused(kind="gp_connect", place="first page", hostile=hostile).reason == "truncated"


@places
def test_h03_a_drip_ends_at_the_deadline(kind: str, place: str) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": FHIR_JSON})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    assert isinstance(refused(kind=kind, place=place, hostile=drip, seconds=0.4), TimedOut)


def test_h03_headers_that_never_end_end_at_the_deadline() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        for _ in range(200):
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.02)
        return web.Response()

    failure = refused(kind="gp_connect", place="first page", hostile=drip, seconds=0.4)
    assert isinstance(failure, TimedOut)


@pytest.mark.parametrize(
    "lines",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * MIB + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
        b"GARBAGE\r\n\r\n",
    ],
    ids=["two lengths", "negative", "length and chunks", "long header", "NUL", "no HTTP"],
)
def test_h04_broken_http_is_named(lines: bytes) -> None:
    failure = refused(kind="gp_connect", place="first page", hostile=raw(lines))
    assert isinstance(failure, Malformed)
    assert failure.reason in ("bad-http", "truncated")


def test_h04_a_length_that_lies_is_truncated() -> None:
    lines = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 900\r\n\r\n{"
    assert refused(kind="gp_connect", place="first page", hostile=raw(lines)).reason == "truncated"


@places
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_h05_a_redirect_is_not_followed(kind: str, place: str, status: int) -> None:
    elsewhere: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        elsewhere.append(request.path)
        return web.Response()

    async def work() -> None:
        async with serving(other) as target:
            hostile = sends(b"", status=status, Location=target)
            async with serving(site(place=place, hostile=hostile)) as base:
                await ask(kind=kind, base=base)

    with pytest.raises(Malformed) as caught:
        run(work())
    assert caught.value.reason == "redirect"
    assert elsewhere == []


@pytest.mark.parametrize("kind", CONNECTORS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_h06_a_name_that_leads_inside_is_not_connected_to(kind: str, host: str) -> None:
    called: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        called.append(request.path)
        return web.Response()

    async def work() -> None:
        async with serving(handler) as base:
            inside = base.replace("127.0.0.1", host)
            await ask(kind=kind, base=inside, reach=Reach(plain_http=True))

    with pytest.raises(Unreachable) as caught:
        run(work())
    # Some resolvers read "2130706433" as an address, others as a name that nobody has.
    assert caught.value.reason in ({"address", "connection"} if host[0] in "02" else {"address"})
    assert called == []


def test_h07_a_cookie_is_never_sent_back() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        response = fhir_json(r4_capability("AllergyIntolerance") if "metadata" in request.path else bundle(PATIENT))
        response.set_cookie("session", SECRET)
        return response

    async def work() -> None:
        async with serving(handler) as base:
            await ask(kind="fhir_r4", base=base)

    run(work())
    assert len(seen) == 4  # the statement, the patient, and what holds nothing in either way of asking
    assert set(seen) == {None}


@pytest.mark.parametrize(
    "following",
    [
        "http://127.0.0.1:1/fhir/AllergyIntolerance?page=3",
        "https://evil.example/fhir?x",
        "//evil.example/fhir/x",
        "../../admin",
        "/admin",
        "/fhir/../admin",
        "/fhir/%2e%2e/admin",
        "/fhir%2fx",
        "http://user@127.0.0.1/fhir/x",
        "/fhirx/y",
        "file:///etc/passwd",
        "/fhir/a b",
        "/fhir/\\evil",
        "?page=2",
    ],
)
def test_h08_a_next_link_that_leaves_loops_or_climbs_is_paging(following: str) -> None:
    hostile = sends(json.dumps(bundle(following=following)).encode())
    failure = refused(kind="fhir_r4", place="later page", hostile=hostile)
    assert failure.reason == "paging"


def test_h08_pages_without_end_are_paging() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        at = int(request.query.get("page", "1"))
        return fhir_json(bundle(following=f"{request.url.with_query(page=at + 1)}"))

    assert refused(kind="fhir_r4", place="first page", hostile=endless, seconds=10).reason == "paging"


@places
@pytest.mark.parametrize(
    "body",
    [
        f"<!DOCTYPE html><title>Sign in</title>{SECRET}".encode(),
        f'{{"resourceType":"Bundle","id":"{SECRET}"}}'.encode("utf-16"),
        b'{"resourceType":"Bundle","x":"\xff\xfe"}',
        b"<Bundle xmlns='http://hl7.org/fhir'/>",
        b"",
        b"   ",
        b"[]",
        b"null",
        b'"text"',
        b'{"resourceType":"Bundle","entry":[',
        b'{"resourceType":"Bundle"} trailing',
        b'{"resourceType":"Bundle","entry":{}}',
        b'{"resourceType":"Bundle","entry":[],"entry":[]}',
        b'{"resourceType":"Patient"}',
        b'{"resourceType":17}',
    ],
    # Each can be typed after the name of the test: mutation tests do.
    ids=(
        "html utf-16 latin-1 xml nothing spaces list null text cut trailing entry-object entries-twice patient numbered"
    ).split(),
)
def test_h09_what_is_no_fhir_json_is_named(kind: str, place: str, body: bytes) -> None:
    assert refused(kind=kind, place=place, hostile=sends(body)).reason == "not-fhir"


@places
def test_h09_a_byte_order_mark_is_no_fault(kind: str, place: str) -> None:
    reply = meet(kind=kind, place=place, hostile=sends(b"\xef\xbb\xbf" + answer(stu3_or_r4_allergy(kind=kind))))
    assert len([item for item in reply.items if b"AllergyIntolerance" in item.resource]) == 1


@places
def test_h10_an_answer_too_deep_to_read_is_too_deep(kind: str, place: str) -> None:
    body = b'{"resourceType":"Bundle","type":"collection","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    assert refused(kind=kind, place=place, hostile=sends(body)).reason == "too-deep"


@places
@pytest.mark.parametrize("sign", [b"{}", b"[]"])
def test_h14_a_million_brackets_are_too_large(kind: str, place: str, sign: bytes) -> None:
    body = b'{"resourceType":"Bundle","entry":[' + b",".join([sign] * 1_000_001) + b"]}"
    limits = TransportLimits()
    assert refused(kind=kind, place=place, hostile=sends(body), limits=limits, seconds=8).reason == "too-large"


def test_h16_more_entries_than_a_record_has_are_too_large() -> None:
    body = b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join([b"{}"] * 50_001) + b"]}"
    assert refused(kind="gp_connect", place="first page", hostile=sends(body)).reason == "too-large"


def heavy(*, members: str) -> bytes:
    """Return an entry with these members."""
    entry = f'{{"resourceType":"Observation","id":"{SECRET}","status":"final","code":{{"text":"x"}},{members}}}'
    return entry.encode()


COMPONENT = json.dumps({"code": {"text": "t" * 1300}, "valueQuantity": {"value": 1.5, "unit": "mm"}})
HEAVY: dict[str, Callable[[], str]] = {
    "components": lambda: f'"component":[{",".join([COMPONENT] * 9_990)}]',
    "unknown members": lambda: ",".join(f'"u{number}":1' for number in range(2_000_000)),
    "members twice": lambda: ",".join([f'"u{number}":1' for number in range(20_000)] * 2),
    "one member": lambda: ",".join(['"a":1'] * 200_000),
    "lists": lambda: f'"x":[{",".join(["[[]]"] * 100_000)}]',
    "numbers": lambda: f'"x":[{",".join(["1"] * 300_000)}]',
    "digits": lambda: f'"x":{"9" * 2_000_000}',
    "a text": lambda: f'"note":[{{"text":"{"a" * 2_000_000}"}}]',
    "extensions": lambda: f'"extension":[{",".join(["{}"] * 100_000)}]',
    "contained": lambda: f'"contained":[{",".join(["{}"] * 100_000)}]',
}
WHERE = [*((name, "fhir_r4", "first page") for name in HEAVY), ("components", "fhir_r4", "later page")]
WHERE += [(name, "gp_connect", "first page") for name in ("components", "unknown members", "lists")]


@pytest.mark.parametrize(("name", "kind", "place"), WHERE)
def test_h15_a_heavy_entry_is_set_aside_in_another_process(kind: str, place: str, name: str) -> None:
    good = json.dumps(stu3_or_r4_allergy(kind=kind)).encode()
    entries = [json.dumps(PATIENT).encode(), good, heavy(members=HEAVY[name]())]
    body = b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % b",".join(
        b'{"resource":%b}' % entry for entry in entries
    )
    with offloading() as offloads:
        reply = meet(kind=kind, place=place, hostile=sends(body), limits=TransportLimits(), seconds=20)
    assert [entry.reason for entry in reply.quarantined] in (["too-large"], ["bad-number"], ["duplicate-key"])
    assert len([item for item in reply.items if b"AllergyIntolerance" in item.resource]) == 1
    assert sum(offload.offloaded for offload in offloads) >= 1


@places
def test_h16_a_payload_of_members_alone_is_too_large(kind: str, place: str) -> None:
    body = '{"resourceType":"Bundle",' + ",".join(f'"u{number}":1' for number in range(300_000)) + "}"
    failure = refused(kind=kind, place=place, hostile=sends(body.encode()), limits=TransportLimits(), seconds=20)
    assert failure.reason == "too-large"


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_h15_a_large_record_is_shown_whole(kind: str) -> None:
    allergies = [stu3_or_r4_allergy(kind=kind, key=f"a{number}") for number in range(10_000)]
    observation = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "x"},
        "subject": SUBJECT,
        "component": [{"code": {"text": "c"}, "valueQuantity": {"value": 1, "unit": "mm"}}] * 1_000,
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "status": "final",
        "code": {"text": "x"},
        "subject": SUBJECT,
        "result": [{"reference": f"Observation/{number}"} for number in range(2_000)],
    }
    body = answer(*allergies, observation, report)
    reply = meet(kind=kind, place="first page", hostile=sends(body), limits=TransportLimits(), seconds=30)
    assert len([item for item in reply.items if item.category.is_clinical]) == 10_002
    assert reply.quarantined == ()


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_h30_a_plain_server_where_tls_was_meant_is_unreachable(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    async def work() -> None:
        async with serving(handler) as base:
            await ask(kind=kind, base=base.replace("http:", "https:"), seconds=2)

    with pytest.raises(Unreachable) as caught:
        run(work())
    assert caught.value.reason in ("tls", "connection")


# One entry -------------------------------------------------------------------------------------------------------


def with_allergy(change: Callable[[str], str]) -> Callable[[str], bytes]:
    def make(kind: str) -> bytes:
        return change(json.dumps(stu3_or_r4_allergy(kind=kind, key="bad"))).encode()

    return make


def member(text: str) -> Callable[[str], bytes]:
    """An allergy with one more member."""
    return with_allergy(lambda allergy: f"{allergy[:-1]}, {text}}}")


def nested(depth: int) -> str:
    return '{"url":"x","extension":[' * depth + '{"url":"x","valueString":"y"}' + "]}" * depth


ENTRIES: dict[str, tuple[Callable[[str], bytes], str]] = {
    "H10 deep": (member(f'"extension":[{nested(60)}]'), "too-deep"),
    "H11 NaN": (member('"extension":[{"url":"x","valueDecimal":NaN}]'), "bad-number"),
    "H11 infinity": (member('"extension":[{"url":"x","valueDecimal":-Infinity}]'), "bad-number"),
    "H11 exponent": (member('"extension":[{"url":"x","valueDecimal":1e1000000}]'), "bad-number"),
    "H11 small exponent": (member('"extension":[{"url":"x","valueDecimal":1e-31}]'), "bad-number"),
    "H11 digits": (member(f'"extension":[{{"url":"x","valueInteger":{"9" * 5000}}}]'), "bad-number"),
    "H11 text": (member('"extension":[{"url":"x","valueDecimal":"1e1000000"}]'), "bad-number"),
    "H11 quantity": (
        member('"extension":[{"url":"x","valueQuantity":{"value":"1e1000000","unit":"g"}}]'),
        "bad-number",
    ),
    "H12 twice": (member('"id":"other"'), "duplicate-key"),
    "H12 twice, deeper": (member('"note":[{"text":"a","text":"b"}]'), "duplicate-key"),
    "H13 NUL": (member('"note":[{"text":"a\\u0000b"}]'), "bad-text"),
    "H13 surrogate": (member('"note":[{"text":"a\\ud800b"}]'), "bad-text"),
    "H16 list": (member(f'"note":[{",".join(["{}"] * 10_001)}]'), "too-large"),
    "H16 text": (member(f'"note":[{{"text":"{"x" * (MIB + 1)}"}}]'), "too-large"),
    "H17 unknown": (lambda kind: b'{"resourceType":"Jane","id":"x"}', "unknown-type"),
    "H17 data type": (lambda kind: b'{"resourceType":"Quantity","value":1}', "unknown-type"),
    "H17 abstract": (lambda kind: b'{"resourceType":"DomainResource"}', "unknown-type"),
    "H17 none": (lambda kind: b'{"id":"x"}', "unknown-type"),
    "H17 number": (lambda kind: b'{"resourceType":17}', "unknown-type"),
    "H17 private": (lambda kind: b'{"resourceType":"__class__"}', "unknown-type"),
    "H10 bundle in bundle": (lambda kind: b'{"resourceType":"Bundle","type":"collection"}', "unknown-type"),
    "H18 no base64": (
        member('"extension":[{"url":"x","valueAttachment":{"contentType":"text/plain","data":"<script>"}}]'),
        "bad-document",
    ),
    "H18 html called pdf": (
        member('"extension":[{"url":"x","valueAttachment":{"contentType":"application/pdf","data":"PGh0bWw+"}}]'),
        "bad-document",
    ),
    "H18 script address": (
        member('"extension":[{"url":"x","valueAttachment":{"contentType":"text/html","url":"javascript:alert(1)"}}]'),
        "bad-document",
    ),
    "label": (member('"meta":{"security":{"code":"R"}}'), "invalid"),
    "array": (lambda kind: b"[1]", "invalid"),
    "text": (lambda kind: b'"x"', "invalid"),
    "null": (lambda kind: b"null", "invalid"),
}


@places
@pytest.mark.parametrize("name", ENTRIES)
def test_a_hostile_entry_is_set_aside_and_the_rest_is_kept(kind: str, place: str, name: str) -> None:
    make, reason = ENTRIES[name]
    good = json.dumps(stu3_or_r4_allergy(kind=kind)).encode()
    hostile = make(kind)
    body = b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % b",".join(
        b'{"resource":%b}' % one for one in (json.dumps(PATIENT).encode(), good, hostile)
    )
    reply = meet(kind=kind, place=place, hostile=sends(body))
    (aside,) = reply.quarantined
    assert (aside.reason, aside.original) == (reason, hostile)
    assert SECRET not in aside.detail
    assert len([item for item in reply.items if b'"a1"' in item.resource]) == 1


FLAWED = {
    "number for a time": (member('"onsetDateTime":5'), "onsetDateTime"),
    "text for a number": (member('"onsetAge":{"value":"5","unit":"a"}'), "onsetAge.value"),
    "no date": (member('"onsetDateTime":"2024-02-30"'), "onsetDateTime"),
    "unknown field": (member(f'"{SECRET}":"1"'), "(unknown field)"),
}


@places
@pytest.mark.parametrize("name", FLAWED)
def test_an_entry_with_a_flaw_is_kept_as_sent_and_names_its_field(kind: str, place: str, name: str) -> None:
    make, path = FLAWED[name]
    entries = [json.dumps(PATIENT).encode(), make(kind)]
    body = b'{"resourceType":"Bundle","type":"collection","entry":[%b]}'
    reply = meet(
        kind=kind, place=place, hostile=sends(body % b",".join(b'{"resource":%b}' % entry for entry in entries))
    )
    assert reply.quarantined == ()
    (item,) = [item for item in reply.items if b'"bad"' in item.resource]
    assert (item.original or item.resource) == entries[1]
    assert [flaw.path for flaw in item.flaws] == [path]
    assert item.at_fault == (SECRET,) or SECRET not in item.at_fault


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b'{"fullUrl":"urn:x"}', "invalid"),
        (b'{"resource":{"resourceType":"Flag"},"resource":{}}', "duplicate-key"),
        (b"7", "invalid"),
    ],
)
def test_an_entry_without_one_resource_is_set_aside_whole(kind: str, entry: bytes, reason: str) -> None:
    body = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%b},%b]}'
    reply = meet(kind=kind, place="first page", hostile=sends(body % (json.dumps(PATIENT).encode(), entry)))
    (aside,) = reply.quarantined
    assert (aside.reason, aside.original) == (reason, entry)


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_h16_many_errors_in_one_entry_name_a_few_fields(kind: str) -> None:
    bad = member(f'"note":[{",".join(f"""{{"n{number}":1}}""" for number in range(9_000))}]')(kind)
    body = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%b},{"resource":%b}]}'
    reply = meet(kind=kind, place="first page", hostile=sends(body % (json.dumps(PATIENT).encode(), bad)))
    (item,) = [item for item in reply.items if b'"bad"' in item.resource]
    assert [flaw.path for flaw in item.flaws] == ["note.(unknown field)"]


@pytest.mark.parametrize("kind", ["fhir_r4", "gp_connect"])
def test_h20_references_that_go_round_and_ids_that_stand_twice_are_all_kept(kind: str) -> None:
    around = [{**stu3_or_r4_allergy(kind=kind, key="same"), "note": [{"text": text}]} for text in ("first", "second")]
    reply = meet(kind=kind, place="first page", hostile=sends(answer(*around)))
    assert len([item for item in reply.items if b'"same"' in item.resource]) == 2


def test_t26_a_hostile_source_does_not_delay_a_good_one() -> None:
    entries = [stu3_or_r4_allergy(kind="gp_connect", key=f"a{at}") for at in range(2_000)]
    body = answer(*entries)

    async def work() -> tuple[float, float]:
        big = site(place="first page", hostile=sends(body))
        small = site(place="first page", hostile=sends(answer()))
        async with serving(big) as slow, serving(small) as quick:
            hostile = asyncio.create_task(ask(kind="gp_connect", base=slow, seconds=20))
            await asyncio.sleep(0.1)  # it is reading the big answer now
            started = time.monotonic()
            await ask(kind="gp_connect", base=quick)
            took = time.monotonic() - started
            still_reading = not hostile.done()
            await hostile
            return took, float(still_reading)

    took, still_reading = run(work())
    assert still_reading
    assert took < 1.0
