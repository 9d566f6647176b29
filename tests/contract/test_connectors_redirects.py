"""Servers that lead a read elsewhere: within their own base they are followed, and nowhere else, over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.errors import SourceError
from connectors.contract.outcomes import Reason
from connectors.promises.serving import serving
from connectors.transport.client import MAX_REDIRECTS, REDIRECTS
from tests.contract.loopback import PATIENT, ask, bundle, run
from tests.contract.test_connectors_fetch import ids
from tests.contract.test_connectors_other_makers import Answering, Server, condition, failed, missing, read


def leading(location: str, *, status: int = 302) -> Answering:
    """Return an answer that leads elsewhere; `{base}` and `{query}` in it are those of the request."""

    def answer(request: web.Request) -> web.Response:
        base = f"{request.url.origin()}/fhir"
        where = location.replace("{base}", base).replace("{query}", request.query_string)
        return web.Response(status=status, headers={"Location": where})

    return answer


@pytest.mark.parametrize("status", sorted(REDIRECTS))
def test_every_read_is_followed_to_where_its_server_leads_it(status: int) -> None:
    """Rails, Django and IIS lead an address without a slash to the one that has it."""
    answers: dict[str, Any] = {"Patient/p1/$everything": bundle(PATIENT, condition("c1"))}
    server = Server(answers, everything=True)
    for name in list(server.answers):
        server.answers[f"{name}/"] = server.answers[name]
        server.answers[name] = leading(f"{{base}}/{name}/?{{query}}", status=status)
    reply = read(server)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1"], None, {})


@pytest.mark.parametrize(
    "location",
    [
        "{base}/Condition/?{query}",
        "/fhir/Condition/?{query}",
        "Condition/?{query}",
        "/Condition/?{query}",
        "/fhir/x/../Condition/?{query}",
        "{base}/Condition/?patient=p1#here",
    ],
)
def test_a_redirect_is_followed_however_it_says_where(location: str) -> None:
    server = Server({"Condition": leading(location), "Condition/": bundle(condition("c1"))})
    assert ids(read(server).items) == ["c1"]


def test_a_name_that_the_server_goes_by_leads_to_the_address_that_is_asked() -> None:
    inside = "https://inside.example/r4"
    answers = {"Condition": leading(f"{inside}/Condition/?{{query}}"), "Condition/": bundle(condition("c1"))}
    assert ids(read(Server(answers), options={"public_base": inside}).items) == ["c1"]
    assert failed(Server(answers)).reason is Reason.REDIRECT


@pytest.mark.parametrize("everything", [True, False])
def test_the_pages_of_a_result_that_is_kept_elsewhere_are_found_from_there(everything: bool) -> None:
    """A server may keep what it found, and answer a search with where that is (RFC 9110, 15.4.4)."""

    def kept(request: web.Request) -> Any:
        page = int(request.query.get("page", "1"))
        return bundle(PATIENT, condition(f"c{page}"), following=f"7?page={page + 1}" if page < 4 else "")

    name = "Patient/p1/$everything" if everything else "Condition"
    stored = leading("{base}/results/7", status=303)
    server = Server({"Condition": stored, name: stored, "results/7": kept}, everything=everything)
    reply = read(server)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1", "c2", "c3", "c4"], None, {})


def test_pages_that_are_asked_for_ahead_are_followed_too() -> None:
    def pages(request: web.Request) -> Any:
        page = int(request.query.get("page", "1"))
        if request.path.endswith("n"):
            return leading(f"{{base}}/Condition/?page={page}")
        following = f"{request.url.origin()}/fhir/Condition?page={page + 1}" if page < 6 else ""
        return {**bundle(condition(f"c{page}"), following=following), "total": 6}

    server = Server({"Condition": pages, "Condition/": pages})
    reply = read(server)
    assert (ids(reply.items), reply.in_part) == ([f"c{page}" for page in range(1, 7)], None)
    assert sorted(server.asked) == sorted(set(server.asked))


def test_a_kept_result_whose_last_page_leads_back_to_it_is_a_loop() -> None:
    server = Server(
        {"Condition": leading("{base}/results/7"), "results/7": bundle(condition("c1"), following="/fhir/results/7")}
    )
    assert failed(server).reason is Reason.PAGING


ELSEWHERE = [
    "http://other.example/fhir/Condition",
    "http://127.0.0.1:1/fhir/Condition?{query}",
    "https://127.0.0.1/fhir/Condition?{query}",
    "//other.example/fhir/Condition",
    "{base}2/Condition?{query}",
    "/admin",
    "{base}/%2e%2e/admin",
    "../admin",
    "{base}/..%2fadmin",
    "{base}\\..\\admin",
    "file:///etc/passwd",
    "",
    "{base}/Condition?{query}",  # itself
    "?{query}",
    "{base}/Condition/",  # the same, without what was asked
    "{base}/condition",
]


@pytest.mark.parametrize("location", ELSEWHERE)
def test_a_redirect_that_leads_anywhere_else_is_not_followed(location: str) -> None:
    server = Server({"Condition": leading(location), "Condition/": bundle(), "condition": bundle()})
    fault = failed(server)
    assert (fault.outcome, fault.reason) == ("malformed", Reason.REDIRECT)
    assert not [asked for asked in server.asked if "admin" in asked or asked in ("Condition/", "condition")]
    assert len(server.searches("Condition")) == 1


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_what_is_no_redirect_is_not_followed(status: int) -> None:
    server = Server({"Condition": leading("{base}/Condition/?{query}", status=status), "Condition/": bundle()})
    assert failed(server).reason is Reason.REDIRECT


@pytest.mark.parametrize(("times", "is_followed"), [(MAX_REDIRECTS, True), (MAX_REDIRECTS + 1, False)])
def test_redirects_without_end_are_not_followed_for_ever(times: int, is_followed: bool) -> None:
    def answer(request: web.Request) -> Any:
        at = int(request.query.get("at", 0))
        return bundle(condition("c1")) if at == times else leading(f"{{base}}/Condition?at={at + 1}")

    server = Server({"Condition": answer})
    if is_followed:
        assert ids(read(server).items) == ["c1"]
    else:
        assert failed(server).reason is Reason.REDIRECT
    assert len(server.searches("Condition")) == MAX_REDIRECTS + 1


def test_a_search_by_post_is_never_sent_elsewhere() -> None:
    moved = leading("{base}/Patient/_search/", status=307)
    server = Server({"Patient/_search": moved, "Patient/_search/": bundle(PATIENT), "Condition": bundle()})
    assert failed(server, options={"search": "post"}).reason is Reason.REDIRECT
    assert server.searches("Patient/_search") == ["Patient/_search"]


def test_a_page_of_a_search_by_post_is_not_led_to_an_address_that_holds_the_identifier() -> None:
    identifying = leading("{base}/Patient?identifier=MRN%2F42&page=2")
    listed = bundle(following="results?page=2")
    server = Server({"Patient/_search": listed, "Patient/results": identifying, "Condition": bundle()})
    assert failed(server, options={"search": "post"}).reason is Reason.REDIRECT
    assert not [asked for asked in server.asked if "MRN" in asked]


@pytest.mark.parametrize("location", ["{other}/fhir/Condition?patient=p1", "{base}/Condition/?{query}"])
def test_a_token_goes_to_no_other_server(location: str, tmp_path: Path) -> None:
    told: list[Mapping[str, str]] = []
    secret = tmp_path / "token"
    secret.write_text("s3cret")

    async def other(request: web.Request) -> web.StreamResponse:
        told.append(request.headers)
        return web.Response()

    class Remembering(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            assert request.headers["Authorization"] == "Bearer s3cret"
            return await super().__call__(request)

    async def work() -> list[str]:
        async with serving(other) as elsewhere:
            moved = leading(location.replace("{other}", elsewhere.removesuffix("/fhir")))
            answers = {"Condition": moved, "Condition/": bundle(condition("c1"))}
            async with serving(Remembering(answers)) as base:
                options, secrets = {"auth": "token"}, {"token_secret": secret}
                try:
                    return ids((await ask(kind="fhir_r4", base=base, options=options, secrets=secrets)).items)
                except SourceError as fault:
                    return [str(fault.reason)]

    assert run(work()) == (["redirect"] if "other" in location else ["c1"])
    assert told == []
