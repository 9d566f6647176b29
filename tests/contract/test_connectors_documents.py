"""Every kind of connector fetches the content of a document from its own source, and from nowhere else."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.errors import Malformed, NotAsked, Refused, SourceError, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.values import Document, DocumentQuery, SourceAddress
from connectors.promises.serving import LOOPBACK, serving
from connectors.promises.stage import ASKER
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from simulator.organisations import BY_SLUG
from tests.contract.loopback import CONNECTORS, CORRELATION, fhir_json, run
from tests.unit.simulator.served import record, story
from tests.unit.simulator.served import serving as simulated

KINDS = ("fhir_r4", "gp_connect")
# What the content of a Binary is called. Source: FHIR R4 and STU3, Binary.
CONTENT = {"fhir_r4": "data", "gp_connect": "content"}
ENCODED = base64.b64encode(b"%PDF-1.4 letter").decode()
kinds = pytest.mark.parametrize("kind", KINDS)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def binary(kind: str, **changed: Any) -> dict[str, Any]:
    return {"resourceType": "Binary", "id": "b1", "contentType": "application/pdf", CONTENT[kind]: ENCODED, **changed}


async def fetch(
    *, kind: str, base: str, address: str, options: Mapping[str, str] | None = None, seconds: float = 4.0
) -> Document:
    source = SourceAddress(source_id="source-1", base_url=base, options=options or {})
    query = DocumentQuery(
        address=address,
        asker=ASKER,
        deadline=asyncio.get_running_loop().time() + seconds,
        correlation_id=CORRELATION,
    )
    async with LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
        return await CONNECTORS[kind].fetch_document(source=source, query=query, channels=channels)


def fetched(kind: str, handler: Handler, *, address: str = "Binary/b1", seconds: float = 4.0) -> Document:
    """Fetch from a server; `{base}` and `{root}` in the address are its own."""

    async def work() -> Document:
        async with serving(handler) as base:
            whole = address.replace("{base}", base).replace("{root}", base.removesuffix("/fhir"))
            return await fetch(kind=kind, base=base, address=whole, seconds=seconds)

    return run(work())


@kinds
@pytest.mark.parametrize("address", ["Binary/b1", "{base}/Binary/b1", "{base}/Binary/b1/_history/2"])
def test_a_document_is_read_at_the_address_that_its_source_gave(kind: str, address: str) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        assert request.method == "GET"
        assert "fhir+json" in request.headers["Accept"]
        return fhir_json(binary(kind))

    found = fetched(kind, handler, address=address)
    assert (found.content_type, found.encoded) == ("application/pdf", ENCODED)
    assert json.loads(found.head) == {"resourceType": "Binary", "id": "b1", "contentType": "application/pdf"}
    assert [path.startswith("/fhir/Binary/b1") for path in asked] == [True]


def test_a_practice_keeps_its_documents_beside_its_records() -> None:
    claims: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.Response:
        part = request.headers["Authorization"].split(".")[1]
        claims.update(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
        claims["interaction"] = request.headers["Ssp-InteractionID"]
        return fhir_json(binary("gp_connect"))

    assert fetched("gp_connect", handler, address="{root}/documents/fhir/Binary/b1").encoded == ENCODED
    assert claims["aud"].endswith("/documents/fhir")
    assert claims["interaction"] == "urn:nhs:names:services:gpconnect:documents:fhir:rest:read:binary-1"
    with pytest.raises(NotAsked):  # a hospital's are under its base
        fetched("fhir_r4", handler, address="{root}/documents/fhir/Binary/b1")


ELSEWHERE = (
    "https://other.example/fhir/Binary/b1",
    "http://169.254.169.254/fhir/Binary/b1",
    "//other.example/Binary/b1",
    "file:///etc/passwd",
    "file://{base}/Binary/b1",
    "javascript:alert(1)",
    "data:text/plain;base64,SGVsbG8=",
    "ftp://other.example/Binary/b1",
    "{base}/../admin/Binary/b1",
    "{base}/%2e%2e/admin/Binary/b1",
    "{base}/Patient/p1",
    "{base}/Binary/b1?next=http://other.example",
    "{base}/Binary/b1#x",
    "{base}",
    "http://user:secret@other.example/fhir/Binary/b1",
    "http://[::1/fhir/Binary/b1",
    "Binary/../Patient/p1",
    "Binary/..",
    "Binary/.",
    "{base}/Binary/.",
    "{base}/Binary/b1/_history/.",
    "{base}/Patient?name=/Binary/b1",
    "{base}?_type=/Binary/b1",
    "{base}/Binary/b1#/Binary/b2",
    "{base}/Patient/p1/$everything;/Binary/b1",
    "{base}/%252e%252e/Binary/b1",
    "Binary/b1\n",
    "Binary/" + "x" * 300,
    "",
)


@kinds
@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_other_address_is_asked(kind: str, address: str) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return fhir_json(binary(kind))

    with pytest.raises(NotAsked) as raised:
        fetched(kind, handler, address=address)
    assert raised.value.reason is Reason.ELSEWHERE
    assert asked == []


@kinds
def test_a_redirect_to_another_server_is_not_followed(kind: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://other.example/Binary/b1"})

    with pytest.raises(Malformed) as raised:
        fetched(kind, handler)
    assert raised.value.reason is Reason.REDIRECT


@kinds
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"%PDF-1.4", Reason.NOT_FHIR),
        (b"<html></html>", Reason.NOT_FHIR),
        (b'{"resourceType":"Patient","id":"b1"}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","contentType":5,"data":"AA==","content":"AA=="}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","contentType":"a/b","data":["AA=="],"content":["AA=="]}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","data":"AA==","content":"AA==","data":"BB==","content":"BB=="}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","data":"\\ud800","content":"\\ud800"}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary"', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","meta":{"security":"R"},"data":"AA==","content":"AA=="}', Reason.NOT_FHIR),
        (b'{"resourceType":"Binary","meta":{"security":[{"code":5}]},"data":"AA==","content":"AA=="}', Reason.NOT_FHIR),
        (b"[" * 5000, Reason.NOT_FHIR),
    ],
)
def test_what_is_no_document_is_not_taken_for_one(kind: str, body: bytes, reason: Reason) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/fhir+json")

    with pytest.raises(Malformed) as raised:
        fetched(kind, handler)
    assert raised.value.reason is reason


@kinds
def test_a_document_of_50_mb_is_refused_before_it_has_come(kind: str) -> None:
    mib = 1024 * 1024

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/fhir+json"})
        await response.prepare(request)
        await response.write(
            b'{"resourceType":"Binary","contentType":"application/pdf","%s":"' % CONTENT[kind].encode()
        )
        for _ in range(50):
            await response.write(b"A" * mib)
        await response.write(b'"}')
        return response

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Malformed) as raised:
        fetched(kind, handler)
    assert raised.value.reason is Reason.TOO_LARGE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 * 1024  # KiB


@kinds
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (404, Refused, Reason.NO_DOCUMENT),
        (410, Refused, Reason.NO_DOCUMENT),
        (401, Refused, Reason.CREDENTIALS),
        (403, Refused, Reason.CREDENTIALS),
        (500, Unreachable, Reason.STATUS),
    ],
)
def test_a_source_that_does_not_give_it_says_why(
    kind: str, status: int, error: type[SourceError], reason: Reason
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status)

    with pytest.raises(error) as raised:
        fetched(kind, handler)
    assert raised.value.reason is reason


@kinds
def test_a_source_that_does_not_answer_runs_out_of_time(kind: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return fhir_json(binary(kind))

    with pytest.raises((TimedOut, TimeoutError)):
        fetched(kind, handler, seconds=0.3)


@pytest.mark.parametrize(("slug", "local"), [("millbeck-surgery", "9990000018"), ("eskwith-general", "")])
def test_the_region_gives_the_documents_that_it_names(slug: str, local: str) -> None:
    kind = BY_SLUG[slug].kind
    local = local or story("two-doses")["sources"][slug]
    held = record(slug, local)
    letter = next(resource for resource in held if resource["resourceType"] == "DocumentReference")
    attachment = letter["content"][0]["attachment"]

    async def work() -> Document:
        async with simulated(slug) as client:
            settings = client.desk.records.settings
            address = attachment["url"]
            if kind == "gp_connect":
                address = f"{client.root}{settings.documents_path}/{address}"
            return await fetch(kind=kind, base=client.base, address=address, options=settings.options)

    found = run(work())
    assert found.content_type == attachment["contentType"] == "application/pdf"
    assert len(base64.b64decode(found.encoded)) == attachment["size"]
