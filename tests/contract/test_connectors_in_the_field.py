"""FHIR servers as they stand in the field: behind a gateway, with merged patients, of another release, under load."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, SourceError, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.values import Identifier, Reply
from connectors.fhir_r4.connector import FURTHER_RECORDS
from tests.contract.loopback import (
    LOCAL_SYSTEM,
    LOCAL_VALUE,
    PATIENT,
    bundle,
    exact,
    fhir_json,
    observation,
    r4_capability,
)
from tests.contract.test_connectors_fetch import fetch, ids

INSIDE = "http://inside.example:8080/hapi/fhir"
BY_NUMBER = (Identifier(system=LOCAL_SYSTEM, value=LOCAL_VALUE),)
PRACTITIONER = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Doe"}]}


class BehindGateway:
    """A server that calls itself by a name under which nobody outside reaches it, in every link and address."""

    def __init__(self, *, name: str = INSIDE, following: str = "", says_self: bool = True) -> None:
        self.name = name
        self.following = following
        self.says_self = says_self
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        path = request.path.removeprefix("/fhir")
        if path == "/metadata":
            return fhir_json(r4_capability("Observation"))
        if path == "/Patient":
            return self._page(PATIENT)
        if path == "/Practitioner/d1":
            return fhir_json(PRACTITIONER)
        if "_getpages" in request.query:
            return self._page(observation(key="o2"), query=request.query_string)
        seen = {**observation(key="o1"), "performer": [{"reference": f"{self.name}/Practitioner/d1"}]}
        following = self.following or f"{self.name}?_getpages=abc&_getpagesoffset=1"
        return self._page(seen, following=following, query=request.query_string)

    def _page(self, resource: Mapping[str, Any], *, following: str = "", query: str = "") -> web.Response:
        page = bundle(resource, following=following)
        page["entry"][0]["fullUrl"] = f"{self.name}/{resource['resourceType']}/{resource['id']}"
        if self.says_self:
            link = {"relation": "self", "url": f"{self.name}/{resource['resourceType']}?{query}"}
            page["link"] = [*page.get("link", []), link]
        return web.Response(body=exact(page), content_type="application/fhir+json")


def said(reply: Reply) -> list[tuple[str, str]]:
    """Return what was said of the answer, but for the kinds of content that the server has no type for."""
    return [(str(notice.code), notice.words) for notice in reply.notices if notice.code != "not-served"]


@pytest.mark.parametrize(
    ("server", "options"),
    [
        (lambda: BehindGateway(), {}),
        (lambda: BehindGateway(says_self=False), {"public_base": INSIDE}),
        (lambda: BehindGateway(), {"public_base": "https://unused.example/fhir"}),
    ],
    ids=["its own self links", "the setting", "both"],
)
def test_a_server_behind_a_gateway_gives_its_whole_record(
    server: Callable[[], BehindGateway], options: Mapping[str, str]
) -> None:
    reply: Reply = fetch(server(), options=options)
    assert ids(reply.items) == ["d1", "o1", "o2"]
    assert reply.in_part is None
    assert said(reply) == []


@pytest.mark.parametrize(
    "following",
    ["http://elsewhere.example/fhir?page=2", f"{INSIDE}/../../admin", "http://inside.example:8080/other?page=2"],
)
def test_a_link_that_leads_elsewhere_is_not_followed(following: str) -> None:
    server = BehindGateway(following=following)
    with pytest.raises(Malformed) as caught:
        fetch(server)
    assert caught.value.reason is Reason.PAGING
    assert not any("admin" in path or "other" in path for path in server.asked)


# Patients who have been merged


class Merged:
    """A server whose patients have links to one another, by id; the number finds `found`."""

    def __init__(self, links: Mapping[str, tuple[str, str]], *, found: str) -> None:
        self.links = links
        self.found = found

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        if path == "metadata":
            return fhir_json(r4_capability("Observation"))
        if path == "Patient":
            return fhir_json(bundle(self._patient(self.found)))
        if path.startswith("Patient/"):
            key = path.removeprefix("Patient/")
            return fhir_json(self._patient(key)) if key in self.links else fhir_json({}, status=404)
        about = request.query["patient"]
        seen = {**observation(key=f"of-{about}"), "subject": {"reference": f"Patient/{about}"}}
        return web.Response(body=exact(bundle(seen)), content_type="application/fhir+json")

    def _patient(self, key: str) -> dict[str, Any]:
        kind, other = self.links[key]
        link = [{"type": kind, "other": {"reference": f"Patient/{other}"}}] if kind else []
        return {**PATIENT, "id": key, "link": link}


@pytest.mark.parametrize("identifiers", [BY_NUMBER, (Identifier(system="id", value="p1"),)], ids=["number", "id"])
def test_the_record_of_a_patient_who_was_merged_is_that_of_who_they_are_now(
    identifiers: tuple[Identifier, ...],
) -> None:
    links = {"p1": ("replaced-by", "p2"), "p2": ("replaced-by", "p3"), "p3": ("", "")}
    reply = fetch(Merged(links, found="p1"), identifiers=identifiers)
    assert json.loads(reply.subject)["id"] == "p3"
    assert ids(reply.items) == ["of-p3"]


@pytest.mark.parametrize(
    "links",
    [
        {"p1": ("replaced-by", "p1")},
        {"p1": ("replaced-by", "p2"), "p2": ("replaced-by", "p1")},
        {"p1": ("replaced-by", "gone")},
        {f"p{at}": ("replaced-by", f"p{at + 1}") for at in range(1, 20)},
    ],
    ids=["itself", "a ring", "nobody", "a long chain"],
)
def test_links_that_lead_to_nobody_say_that_nobody_knows_who_it_is(links: Mapping[str, tuple[str, str]]) -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Merged(links, found="p1"), identifiers=BY_NUMBER)
    assert caught.value.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("kind", ["seealso", "refer"])
def test_further_records_of_the_patient_that_were_not_read_are_said(kind: str) -> None:
    links = {"p1": (kind, "p2"), "p2": ("", "")}
    reply = fetch(Merged(links, found="p1"), identifiers=BY_NUMBER)
    assert ids(reply.items) == ["of-p1"]
    assert said(reply) == [("incomplete", FURTHER_RECORDS)]


# Servers of another release


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({**r4_capability("Observation"), "fhirVersion": "3.0.2"}, Reason.SPEAKS_STU3),
        ({**r4_capability("Observation"), "fhirVersion": "5.0.0"}, Reason.SPEAKS_R5),
        ({**r4_capability("Observation"), "fhirVersion": "6.0.0-ballot2"}, Reason.OTHER_RELEASE),
        ({**r4_capability("Observation"), "fhirVersion": "4.1.0"}, Reason.OTHER_RELEASE),
        ({"resourceType": "Conformance", "fhirVersion": "1.0.2"}, Reason.OTHER_RELEASE),
    ],
)
def test_a_server_of_another_release_is_told_by_its_release(statement: Mapping[str, Any], reason: Reason) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return fhir_json(statement)

    with pytest.raises(Malformed) as caught:
        fetch(handler)
    assert caught.value.reason is reason


@pytest.mark.parametrize("release", ["4.0.0", "4.0.1", "4.3.0"])
def test_r4_and_r4b_are_read(release: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json({**r4_capability("Observation"), "fhirVersion": release})
        return await Merged({"p1": ("", "")}, found="p1")(request)

    assert ids(fetch(handler).items) == ["of-p1"]


# A server that asks us to wait


def busy(*, retry_after: str | None, times: int, status: int = 503) -> Any:
    """Return a server that is busy so many times, and says when to come back."""
    left = times

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal left
        if "Observation" in request.path and left:
            left -= 1
            return web.Response(status=status, headers={"Retry-After": retry_after} if retry_after else {})
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        return await Merged({"p1": ("", "")}, found="p1")(request)

    return handler


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["1", lambda: formatdate(time.time() + 1.2, usegmt=True)], ids=["seconds", "a date"])
def test_a_server_that_asks_us_to_wait_is_asked_again_when_it_said(status: int, asked: str | Callable[[], str]) -> None:
    began = time.monotonic()
    text = asked if isinstance(asked, str) else asked()
    reply = fetch(busy(retry_after=text, times=1, status=status))
    assert ids(reply.items) == ["of-p1"]
    assert time.monotonic() - began > 0.2  # at least part of a second: a date has whole seconds only


@pytest.mark.parametrize(
    ("asked", "reason"),
    [("60", Reason.ASKED_TO_WAIT), ("Wed, 21 Oct 2099 07:28:00 GMT", Reason.ASKED_TO_WAIT), (None, Reason.STATUS)],
)
def test_one_that_asks_for_longer_than_we_have_is_said_to_have_asked_for_it(asked: str | None, reason: Reason) -> None:
    with pytest.raises(SourceError) as caught:
        fetch(busy(retry_after=asked, times=9), seconds=2.0)
    assert (type(caught.value), caught.value.reason) == (Unreachable, reason)


# Billing


def test_billing_is_never_asked_for_and_where_it_comes_anyway_it_is_kept_apart() -> None:
    asked: list[str] = []
    coverage = {"resourceType": "Coverage", "id": "c1", "status": "active", "beneficiary": {"reference": "Patient/p1"}}
    paid = {"payor": [{"display": "An insurer"}]}

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation", "Claim", "ExplanationOfBenefit", "Coverage", "Account"))
        if request.path.endswith("Observation"):
            return web.Response(
                body=exact(bundle(observation(key="o1"), {**coverage, **paid})), content_type="application/fhir+json"
            )
        return await Merged({"p1": ("", "")}, found="p1")(request)

    reply = fetch(handler)
    assert not [path for path in asked if path.rpartition("/")[2] in RecordCategory.BILLING.types]
    assert {(item.category, json.loads(item.resource)["id"]) for item in reply.items} == {
        (RecordCategory.RESULTS, "o1"),
        (RecordCategory.BILLING, "c1"),
    }


class Paged:
    """A server whose record has several pages, numbered in their addresses. `asked`: their numbers, in turn.

    `following` gives the address that a page names as the next one; `status` that of the first request for a page.
    """

    def __init__(
        self,
        *,
        pages: int = 5,
        following: Callable[[int], str] = lambda number: f"page={number + 1}",
        waits: bool = False,
        status: Mapping[int, int] | None = None,
    ) -> None:
        self.pages, self.following, self.waits = pages, following, waits
        self.status = dict(status or {})
        self.asked: list[int] = []
        self.came: dict[int, asyncio.Event] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir")
        if path == "/metadata":
            return fhir_json(r4_capability("Observation"))
        if path == "/Patient":
            return fhir_json(bundle(PATIENT))
        number = int(request.query.get("page", "1"))
        self.asked.append(number)
        self._event(number).set()
        if self.waits and 1 < number < self.pages:
            await self._event(number + 1).wait()
        if status := self.status.pop(number, 0):
            return web.Response(status=status)
        following = "" if number >= self.pages else f"{request.url.path}?{self.following(number)}"
        page = bundle(observation(key=f"o{number}"), following=following)
        return fhir_json({**page, "total": self.pages})

    def _event(self, number: int) -> asyncio.Event:
        return self.came.setdefault(number, asyncio.Event())


def keys(pages: int) -> list[str]:
    return [f"o{number}" for number in range(1, pages + 1)]


def test_later_pages_are_asked_for_before_the_one_before_has_come() -> None:
    server = Paged(waits=True)
    reply: Reply = fetch(server)
    assert (ids(reply.items), reply.in_part) == (keys(5), None)
    assert sorted(server.asked) == [1, 2, 3, 4, 5]


def test_where_the_links_lead_is_followed_whatever_was_expected() -> None:
    jumps = {1: 2, 2: 5, 5: 9}
    server = Paged(pages=9, following=lambda number: f"page={jumps[number]}")
    reply: Reply = fetch(server)
    assert ids(reply.items) == ["o1", "o2", "o5", "o9"]
    assert server.asked.count(5) <= 2


def test_a_total_that_promises_too_much_costs_nothing() -> None:
    server = Paged(pages=3)
    server.following = lambda number: f"page={number + 1}"
    original = server.__call__

    async def boasting(request: web.Request) -> web.StreamResponse:
        answer = await original(request)
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        body = json.loads(answer.body)
        if body.get("total"):
            return fhir_json({**body, "total": 40})
        return answer

    reply: Reply = fetch(boasting)
    assert (ids(reply.items), reply.in_part) == (keys(3), None)


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_trouble_with_a_page_that_was_asked_for_ahead_counts_for_nothing(status: int) -> None:
    server = Paged(waits=True, status={4: status})
    reply: Reply = fetch(server)
    assert (ids(reply.items), reply.in_part) == (keys(5), None)


def test_a_link_that_leads_back_is_a_loop_however_far_ahead_was_asked() -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Paged(following=lambda number: "page=2" if number == 3 else f"page={number + 1}"))
    assert caught.value.reason is Reason.PAGING
