"""FHIR servers as they stand in the field: behind a gateway, with merged patients, of another release, under load."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, SourceError, UnknownPatient, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.values import Identifier, Reply, SourceAddress
from connectors.fhir_r4 import capability
from connectors.fhir_r4.connector import FURTHER_RECORDS, MERGED_RECORDS, NOT_IN_USE
from connectors.promises.serving import LOOPBACK, serving
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from tests.contract.loopback import (
    CONNECTORS,
    LOCAL_SYSTEM,
    LOCAL_VALUE,
    PATIENT,
    bundle,
    exact,
    fhir_json,
    observation,
    query,
    r4_capability,
    run,
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

    def __init__(self, links: Mapping[str, tuple[str, str]], *, found: str, out_of_use: str = "") -> None:
        self.links = links
        self.found = found
        self.out_of_use = out_of_use

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
        return {**PATIENT, "id": key, "link": link, "active": key != self.out_of_use}


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


@pytest.mark.parametrize(
    ("kind", "words"), [("seealso", FURTHER_RECORDS), ("refer", FURTHER_RECORDS), ("replaces", MERGED_RECORDS)]
)
def test_further_records_of_the_patient_that_were_not_read_are_said(kind: str, words: str) -> None:
    links = {"p1": (kind, "p2"), "p2": ("", "")}
    reply = fetch(Merged(links, found="p1"), identifiers=BY_NUMBER)
    assert ids(reply.items) == ["of-p1"]
    assert said(reply) == [("incomplete", words)]


@pytest.mark.parametrize(
    ("links", "key", "words"),
    [
        ({"p1": ("", "")}, "p1", [("incomplete", NOT_IN_USE)]),
        ({"p1": ("replaced-by", "p2"), "p2": ("", "")}, "p2", []),
    ],
    ids=["nobody in its place", "another in its place"],
)
def test_a_record_that_is_no_longer_in_use_is_said_where_no_other_has_taken_its_place(
    links: Mapping[str, tuple[str, str]], key: str, words: list[tuple[str, str]]
) -> None:
    reply = fetch(Merged(links, found="p1", out_of_use="p1"), identifiers=BY_NUMBER)
    assert ids(reply.items) == [f"of-{key}"]
    assert said(reply) == words


GOLDEN = {"tag": [{"system": "http://hapifhir.io/fhir/NamingSystem/mdm-record-status", "code": "GOLDEN_RECORD"}]}
UNNAMED = {"resourceType": "Observation", "id": "u1", "status": "final", "code": {"text": "Weight"}}


@pytest.mark.parametrize(
    "beside",
    [
        {**PATIENT, "id": "g1", "meta": GOLDEN},
        {**PATIENT, "id": "old", "link": [{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]},
    ],
    ids=["the index's", "who was replaced"],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_is_the_patient_by_another_id_is_nobody_else_in_the_answer(beside: Mapping[str, Any], named: bool) -> None:
    async def server(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        page = bundle(beside, PATIENT) if request.path.endswith("Patient") else bundle(observation(key="o1"), UNNAMED)
        base = f"http://{request.host}/fhir"
        for entry in page["entry"] if named else ():
            entry["fullUrl"] = f"{base}/{entry['resource']['resourceType']}/{entry['resource']['id']}"
        return web.Response(body=exact(page), content_type="application/fhir+json")

    reply: Reply = fetch(server, identifiers=BY_NUMBER)
    assert (ids(reply.items), reply.quarantined) == (["o1", "u1"], ())


def test_one_of_its_id_on_another_server_is_somebody_else() -> None:
    golden = {**PATIENT, "id": "g1", "meta": GOLDEN}
    stranger = {**PATIENT, "id": "g1", "identifier": [], "birthDate": "1988-08-08"}

    async def server(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        if not request.path.endswith("Patient"):
            return fhir_json(bundle(observation(key="o1", value="7")))
        page = bundle(golden, PATIENT, stranger)
        page["entry"][2]["fullUrl"] = "https://elsewhere.example/fhir/Patient/g1"
        return fhir_json(page)

    reply: Reply = fetch(server, identifiers=BY_NUMBER)
    assert [json.loads(entry.original)["birthDate"] for entry in reply.quarantined] == ["1988-08-08"]


@pytest.mark.parametrize("twice", ["{base}/Patient/p1", ""])
def test_a_patient_who_comes_twice_is_one(twice: str) -> None:
    async def server(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        if not request.path.endswith("Patient"):
            return fhir_json(bundle(observation(key="o1", value="7")))
        page = bundle(PATIENT, {**PATIENT, "active": True})
        page["entry"][1]["fullUrl"] = twice.format(base=f"http://{request.host}/fhir")
        return fhir_json(page)

    assert ids(fetch(server, identifiers=BY_NUMBER).items) in (["o1"], ["o1", "p1"])


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


class Throttled:
    """A server that answers so many requests in a fifth of a second, and says to all others when to come back."""

    def __init__(self, *types: str, most: int) -> None:
        self.types, self.most = types, most
        self.began = 0.0
        self.came = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if (now := time.monotonic()) - self.began > 0.2:
            self.began, self.came = now, 0
        self.came += 1
        if self.came > self.most:
            return web.Response(status=429, headers={"x-ms-retry-after-ms": "200"})
        path = request.path.removeprefix("/fhir/")
        if path == "metadata":
            return fhir_json(r4_capability(*self.types))
        if path == "Patient":
            return fhir_json(bundle(PATIENT))
        return fhir_json(bundle({"resourceType": path, "id": path, "subject": {"reference": "Patient/p1"}}))


def test_a_server_that_throttles_gives_its_whole_record_where_there_is_time() -> None:
    types = sorted(capability.EXPECTED | {"Goal", "Communication", "CareTeam", "RiskAssessment", "Consent", "Task"})
    reply: Reply = fetch(Throttled(*types, most=4), seconds=20)
    assert (reply.in_part, said(reply)) == (None, [])
    assert len(reply.items) + len(reply.quarantined) == len(types)


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
        total: int | None = None,
    ) -> None:
        self.pages, self.following, self.waits = pages, following, waits
        self.total = pages if total is None else total
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
        return fhir_json({**page, "total": self.total})

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
    server = Paged(pages=9, total=4, following=lambda number: f"page={jumps[number]}")
    reply: Reply = fetch(server)
    assert ids(reply.items) == ["o1", "o2", "o5", "o9"]
    assert server.asked.count(5) <= 2


def test_a_total_that_promises_more_pages_than_there_are_costs_nothing_of_those() -> None:
    reply: Reply = fetch(Paged(pages=3, total=40))
    assert (ids(reply.items), reply.in_part) == (keys(3), Reason.PAGES)


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_trouble_with_a_page_that_was_asked_for_ahead_counts_for_nothing(status: int) -> None:
    server = Paged(waits=True, status={4: status})
    reply: Reply = fetch(server)
    assert (ids(reply.items), reply.in_part) == (keys(5), None)


def test_a_link_that_leads_back_is_a_loop_however_far_ahead_was_asked() -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Paged(following=lambda number: "page=2" if number == 3 else f"page={number + 1}"))
    assert caught.value.reason is Reason.PAGING


# Servers that are less than the standard


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_server_that_takes_metadata_for_a_type_is_found_to_be_one(status: int) -> None:
    """Its words about a Patient who is not there need not be FHIR."""

    async def server(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json({"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []})
        return web.json_response({"detail": "Not Found"}, status=status)

    async def checked() -> str:
        async with serving(server) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            source = SourceAddress(source_id="source-1", base_url=base)
            deadline = query().deadline
            return (await CONNECTORS["fhir_r4"].check(source=source, channels=channels, deadline=deadline)).words

    assert run(checked()) == "FHIR, without a statement of what it can do; all types will be searched"


class OnlyByType:
    """A server that knows a patient in searches by `Patient/ID` alone: to the id it says that there is nothing.

    FHIR R4, Search, reference: a server takes both. A router with a store in memory, of the npm registry, takes one.
    """

    def __init__(self, *, holds: bool = True, parameters: Mapping[str, str] | None = None) -> None:
        self.holds = holds
        self.parameters = parameters or {"Observation": "patient"}
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(unquote(request.path_qs.removeprefix("/fhir/")))
        path = request.path.removeprefix("/fhir/")
        if path == "metadata":
            stated = r4_capability(*self.parameters)
            for declared in stated["rest"][0]["resource"][1:]:
                declared["searchParam"] = [{"name": self.parameters[declared["type"]], "type": "reference"}]
            return fhir_json(stated)
        if path == "Patient":
            return fhir_json(bundle(PATIENT))
        named = request.query.get(self.parameters[path], "")
        found = [{**observation(key=f"{path}-1", value="7"), "resourceType": path}]
        return fhir_json(bundle(*(found if self.holds and named == "Patient/p1" else [])))

    def searches(self) -> list[str]:
        return [asked.partition("&")[0] for asked in self.asked if asked.startswith("Observation")]


BARE, TYPED = "Observation?patient=p1", "Observation?patient=Patient/p1"


def ask_often(server: Any, *, times: int) -> list[Reply]:
    """Ask a server several times over, by the channels of one worker."""

    async def work() -> list[Reply]:
        async with serving(server) as base, LoopChannels(HttpTransport(reach=LOOPBACK)) as channels:
            source = SourceAddress(source_id="source-1", base_url=base)
            return [
                await CONNECTORS["fhir_r4"].ask(source=source, query=query(), channels=channels) for _ in range(times)
            ]

    return run(work())


def test_a_server_that_knows_patients_by_type_and_id_alone_is_not_taken_for_empty() -> None:
    server = OnlyByType()
    first, second = ask_often(server, times=2)
    assert ids(first.items) == ids(second.items) == ["Observation-1"]
    assert server.searches() == [BARE, TYPED, TYPED]  # which way brings something is remembered


def test_nothing_is_asked_twice_once_a_server_has_given_something() -> None:
    server = OnlyByType()

    async def both(request: web.Request) -> web.StreamResponse:
        answer = await server(request)
        return fhir_json(bundle(observation(key="o1", value="7"))) if request.query.get("patient") == "p1" else answer

    ask_often(both, times=2)
    assert server.searches() == [BARE, BARE]


def test_a_patient_of_whom_there_is_nothing_is_asked_for_both_ways() -> None:
    server = OnlyByType(holds=False)
    (reply,) = ask_often(server, times=1)
    assert (reply.items, reply.in_part) == ((), None)
    assert server.searches() == [BARE, TYPED]


def test_what_comes_by_another_parameter_says_nothing_about_this_one() -> None:
    server = OnlyByType(parameters={"Observation": "patient", "Condition": "subject"})
    (reply,) = ask_often(server, times=1)
    assert ids(reply.items) == ["Condition-1", "Observation-1"]


class WithoutNextLinks:
    """A server that counts more than it gives and names no further page. It gives what is asked for, at most `most`.

    FHIR R4, Bundle.total: all matches across all pages.
    """

    def __init__(self, *, total: int, most: int = 10_000, everything: bool = False) -> None:
        self.total, self.most, self.everything = total, most, everything
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(request.path_qs)
        if path == "metadata":
            return fhir_json(r4_capability("Observation", everything=self.everything))
        if path == "Patient":
            return fhir_json(bundle(PATIENT))
        count = min(int(request.query["_count"]), self.most, self.total)
        found = [observation(key=f"o{number}", value="7") for number in range(count)]
        return fhir_json({**bundle(*found), "total": self.total})


@pytest.mark.parametrize("everything", [True, False])
def test_a_server_without_next_links_is_asked_for_all_at_once(everything: bool) -> None:
    server = WithoutNextLinks(total=450, everything=everything)
    reply: Reply = fetch(server)
    assert len(reply.items) == 450
    assert (reply.in_part, said(reply)) == (None, [])
    assert [path.partition("_count=")[2].partition("&")[0] for path in server.asked[2:]] == ["200", "450"]


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(("total", "most", "came"), [(450, 200, 200), (450, 300, 300), (4000, 10_000, 200)])
def test_what_a_server_counts_and_does_not_give_is_said(total: int, most: int, came: int, everything: bool) -> None:
    reply: Reply = fetch(WithoutNextLinks(total=total, most=most, everything=everything))
    assert len(reply.items) == came
    assert reply.in_part is Reason.PAGES
    assert {code for code, _ in said(reply)} == {"incomplete"}


@pytest.mark.parametrize("everything", [True, False])
def test_a_server_that_counts_something_and_gives_nothing_is_not_empty(everything: bool) -> None:
    with pytest.raises(Malformed) as caught:
        fetch(WithoutNextLinks(total=5, most=0, everything=everything))
    assert caught.value.reason is Reason.PAGING


@pytest.mark.parametrize("total", [0, 1, 2])
def test_more_than_a_server_counts_is_no_fault(total: int) -> None:
    async def server(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        if request.path.endswith("Patient"):
            return fhir_json(bundle(PATIENT))
        found = [observation(key="o1", value="7"), PRACTITIONER]  # what is included is not in the total
        return fhir_json({**bundle(*found), "total": total})

    reply: Reply = fetch(server)
    assert ids(reply.items) == ["d1", "o1"]
    assert reply.in_part is None


@pytest.mark.parametrize("statement", [None, {"resourceType": "Bundle", "type": "searchset", "total": 0}])
def test_a_server_without_a_statement_is_asked_for_all_that_may_belong_to_a_patient(
    statement: dict[str, Any] | None,
) -> None:
    """A server that takes "metadata" for a type of resource answers with the results of a search."""
    goal = {
        "resourceType": "Goal",
        "id": "g1",
        "lifecycleStatus": "active",
        "description": {"text": "Walk"},
        "subject": {"reference": "Patient/p1"},
    }

    async def server(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        if path == "metadata" and statement:
            return fhir_json(statement)
        if path == "Patient":
            return fhir_json(bundle(PATIENT))
        if path in ("Goal", "Observation"):
            return fhir_json(bundle(goal if path == "Goal" else observation(key="o1", value="7")))
        return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=404)

    reply: Reply = fetch(server)
    assert ids(reply.items) == ["g1", "o1"]
    # That it has no VisionPrescription is no gap in anybody's record; that it cannot be asked for problems is.
    words = [words for _, words in said(reply)]
    assert "It cannot be asked for problems and diagnoses." in words
    assert len(words) == len(capability.EXPECTED - {"Observation"})
    # But where it has none of the types of a section, its silence is no "nothing recorded".
    silent = [notice.category for notice in reply.notices if notice.code == "not-served"]
    assert silent == [RecordCategory.APPOINTMENTS]


class HeedsNothing:
    """A server that gives everything of a type, whoever it is about, and has no such thing as a statement.

    FHIR R4, Search, 3.1.1.1: a server may pay no heed to parameters that it does not know.
    """

    def __init__(self, *, others: int) -> None:
        self.others = others
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(path)
        if path == "Patient":
            others = [
                {
                    "resourceType": "Patient",
                    "id": f"x{at}",
                    "managingOrganization": {"reference": f"Organization/x{at}"},
                }
                for at in range(self.others)
            ]
            return fhir_json(bundle(*others, PATIENT))
        if path == "Observation":
            return fhir_json(bundle(*(self._seen(f"x{at}") for at in range(self.others)), self._seen("p1")))
        kind, _, key = path.partition("/")
        if kind == "Practitioner" and key:
            return fhir_json({"resourceType": kind, "id": key})
        return fhir_json(bundle())

    def _seen(self, who: str) -> dict[str, Any]:
        return {
            **observation(key=f"o-{who}", value="7"),
            "subject": {"reference": f"Patient/{who}"},
            "performer": [{"reference": f"Practitioner/d-{who}"}],
        }


def test_of_a_server_that_gives_everybodys_only_the_patients_own_is_kept_and_followed() -> None:
    server = HeedsNothing(others=80)
    reply: Reply = fetch(server, identifiers=BY_NUMBER)
    assert ids(reply.items) == ["d-p1", "o-p1"]
    assert (reply.in_part, said(reply)) == (None, [])
    assert {str(entry.reason) for entry in reply.quarantined} == {"other-patient"}
    assert len(reply.quarantined) == 2 * 80
    assert [path for path in server.asked if path.startswith(("Practitioner/", "Organization/"))] == [
        "Practitioner/d-p1"
    ]


class GivesThePatientAlone:
    """A server that declares $everything, and answers it with the Patient and nothing else."""

    def __init__(self, *seen: Mapping[str, Any], status: int = 200) -> None:
        self.seen, self.status = seen, status
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(path)
        if path == "metadata":
            return fhir_json(r4_capability("Observation", "Procedure", everything=True))
        if path in ("Patient", "Patient/p1/$everything"):
            return fhir_json(bundle(PATIENT))
        if self.status != 200:
            return web.Response(status=self.status)
        return fhir_json(bundle(*self.seen) if path == "Observation" else bundle())


def test_an_everything_that_has_nothing_in_it_is_not_taken_at_its_word() -> None:
    server = GivesThePatientAlone(observation(key="o1", value="7"))
    reply: Reply = fetch(server, identifiers=BY_NUMBER)
    assert ids(reply.items) == ["o1"]
    assert json.loads(reply.subject or b"{}")["id"] == "p1"
    assert (reply.in_part, said(reply)) == (None, [])
    assert "Procedure" in server.asked


@pytest.mark.parametrize(
    "server",
    [
        lambda: GivesThePatientAlone(),
        lambda: GivesThePatientAlone(status=403),
        lambda: GivesThePatientAlone(status=400),
        lambda: GivesThePatientAlone({**observation(key="o1", value="7"), "subject": {"reference": "Patient/x"}}),
    ],
    ids=["searches find nothing", "searches are refused", "searches are not known", "searches find somebody else's"],
)
def test_an_everything_that_has_nothing_in_it_counts_where_no_search_finds_more(
    server: Callable[[], GivesThePatientAlone],
) -> None:
    asked = server()
    reply: Reply = fetch(asked, identifiers=BY_NUMBER)
    assert (ids(reply.items), reply.in_part, reply.quarantined, said(reply)) == ([], None, (), [])
    # One that rejects a search is asked in fewer words before it is believed.
    assert asked.asked.count("Observation") == (4 if asked.status == 400 else 1)
    assert "Procedure" not in asked.asked


# Pages that do not fit together


class Searched:
    """A server whose search for Observations has these pages, each with the address that it names as the next one.

    `asked`: what it was asked, by path and query.
    """

    def __init__(self, *pages: tuple[Mapping[str, Any], str | None], total: int | None = None) -> None:
        self.pages, self.total = pages, total
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(unquote(request.path_qs.removeprefix("/fhir/")))
        if path == "metadata":
            return fhir_json(r4_capability("Observation"))
        if path == "Patient":
            return fhir_json(bundle(PATIENT))
        if path != "Observation":
            return fhir_json({"resourceType": "Practitioner", "id": "d1"})
        number = int(request.query.get("_offset", "1"))
        page, following = self.pages[min(number, len(self.pages)) - 1]
        links = [] if following is None else [{"relation": "Next", "url": following}]
        return fhir_json({**page, "link": links, "total": self.total})


def moded(*found: tuple[Mapping[str, Any], str]) -> dict[str, Any]:
    """Return a page of entries that each say why they are there."""
    entries = [{"resource": resource, "search": {"mode": mode}} for resource, mode in found]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def some(*numbers: int) -> dict[str, Any]:
    return bundle(*(observation(key=f"o{number}", value="7") for number in numbers))


def test_what_is_included_does_not_make_up_for_what_did_not_come() -> None:
    page = moded((observation(key="o1", value="7"), "match"), (PRACTITIONER, "include"))
    reply: Reply = fetch(Searched((page, None), total=2))
    assert ids(reply.items) == ["d1", "o1"]
    assert reply.in_part is Reason.PAGES
    assert {code for code, _ in said(reply)} == {"incomplete"}


def test_pages_that_overlap_do_not_make_up_for_what_did_not_come() -> None:
    server = Searched((some(1, 2), "?_offset=2"), (some(1, 2), None), total=4)
    reply: Reply = fetch(server)
    assert ids(reply.items) == ["o1", "o2"]
    assert reply.in_part is Reason.PAGES
    whole: Reply = fetch(Searched((some(1, 2), "?_offset=2"), (some(2, 3, 4), None), total=4))
    assert (ids(whole.items), whole.in_part) == (["o1", "o2", "o3", "o4"], None)


def test_a_next_page_without_an_address_is_one_that_did_not_come() -> None:
    reply: Reply = fetch(Searched((some(1), "")))
    assert (ids(reply.items), reply.in_part) == (["o1"], Reason.PAGES)
    assert said(reply)
    whole: Reply = fetch(Searched((some(1), ""), total=1))
    assert (ids(whole.items), whole.in_part) == (["o1"], None)


@pytest.mark.parametrize("broken", ["https://[x/fhir?page=2", "//[", "https://ho\u2100st/fhir"])
def test_a_next_page_whose_address_cannot_be_read_is_no_fault_of_ours(broken: str) -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Searched((some(1), broken), total=3))
    assert caught.value.reason is Reason.PAGING


def test_a_server_that_counts_what_nobody_could_hold_takes_neither_time_nor_memory() -> None:
    began = time.monotonic()
    reply: Reply = fetch(Searched((some(1), "?_offset=2"), (some(2), None), total=10**38))
    assert (ids(reply.items), reply.in_part) == (["o1", "o2"], Reason.PAGES)
    assert time.monotonic() - began < 2


def test_a_name_by_which_a_server_calls_itself_counts_on_an_only_page_too() -> None:
    class OnePage(BehindGateway):
        def _page(self, resource: Mapping[str, Any], *, following: str = "", query: str = "") -> web.Response:
            return super()._page(resource, query=query)

    reply: Reply = fetch(OnePage())
    assert ids(reply.items) == ["d1", "o1"]


# Searches for the patient that have several pages


class Found:
    """A server whose search for the patient has these pages. `asked`: what it was asked, by path and query."""

    def __init__(self, *pages: Mapping[str, Any], relation: str = "next", named: str = "?page={number}") -> None:
        self.pages, self.relation, self.named = pages, relation, named
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir/")
        self.asked.append(unquote(request.path_qs.removeprefix("/fhir/")))
        if path == "metadata":
            return fhir_json(r4_capability("Observation"))
        if not path.startswith("Patient"):
            return fhir_json(some(1))
        number = int(request.query.get("page", "1"))
        links = [{"relation": self.relation, "url": self.named.format(number=number + 1)}]
        page = dict(self.pages[min(number, len(self.pages)) - 1])
        return fhir_json(page if number >= len(self.pages) else {**page, "link": links})


SECOND = {**PATIENT, "id": "p2"}


def test_the_patient_is_looked_for_on_every_page() -> None:
    server = Found(bundle(), bundle(), bundle(PATIENT))
    reply: Reply = fetch(server, identifiers=BY_NUMBER)
    assert ids(reply.items) == ["o1"]
    assert [asked for asked in server.asked if asked.startswith("Patient")][1:] == ["Patient?page=2", "Patient?page=3"]


def test_a_second_bearer_on_a_later_page_is_one_too_many() -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Found(bundle(PATIENT), bundle(SECOND)), identifiers=BY_NUMBER)
    assert caught.value.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(
    "named", ["https://elsewhere.example/fhir?page={number}", "https://[x?page={number}", "?page=1", ""]
)
def test_a_patient_who_may_be_on_a_page_that_cannot_be_had_is_not_unknown(named: str) -> None:
    with pytest.raises(Malformed) as caught:
        fetch(Found(bundle(), bundle(PATIENT), named=named), identifiers=BY_NUMBER)
    assert caught.value.reason is Reason.PAGING


def test_a_search_for_the_patient_without_an_end_is_left() -> None:
    server = Found(*[bundle()] * 100)
    with pytest.raises(Malformed) as caught:
        fetch(server, identifiers=BY_NUMBER)
    assert caught.value.reason is Reason.PAGING
    assert len(server.asked) < 20


def test_an_identifier_that_is_kept_out_of_addresses_is_kept_out_of_those_of_pages() -> None:
    telling = f"?identifier={LOCAL_VALUE.replace('/', '%2F')}&page={{number}}"
    server = Found(bundle(PATIENT), bundle(), named=telling)
    reply: Reply = fetch(server, identifiers=BY_NUMBER, options={"search": "post"})
    assert ids(reply.items) == ["o1"]
    assert not [asked for asked in server.asked if LOCAL_VALUE in asked]
    with pytest.raises(Malformed):
        fetch(Found(bundle(), bundle(PATIENT), named=telling), identifiers=BY_NUMBER, options={"search": "post"})
    assert fetch(Found(bundle(), bundle(PATIENT)), identifiers=BY_NUMBER, options={"search": "post"}).subject


@pytest.mark.parametrize(("severity", "error"), [("error", Unreachable), ("warning", UnknownPatient)])
def test_a_search_for_the_patient_that_reports_an_error_does_not_say_that_nobody_is_there(
    severity: str, error: type[SourceError]
) -> None:
    said_so = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}
    with pytest.raises(error):
        fetch(Found(moded((said_so, "outcome"))), identifiers=BY_NUMBER)


def test_a_patient_who_was_merged_into_one_on_another_server_is_nobody_of_this_one() -> None:
    asked: list[str] = []
    away = {"type": "replaced-by", "other": {"reference": "https://elsewhere.example/fhir/Patient/p2"}}

    async def server(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path.endswith("metadata"):
            return fhir_json(r4_capability("Observation"))
        return fhir_json(bundle({**PATIENT, "link": [away]}))

    with pytest.raises(Malformed) as caught:
        fetch(server, identifiers=BY_NUMBER)
    assert caught.value.reason is Reason.AMBIGUOUS
    assert not [path for path in asked if path.endswith("p2")]
