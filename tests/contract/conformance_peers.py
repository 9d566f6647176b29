"""Systems that are examined: simulated ones that keep their standard, and ones that break it in every point.

What breaks it stands before a simulated source and changes what is asked or answered. Some points can only be missed
where another is met, so there are several of each kind.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from joserfc import jwk

from connectors.fhir_r4.capability import EXPECTED
from connectors.promises.serving import serving
from simulator.certificates import Authority
from simulator.faults import read_fault
from simulator.gp_server import gp_app
from simulator.r4_server import r4_app
from simulator.records import read_folder
from simulator.serving import Desk
from simulator.smart_tokens import TokenGiver
from tests.signing import ec_key
from tests.unit.simulator.served import SEED, region_folder, story

HOSPITAL, PRACTICE = "thornmere-royal", "millbeck-surgery"
CLIENT = "longview"
# Of people whom the region's stories are about: the lead of one, who has entries of many types at both, and of another.
WHO, DISSENTER = story("two-doses")["sources"], story("allergy-or-none")["sources"]
FHIR_JSON = "application/fhir+json"
ELSEWHERE = "https://elsewhere.example/fhir?page=2"

Change = Callable[[web.Request, Any], Any]


@asynccontextmanager
async def simulated(
    slug: str,
    *middlewares: Any,
    authority: Authority | None = None,
    asks_for_tokens: bool = False,
    asked: list[str] | None = None,
    fault: dict[str, Any] | None = None,
) -> AsyncIterator[str]:
    """Serve a source of the region on loopback, with what changes its answers before it; yields its base address."""
    records = read_folder(folder=region_folder() / slug)
    desk = Desk(records=records, latency_ms=0, seed=SEED)
    if fault is not None:
        desk.board.put(fault=read_fault(described=fault))
    if records.settings.kind == "gp_connect":
        app = gp_app(desk=desk)
    else:
        keys = jwk.KeySet.import_key_set({"keys": [ec_key().as_dict(private=False)]})
        app = r4_app(desk=desk, giver=TokenGiver(client_id=CLIENT, keys=keys) if asks_for_tokens else None)

    @web.middleware
    async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
        if asked is not None:
            asked.append(f"{request.path_qs} {(await request.read()).decode()}")
        return await handler(request)

    for middleware in (*reversed(middlewares), listen):
        app.middlewares.insert(0, middleware)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context() if authority else None).start()
    try:
        scheme = "https" if authority else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}{records.settings.base_path}"
    finally:
        await runner.cleanup()


# What stands where something else belongs.
JUNK = (None, 5, 1.5, True, "", "x", [], {}, [[]], [None], {"a": None}, "\ud800", 10**40, {"resourceType": 7})


def littered(*, seed: int) -> Change:
    """Return what puts junk into some places of each answer, drawn by a seed."""
    rng = Random(seed)

    def litter(_: web.Request, body: Any) -> Any:
        for _ in range(rng.choice((1, 1, 3))):
            holder, key = rng.choice(list(_places(body))[: rng.choice((3, 30, 3000))])
            holder[key] = rng.choice(JUNK)
            body = json.loads(json.dumps(body))  # what was put in stands there alone
        return body

    return litter


def _places(value: Any, /) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
    for key in keys:
        yield from _places(value[key])


def changing(change: Change) -> Any:
    """Return what changes the JSON of each answer."""

    @web.middleware
    async def changed(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
            return response
        body = change(request, json.loads(response.body))
        return web.json_response(body, status=response.status, content_type=FHIR_JSON)

    return changed


# Hospitals


@web.middleware
async def careful(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do what a simulated hospital leaves undone, which is recommended."""
    if "xml" in request.headers.get("Accept", ""):
        return web.Response(status=406)
    is_strict = "handling=strict" in request.headers.get("Prefer", "") and "no-such-parameter" in request.query
    if is_strict or request.query.get("birthdate") == "not-a-date":
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
        return web.json_response(outcome, status=400, content_type=FHIR_JSON)
    name = request.path.rpartition("/")[2]
    response = await handler(request)
    if name in EXPECTED and response.status == 404:
        return web.json_response({"resourceType": "Bundle", "type": "searchset", "total": 0}, content_type=FHIR_JSON)
    if name == "metadata" and isinstance(response, web.Response) and isinstance(response.body, bytes):
        statement = json.loads(response.body)
        resources = statement["rest"][0]["resource"]
        held = {each["type"] for each in resources}
        resources += [
            {"type": each, "interaction": [{"code": "search-type"}], "searchParam": [{"name": "patient"}]}
            for each in EXPECTED - held
        ]
        statement["rest"][0]["resource"] = resources
        response.body = json.dumps(statement).encode()
    return response


