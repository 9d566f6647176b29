"""Servers that hold more than is taken: what came whole is kept, and it is said that the rest was too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Reason
from connectors.fhir_r4.capability import UNDECLARED
from connectors.transport.limits import TransportLimits
from tests.contract.loopback import PATIENT, bundle, fhir_json
from tests.contract.test_connectors_fetch import ids
from tests.contract.test_connectors_other_makers import (
    Answering,
    Server,
    condition,
    failed,
    missing,
    outcome,
    read,
    rejected,
    seen,
)

KIB = 1024
LIMITS = TransportLimits(page_bytes=60 * KIB, answer_bytes=250 * KIB, retries=0)


def letters(key: str, *, kib: int) -> dict[str, Any]:
    return {**condition(key), "note": [{"text": "x" * (kib * KIB)}]}


def pages(*sizes: int, total: int | None = None) -> Answering:
    """Return the answer to a question whose pages have these sizes in KiB."""

    def answer(request: web.Request) -> Any:
        at = int(request.query.get("page", "0"))
        following = f"{request.url.with_query(page=at + 1)}" if at + 1 < len(sizes) else ""
        found = bundle(PATIENT, letters(f"c{at}", kib=sizes[at]), following=following)
        return found if total is None else {**found, "total": total}

    return answer


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(("total", "of_all"), [(None, "the first 4 pages"), (9, "4 of 9 pages")])
def test_of_more_than_is_taken_in_all_what_came_whole_is_kept(everything: bool, total: int | None, of_all: str) -> None:
    name = "Patient/p1/$everything" if everything else "Condition"
    server = Server({"Condition": bundle(), name: pages(*[50] * 9, total=total)}, everything=everything)
    reply = read(server, limits=LIMITS)
    assert ids(reply.items) == ["c0", "c1", "c2", "c3"]
    assert reply.in_part is Reason.PAGES
    what, category = ("the record", None) if everything else ("problems and diagnoses", RecordCategory.PROBLEMS)
    assert missing(reply) == {category: f"Only {of_all} of {what} were received: there was too much to take."}


@pytest.mark.parametrize("everything", [True, False])
def test_a_later_page_that_is_too_large_costs_none_before_it(everything: bool) -> None:
    name = "Patient/p1/$everything" if everything else "Condition"
    reply = read(Server({"Condition": bundle(), name: pages(5, 5, 90, 5)}, everything=everything), limits=LIMITS)
    assert (ids(reply.items), reply.in_part) == (["c0", "c1"], Reason.PAGES)
    assert [words.partition(":")[2] for words in missing(reply).values()] == [" there was too much to take."]


def test_one_search_that_is_too_large_costs_no_other() -> None:
    reply = read(Server({"Condition": bundle(letters("c1", kib=90)), "Observation": bundle(seen("o1"))}), limits=LIMITS)
    assert (ids(reply.items), reply.in_part) == (["o1"], Reason.SEARCHES)
    assert missing(reply) == {
        RecordCategory.PROBLEMS: "Problems and diagnoses could not be retrieved: there was too much to take."
    }


def test_what_is_small_is_taken_though_something_else_has_left_it_little_room() -> None:
    large = [(name, pages(*[50] * 9)) for name in ("CarePlan", "CareTeam", "Condition", "Goal")]
    server = Server({**dict(large), "Observation": bundle(seen("o1"))})
    reply = read(server, limits=LIMITS)
    assert "o1" in ids(reply.items)
    assert RecordCategory.RESULTS not in missing(reply)
    assert sum(len(item.resource) for item in reply.items) <= LIMITS.answer_bytes


def test_an_everything_that_is_too_large_leaves_the_searches() -> None:
    whole = {"Patient/p1/$everything": bundle(PATIENT, letters("c1", kib=90))}
    server = Server({**whole, "Condition": pages(30, 30), "Observation": bundle(seen("o1"))}, everything=True)
    reply = read(server, limits=LIMITS)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c0", "c1", "o1"], None, {})


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(
    ("other", "ended"),
    [
        ({}, ("malformed", Reason.TOO_LARGE)),
        ({"Observation": bundle()}, ("malformed", Reason.TOO_LARGE)),
        ({"Observation": rejected(status=403)}, ("refused", Reason.CREDENTIALS)),
    ],
)
def test_where_nothing_came_that_can_be_taken_it_was_too_large(
    everything: bool, other: Mapping[str, Any], ended: tuple[str, Reason]
) -> None:
    large = bundle(PATIENT, letters("c1", kib=90))
    server = Server({"Condition": large, "Patient/p1/$everything": large, **other}, everything=everything)
    fault = failed(server, limits=LIMITS)
    assert (fault.outcome, fault.reason) == ended


def test_what_comes_in_vain_is_not_taken_without_end() -> None:
    """A server may answer each of 46 searches, and each of those with fewer entries, with more than is taken."""
    sent: list[int] = []

    class Floods(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            if request.path.removeprefix("/fhir/") in ("metadata", "Patient"):
                return await super().__call__(request)
            sent.append(1)
            return fhir_json(bundle(letters("c1", kib=90)))

    fault = failed(Floods({"metadata": fhir_json(outcome("x"), status=404)}), limits=LIMITS)
    assert (fault.outcome, fault.reason) == ("malformed", Reason.TOO_LARGE)
    in_vain = LIMITS.answer_bytes // LIMITS.page_bytes
    assert in_vain <= len(sent) <= in_vain + 5 < len(UNDECLARED.types)