@web.middleware
async def mute(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say nothing of oneself."""
    return web.Response(status=404) if request.path.endswith("/metadata") else await handler(request)


@web.middleware
async def false(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say of oneself what is not so, let everybody in, and answer as if nothing were ever wrong."""
    name = request.path.rpartition("/")[2]
    plain = "application/json"
    nobody = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Patient"}}]}
    if name == "smart-configuration":
        return web.json_response({"capabilities": []})
    if name == "token":
        return web.json_response({"access_token": "a", "token_type": "bearer", "expires_in": 300})
    if name == "metadata":
        resources = [
            {"type": "Patient", "interaction": [{"code": "search-type"}]},
            {"type": "Goal", "interaction": [{"code": "search-type"}], "searchParam": [{"name": "patient"}]},
        ]
        statement = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.3.0",
            "description": "x" * 2000,
            "format": ["xml"],
            "rest": [{"mode": "server", "resource": resources}],
        }
        return web.json_response(statement, content_type=plain)
    if name == "_search":
        return web.Response(status=405)
    if name == "Patient":
        return web.json_response(nobody, content_type=plain)
    if name == "Goal":
        return web.Response(status=500, text="<html>")
    if "Patient/" in request.path:
        return web.Response(status=400, text="<html>")
    return web.json_response({"resourceType": "Bundle", "type": "searchset", "total": 0}, content_type=plain)


def loose(request: web.Request, body: Any) -> Any:
    """Give a patient's record so that it breaks the standard."""
    name = request.path.rpartition("/")[2]
    if name == "$everything":
        return {"resourceType": "Bundle", "type": "searchset"}
    if name == "metadata":
        for resource in body["rest"][0]["resource"]:
            if resource["type"] == "Observation":
                resource["searchRevInclude"] = ["Provenance:target"]
            elif "searchRevInclude" in resource:
                del resource["searchRevInclude"]
    if body.get("resourceType") == "Patient":
        return {**_without_version(body), "id": "another"}
    entries = body.get("entry", [])
    if name == "Patient" and entries:
        body["entry"] = [*({"resource": _loosely_numbered(each["resource"])} for each in entries), {"resource": OTHER}]
    elif "Observation" in request.path:
        body["entry"] = [each for each in entries if each["resource"]["resourceType"] == "Observation"]
        for each in body["entry"]:
            each["resource"]["subject"] = {"reference": "Patient/somebody-else"}
    if body.get("resourceType") == "Bundle":
        body["total"] = 1_000_000
        body["link"] = [link for link in body.get("link", []) if link["relation"] != "next"]
    return body


OTHER = {"resourceType": "Patient", "id": "other", "name": [{"family": 7}]}


def _without_version(resource: Any) -> Any:
    return {name: value for name, value in resource.items() if name != "meta"}


def _loosely_numbered(patient: Any) -> Any:
    own = [each for each in patient["identifier"] if "nhs-number" not in each["system"]]
    number = {"system": "http://fhir.nhs.net/Id/nhs-number", "value": "999 000 0018"}
    return {**patient, "identifier": [*own, number]}


@web.middleware
async def without_count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pay no heed to how many entries a page is to have."""
    if "_count" not in request.query:
        return await handler(request)
    query = {name: value for name, value in request.query.items() if name != "_count"}
    return await handler(request.clone(rel_url=request.rel_url.with_query(query)))


def leading_elsewhere(_: web.Request, body: Any) -> Any:
    """Name another server as that of the next page."""
    for link in body.get("link", []):
        if link["relation"] == "next":
            link["url"] = ELSEWHERE
    return body


def no_more_pages(_: web.Request, body: Any) -> Any:
    """Give the first page, and no way to the next."""
    body["link"] = [link for link in body.get("link", []) if link["relation"] != "next"]
    return body


# Practices


@asynccontextmanager
async def careless_practice() -> AsyncIterator[str]:
    """Serve a practice that checks nothing, and gives one record to everybody."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        if request.path.endswith("/metadata"):
            statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server"}]}
            return web.json_response(statement)
        if "includeSomethingNew" in body or ("9997531981" in body and "include" not in body):
            return web.json_response({"resourceType": "OperationOutcome", "issue": []}, status=404)
        return web.json_response(CARELESS_RECORD)

    async with serving(answer) as base:
        yield base


CARELESS_RECORD: dict[str, Any] = {
    "resourceType": "Bundle",
    "id": "always-the-same",
    "type": "searchset",
    "entry": [
        {"resource": resource}
        for resource in (
            {"resourceType": "Patient", "id": "p1", "name": [{"text": "x" * 2000}]},
            {"resourceType": "Patient", "id": "p2"},
            {
                "resourceType": "List",
                "status": "retired",
                "mode": "working",
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": "886921000000105"}]},
                "subject": {"reference": "Patient/p1"},
            },
            {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p3"}, "assertedDate": 7},
        )
    ],
}


@contextmanager
def apart(serving_: AbstractAsyncContextManager[str], /) -> Iterator[str]:
    """Serve on a loop in a thread of its own, for a command that has its own loop; yields the base address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="peer")
    thread.start()
    try:
        base = asyncio.run_coroutine_threadsafe(serving_.__aenter__(), loop).result()
        try:
            yield base
        finally:
            asyncio.run_coroutine_threadsafe(serving_.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def secrets_in(folder: Path, /) -> dict[str, Path]:
    """Write our key into a folder; return where each secret is."""
    path = folder / "our-key.json"
    path.write_text(json.dumps(ec_key().as_dict(private=True)))
    return {"key_secret": path}
