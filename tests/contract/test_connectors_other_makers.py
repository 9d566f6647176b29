"""FHIR servers as several makers build them: what each does otherwise, over real HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.outcomes import Reason
from connectors.contract.values import Identifier, Reply
from connectors.fhir_r4.capability import NOT_R4, UNDECLARED
from connectors.transport.limits import TransportLimits
from tests.contract.loopback import LOCAL_SYSTEM, LOCAL_VALUE, PATIENT, SUBJECT, bundle, fhir_json, r4_capability
from tests.contract.test_connectors_fetch import fetch, ids

BY_NUMBER = (Identifier(system=LOCAL_SYSTEM, value=LOCAL_VALUE),)
Answering = Callable[[web.Request], Any]


class Server:
    """A server that says to a path under its base what a test wants: a body of FHIR, or a whole response.

    It knows one Patient, and declares the types whose searches are answered. `asked`: each path, with its query.
    """

    def __init__(self, answers: Mapping[str, Any], *, everything: bool = False, **stated: Any) -> None:
        self.answers: dict[str, Any] = {
            "metadata": {
                **r4_capability(*(name for name in answers if name.isalpha() and name[0].isupper())),
                **stated,
            },
            "Patient": bundle(PATIENT),
            "Patient/p1": PATIENT,
            **answers,
        }
        if everything:
            operation = {"name": "everything"}
            self.answers["metadata"]["rest"][0]["resource"][0]["operation"] = [operation]
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/fhir").removeprefix("/")
        self.asked.append(request.path_qs.removeprefix("/fhir/"))
        said = self.answers.get(path, fhir_json(outcome("not-found"), status=404))
        while callable(said):
            said = said(request)
        return said if isinstance(said, web.StreamResponse) else fhir_json(said)

    def searches(self, name: str, /) -> list[str]:
        return [asked for asked in self.asked if asked.startswith(name)]


def outcome(code: str, *, severity: str = "error") -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def rejected(code: str = "invalid", *, status: int = 400) -> Answering:
    return lambda _: fhir_json(outcome(code), status=status)


def condition(key: str, *, about: str = "p1") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": key,
        "code": {"text": "Asthma"},
        "subject": {"reference": f"Patient/{about}"},
    }


def seen(key: str, *, category: str = "laboratory", **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "category": [{"coding": [{"code": category}]}],
        "code": {"text": "Haemoglobin"},
        "subject": SUBJECT,
        **members,
    }


def read(server: Any, **options: Any) -> Reply:
    reply: Reply = fetch(server, identifiers=BY_NUMBER, **options)
    return reply


def failed(server: Any, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(server, **options)
    return caught.value


def missing(reply: Reply) -> dict[RecordCategory | None, str]:
    """Return what is said to be missing, by section."""
    return {notice.category: notice.words for notice in reply.notices if notice.code.leaves_out}


# A server that rejects a search and answers the same in other words


def at_most(most: int | None, *found: Mapping[str, Any]) -> Answering:
    """Return the answer to a search that takes pages of so many entries at most; None: of no stated size."""

    def answer(request: web.Request) -> Any:
        count = request.query.get("_count")
        too_many = count is not None and (most is None or int(count) > most)
        return rejected("too-costly") if too_many else bundle(*found)

    return answer


@pytest.mark.parametrize("everything", [True, False])
def test_pages_of_letters_that_stand_within_their_entries_are_read_a_few_at_a_time(everything: bool) -> None:
    letter = {**condition("c"), "note": [{"text": "x" * 50_000}]}
    letters = [{**letter, "id": f"c{number}"} for number in range(60)]

    def pages(request: web.Request) -> Any:
        count, start = int(request.query["_count"]), int(request.query.get("start", 0))
        entries = [PATIENT, *letters] if everything else letters
        following = f"?_count={count}&start={start + count}" if start + count < len(entries) else ""
        return bundle(
            *entries[start : start + count], following=following and f"{request.url.origin()}{request.path}{following}"
        )

    name = "Patient/p1/$everything" if everything else "Condition"
    server = Server({"Condition": pages, name: pages}, everything=everything)
    reply = read(server, limits=TransportLimits(page_bytes=1_500_000, answer_bytes=6_000_000))
    assert sorted(ids(reply.items)) == sorted(each["id"] for each in letters)
    assert reply.in_part is None
    too_large = failed(server, limits=TransportLimits(page_bytes=900_000, answer_bytes=6_000_000))
    assert too_large.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("most", [100, 50, None])
@pytest.mark.parametrize("everything", [True, False])
def test_a_server_that_wants_smaller_pages_is_asked_for_those(most: int | None, everything: bool) -> None:
    """AWS HealthLake takes a `_count` of a hundred at most; the FHIR server of Azure rejects what is above its own."""
    searched = {"Condition": at_most(most, condition("c1")), "Procedure": at_most(most)}
    whole = {"Patient/p1/$everything": at_most(most, PATIENT, condition("c1"))}
    server = Server({**searched, **(whole if everything else {})}, everything=everything)
    reply = read(server)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1"], None, {})


def test_a_server_whose_types_differ_in_the_size_of_their_pages_gives_each() -> None:
    whole = {"Patient/p1/$everything": bundle(PATIENT), "Condition": bundle(), "Observation": at_most(50, seen("o1"))}
    for everything in (True, False):
        reply = read(Server({**whole, "AllergyIntolerance": bundle()}, everything=everything))
        assert (ids(reply.items), reply.in_part, missing(reply)) == (["o1"], None, {})


@pytest.mark.parametrize("parameter", ["_revinclude", "_include"])
def test_a_server_that_rejects_what_it_declares_to_include_gives_the_rest(parameter: str) -> None:
    def answer(request: web.Request) -> Any:
        return rejected() if parameter in request.query else bundle(condition("c1"))

    stated = r4_capability("Condition")
    stated["rest"][0]["resource"][1]["searchInclude"] = ["Condition:recorder"]
    reply = read(Server({"Condition": answer, "metadata": stated}))
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1"], None, {})


def test_a_server_that_has_taken_a_search_of_that_size_is_not_asked_for_smaller_pages() -> None:
    stated = r4_capability("Condition", "Flag", "Goal", "Procedure", "Media")
    for declared in stated["rest"][0]["resource"]:
        declared.pop("searchRevInclude", None)
    names = ("Condition", "Flag", "Goal", "Procedure")
    server = Server({**{name: bundle() for name in names}, "Media": rejected(), "metadata": stated})
    assert list(missing(read(server)).values()) == ["It cannot be asked for photographs and recordings."]
    assert server.searches("Media") == ["Media?patient=p1&_count=200", "Media?patient=p1"]


def needs(parameter: str, **values: list[Mapping[str, Any]]) -> Answering:
    """Return the answer to a search that is rejected without a further parameter, and what it gives for its values."""

    def answer(request: web.Request) -> Any:
        value = request.query.get(parameter)
        if value is None:
            return rejected("required")
        return bundle(*values.get(value.replace("-", "_"), []))

    return answer


def test_a_server_that_wants_to_know_which_observations_is_asked_for_each_kind() -> None:
    """Epic answers a search for Observations by patient alone with 400, `required`. US Core demands no more."""
    answer = needs("category", laboratory=[seen("o1")], vital_signs=[seen("o2", category="vital-signs"), seen("o1")])
    reply = read(Server({"Observation": answer, "Condition": bundle(condition("c1"))}))
    assert ids(reply.items) == ["c1", "o1", "o2"]
    words = "It gives observations and test results only by category: any of an unusual category may be missing."
    assert {category for category, said in missing(reply).items() if said == words} == {
        RecordCategory.RESULTS,
        RecordCategory.OBSERVATIONS,
        RecordCategory.HISTORY,
    }


@pytest.mark.parametrize("everything", [True, False])
def test_an_error_with_a_status_of_success_is_such_a_rejection_too(everything: bool) -> None:
    def answer(request: web.Request) -> Any:
        return bundle(seen("o1")) if request.query.get("category") == "laboratory" else outcome("required")

    server = Server({"Observation": answer, "Patient/p1/$everything": rejected()}, everything=everything)
    assert ids(read(server).items) == ["o1"]


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("CarePlan", "category", "assess-plan"),
        ("CareTeam", "status", "active"),
        ("Condition", "category", "problem-list-item"),
        ("DiagnosticReport", "category", "LAB"),
        ("DocumentReference", "category", "clinical-note"),
        ("MedicationRequest", "intent", "order"),
    ],
)
def test_what_else_a_server_may_demand_is_asked_for(name: str, parameter: str, value: str) -> None:
    held = {"resourceType": name, "id": "x1", "subject": SUBJECT}

    def answer(request: web.Request) -> Any:
        return bundle(held) if request.query.get(parameter) == value else rejected("required")

    server = Server({name: answer, "Flag": bundle()})
    reply = read(server)
    assert len(reply.items) + len(reply.quarantined) == 1
    assert "only by" in " ".join(missing(reply).values())


def test_one_kind_that_is_lost_is_said_to_be() -> None:
    def answer(request: web.Request) -> Any:
        value = request.query.get("category")
        if value == "vital-signs":
            return web.Response(status=504)
        return bundle(seen("o1")) if value else rejected("required")

    reply = read(Server({"Observation": answer}))
    assert (ids(reply.items), reply.in_part) == (["o1"], Reason.PAGES)
    assert set(missing(reply).values()) == {"Not all observations and test results could be retrieved."}
    assert len(missing(reply)) == 3


@pytest.mark.parametrize(
    ("said", "most"),
    [(rejected(status=400), 70), (rejected(status=422), 70), (rejected(status=404), 50), (outcome("x"), 60)],
)
def test_a_server_that_rejects_every_search_is_soon_left_alone(said: Any, most: int) -> None:
    """One without a statement is searched by 46 types, each in several forms and by up to nine values."""
    answers = {"metadata": rejected(status=404), "Patient": bundle(PATIENT)}

    class RejectsAll(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            path = request.path.removeprefix("/fhir/")
            self.answers[path] = answers.get(path, said)
            return await super().__call__(request)

    server = RejectsAll({})
    fault = failed(server, seconds=20)
    assert (fault.outcome, fault.reason) == ("not-asked", Reason.NOTHING_SEARCHABLE)
    assert len(UNDECLARED.types) < len(server.asked) <= most
    assert {asked.partition("?")[0] for asked in server.asked} >= {declared.name for declared in UNDECLARED.types}


def test_a_type_that_is_given_in_other_words_is_found_after_many_that_are_not_given() -> None:
    """Rejections of what a server does not have say nothing about how it wants to be asked for what it has."""
    rejecting = {declared.name: rejected() for declared in UNDECLARED.types}
    latest = {"VisionPrescription": at_most(50, {"resourceType": "VisionPrescription", "id": "v1", "patient": SUBJECT})}
    server = Server({**rejecting, **latest, "metadata": rejected(status=404)})
    reply = read(server, seconds=20)
    assert [json.loads(entry.original)["id"] for entry in reply.quarantined] + ids(reply.items) == ["v1"]


def test_a_type_that_is_given_by_its_kinds_alone_is_found_where_no_other_is_given() -> None:
    rejecting = {declared.name: rejected() for declared in UNDECLARED.types}
    by_kind = needs("category", laboratory=[seen("o1")], vital_signs=[seen("o2", category="vital-signs")])
    server = Server({**rejecting, "Observation": by_kind, "metadata": rejected(status=404)})
    assert ids(read(server, seconds=20).items) == ["o1", "o2"]


# One search, or one page, of which something else comes


@pytest.mark.parametrize("status", [402, 406, 409, 410, 412, 413, 414, 415, 423, 424, 428, 431])
def test_a_search_that_is_not_taken_costs_no_other(status: int) -> None:
    reply = read(Server({"Condition": bundle(condition("c1")), "Flag": rejected(status=status)}))
    assert ids(reply.items) == ["c1"]
    assert missing(reply) == {RecordCategory.ALERTS: "It cannot be asked for alerts."}


@pytest.mark.parametrize("status", [202, 204, 205, 206])
def test_a_success_that_does_not_bring_what_was_asked_for_is_not_emptiness(status: int) -> None:
    server = Server({"Condition": bundle(condition("c1")), "Flag": lambda _: web.Response(status=status)})
    reply = read(server)
    assert (ids(reply.items), reply.in_part) == (["c1"], Reason.SEARCHES)
    assert missing(reply) == {RecordCategory.ALERTS: "Alerts could not be retrieved."}


def test_what_the_law_keeps_back_is_refused() -> None:
    reply = read(Server({"Condition": bundle(condition("c1")), "Flag": rejected(status=451)}))
    assert missing(reply) == {RecordCategory.ALERTS: "It would not release alerts."}


def test_an_answer_that_came_by_way_of_a_proxy_that_changes_them_is_one() -> None:
    server = Server({"Condition": lambda _: fhir_json(bundle(condition("c1")), status=203)})
    assert ids(read(server).items) == ["c1"]


@pytest.mark.parametrize("status", [202, 204, 206, 400, 404, 409, 410, 412, 414, 422, 451])
@pytest.mark.parametrize("everything", [True, False])
def test_a_page_that_a_server_named_and_no_longer_gives_costs_none_that_came(status: int, everything: bool) -> None:
    """Tokens that stand for a page run out, and many servers answer such a one with 400."""

    def answer(request: web.Request) -> Any:
        if "ct" in request.query:
            return web.Response(status=status)
        return bundle(PATIENT, condition("c1"), following=f"{request.url.with_query(ct='bG9uZw')}")

    server = Server({"Condition": answer, "Patient/p1/$everything": answer}, everything=everything)
    reply = read(server)
    assert (ids(reply.items), reply.in_part) == (["c1"], Reason.PAGES)
    assert len(missing(reply)) == 1


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "identity"])
def test_a_charset_where_a_packing_belongs_packs_nothing(encoding: str) -> None:
    def answer(_: web.Request) -> web.Response:
        page = fhir_json(bundle(condition("c1")))
        page.headers["Content-Encoding"] = encoding
        return page

    assert ids(read(Server({"Condition": answer})).items) == ["c1"]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_what_is_packed_as_was_asked_for_is_read_whatever_that_is_called(encoding: str) -> None:
    def answer(_: web.Request) -> web.Response:
        packed = gzip.compress(json.dumps(bundle(condition("c1"))).encode())
        return web.Response(
            body=packed, headers={"Content-Type": "application/fhir+json", "Content-Encoding": encoding}
        )

    assert ids(read(Server({"Condition": answer})).items) == ["c1"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate"])
def test_what_is_packed_in_another_way_is_said_to_be(encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    fault = failed(Server({"Condition": lambda _: web.Response(body=b"\x8b\x02\x80{}\x03", headers=headers)}))
    assert (fault.outcome, fault.reason) == ("malformed", Reason.ENCODING)


# A server that pays no heed to whom it is asked about


def test_a_search_that_gives_everybodys_without_end_costs_no_other() -> None:
    pages_asked: list[int] = []

    def everybodys(request: web.Request) -> Any:
        page = int(request.query.get("page", "1"))
        pages_asked.append(page)
        others = [condition(f"c{page}", about=f"x{page}")]
        return bundle(*others, following=f"{request.url.with_query(page=page + 1)}")

    reply = read(Server({"Condition": everybodys, "Observation": bundle(seen("o1"))}), seconds=20)
    assert (ids(reply.items), reply.in_part) == (["o1"], Reason.PAGES)
    assert missing(reply) == {
        RecordCategory.PROBLEMS: "Only the first 10 pages of problems and diagnoses were received."
    }
    assert max(pages_asked) == 10


def test_a_record_of_more_pages_than_are_read_is_kept_as_far_as_it_was_read() -> None:
    def endless(request: web.Request) -> Any:
        page = int(request.query.get("page", "1"))
        return bundle(condition(f"c{page}"), following=f"{request.url.with_query(page=page + 1)}")

    reply = read(Server({"Condition": endless}), seconds=30)
    assert (len(reply.items), reply.in_part) == (200, Reason.PAGES)
    assert missing(reply) == {
        RecordCategory.PROBLEMS: "Only the first 200 pages of problems and diagnoses were received."
    }


# Links as they are written


def paged(link: Callable[[web.Request], str], *, itself: str = "") -> Answering:
    """Return the answer to a question of two pages, of which the first names the second so."""

    def answer(request: web.Request) -> Any:
        if "token" in request.query:
            return bundle(condition("c2"))
        page = bundle(PATIENT, condition("c1"), following=link(request))
        if itself:
            page["link"].append({"relation": "self", "url": itself})
        return page

    return answer


@pytest.mark.parametrize(
    ("link", "itself"),
    [
        ("/{path}?token=1", ""),
        ("/?token=1", ""),
        ("{path}?token=1", ""),
        ("?token=1", ""),
        ("/inside/r4/{path}?token=1", "/inside/r4/{path}?patient=p1"),
        ("http://inside.example/r4/{path}?token=1", "http://inside.example/r4/{path}?patient=p1"),
        ("http://inside.example/r4/{path}/?token=1", "http://inside.example/r4/{path}/?patient=p1"),
    ],
    ids=[
        "from the base",
        "the base",
        "from the base, no slash",
        "query",
        "a path of its own",
        "a host of its own",
        "/?",
    ],
)
@pytest.mark.parametrize("everything", [True, False])
def test_a_link_is_followed_however_it_says_where(link: str, itself: str, everything: bool) -> None:
    """Aidbox writes `/Condition?...` from its base, InterSystems IRIS no host, Google `Condition/?...`."""
    path = "Patient/p1/$everything" if everything else "Condition"
    answer = paged(lambda _: link.format(path=path), itself=itself.format(path=path))
    server = Server({"Condition": answer, "Patient/p1/$everything": answer, "": answer}, everything=everything)
    server.answers |= {f"{name}/": said for name, said in server.answers.items()}
    reply = read(server)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1", "c2"], None, {})


def test_a_remark_among_the_results_does_not_stand_for_one_of_them() -> None:
    """Epic puts its remarks beside the results; not every server says of one that it is no match."""
    page = {**bundle(condition("c1"), outcome("informational", severity="warning")), "total": 2}
    reply = read(Server({"Condition": page}))
    assert (ids(reply.items), reply.in_part) == (["c1"], Reason.PAGES)


@pytest.mark.parametrize("null", [{"entry": None}, {"link": None, "entry": []}, {"entry": None, "total": None}])
def test_a_search_that_finds_nothing_and_writes_null_is_empty(null: Mapping[str, Any]) -> None:
    """As a list of nothing comes out of a program in Go or in C# that was not told otherwise."""
    server = Server({"Condition": bundle(condition("c1")), "Flag": {"resourceType": "Bundle", **null}})
    reply = read(server)
    assert (ids(reply.items), reply.in_part, missing(reply)) == (["c1"], None, {})


def test_a_next_link_without_an_address_is_no_end() -> None:
    page = {**bundle(condition("c1")), "link": [{"relation": "next", "url": None}]}
    reply = read(Server({"Condition": page}))
    assert (ids(reply.items), reply.in_part) == (["c1"], Reason.PAGES)


# What a server says that it can do


def stated(**members: Any) -> dict[str, Any]:
    made = {**r4_capability("Condition"), **members}
    return {name: value for name, value in made.items() if value is not ...}


@pytest.mark.parametrize(
    "statement",
    [
        stated(fhirVersion=...),
        stated(fhirVersion=None),
        stated(fhirVersion=""),
        stated(fhirVersion=" 4.0.1 "),
        stated(fhirVersion="4.0"),
        stated(rest=..., instantiates=["http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"]),
        stated(rest=[], imports=["http://hospital.example/fhir/CapabilityStatement/base"]),
        stated(rest=r4_capability("Condition")["rest"][0]),
        stated(rest=[{"mode": "client", "resource": []}, *r4_capability("Condition")["rest"], {"mode": "server"}]),
    ],
    ids=["no release", "null", "empty", "space", "short", "instantiates", "imports", "no list", "several"],
)
def test_a_statement_that_says_less_than_it_should_keeps_no_record_back(statement: dict[str, Any]) -> None:
    reply = read(Server({"Condition": bundle(condition("c1")), "metadata": statement}))
    assert ids(reply.items) == ["c1"]


@pytest.mark.parametrize("apart", [True, False], ids=["two rests", "one rest"])
def test_a_type_that_is_declared_twice_is_searched_by_all_that_is_declared(apart: bool) -> None:
    bare = {"type": "Condition", "interaction": [{"code": "read"}]}
    whole = {"type": "Condition", "interaction": [{"code": "search-type"}], "searchParam": [{"name": "subject"}]}
    patient = {"type": "Patient", "searchParam": {"name": "identifier"}}
    rests = [[patient, bare], [whole]] if apart else [[patient, bare, whole]]
    statement = stated(rest=[{"mode": "server", "resource": resources} for resources in rests])
    server = Server({"Condition": bundle(condition("c1")), "metadata": statement})
    assert ids(read(server).items) == ["c1"]
    assert [asked.partition("&")[0] for asked in server.searches("Condition")] == ["Condition?subject=Patient/p1"]


@pytest.mark.parametrize("release", ["3.0.2", "5.0.0", "1.0.2", 3.0, ["4.0.1"]])
def test_a_statement_of_another_release_is_none_of_r4(release: Any) -> None:
    fault = failed(Server({"Condition": bundle(condition("c1")), "metadata": stated(fhirVersion=release)}))
    assert fault.outcome == "malformed"
    assert fault.reason in (Reason.SPEAKS_STU3, Reason.SPEAKS_R5, Reason.OTHER_RELEASE)


@pytest.mark.parametrize("definition", ["Patient-everything|4.0.1", "Patient-everything"])
def test_everything_is_found_under_a_name_of_the_servers_own(definition: str) -> None:
    statement = stated()
    operation = {"name": "all", "definition": f"http://hl7.org/fhir/OperationDefinition/{definition}"}
    statement["rest"][0]["resource"][0]["operation"] = [operation]
    server = Server({"Patient/p1/$everything": bundle(PATIENT, condition("c1")), "metadata": statement})
    assert ids(read(server).items) == ["c1"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_statement_that_is_not_for_us_keeps_back_no_record_that_is(status: int) -> None:
    """HAPI FHIR with rules for its data and none for its statement."""
    reply = read(Server({"Condition": bundle(condition("c1")), "metadata": rejected(status=status)}))
    assert ids(reply.items) == ["c1"]


HTML = "<!DOCTYPE html><title>Fault</title>"
UNSTATED = "What it can be asked for could not be learned: it may hold more than it was asked for."
XML = "<CapabilityStatement xmlns='http://hl7.org/fhir'><fhirVersion value='{}'/></CapabilityStatement>"


def page(body: str = HTML, *, status: int = 200, kind: str = "text/html", release: str = "") -> Answering:
    headers = {"Content-Type": f"{kind}; fhirVersion={release}" if release else kind}
    return lambda _: web.Response(status=status, body=body.encode(), headers=headers)


@pytest.mark.parametrize(
    "statement",
    [
        *(rejected(status=status) for status in (400, 401, 403, 406, 422, 451, 500)),
        *(page(status=status) for status in (200, 400, 401, 500)),
        *(page(status=status, body="") for status in (200, 202, 204, 400, 500)),
        outcome("exception"),
        {"status": "ok"},
        [],
        page("{"),
        page('{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","rest":['),
        page(XML.format("4.0.1"), kind="application/fhir+xml", release="4.0"),
        {"resourceType": "Patient", "id": "p1"},
    ],
)
def test_where_a_statement_fails_the_patients_that_are_served_are_not_kept_back(statement: Any) -> None:
    server = Server({"Condition": bundle(condition("c1")), "Goal": bundle(), "metadata": statement})
    reply = read(server)
    assert ids(reply.items) == ["c1"]
    assert missing(reply)[None] == UNSTATED
    assert server.searches("Goal")


@pytest.mark.parametrize(
    ("statement", "outcome", "reason"),
    [
        (page(status=429), "unreachable", Reason.STATUS),
        (page(status=408), "unreachable", Reason.STATUS),
        (page(status=502), "unreachable", Reason.GATEWAY),
        (page(status=503), "unreachable", Reason.STATUS),
        (page(status=504), "unreachable", Reason.STATUS),
        (page(XML.format("3.0.2"), kind="application/fhir+xml"), "malformed", Reason.SPEAKS_STU3),
        (page(XML.format("5.0.0").replace("'", '"'), status=400), "malformed", Reason.SPEAKS_R5),
        (page("<Conformance xmlns='http://hl7.org/fhir'><fhirVersion value='1.0.2'/>"), "malformed", "other-release"),
        (page('{"resourceType":"CapabilityStatement","fhirVersion": "3.0.1",'), "malformed", Reason.SPEAKS_STU3),
        (page(status=500, release="3.0"), "malformed", Reason.SPEAKS_STU3),
        (page('{"resourceType":"CapabilityStatement"}', release="5.0"), "malformed", Reason.SPEAKS_R5),
    ],
)
def test_a_server_that_cannot_answer_now_or_is_of_another_release_is_not_asked_for_patients(
    statement: Any, outcome: str, reason: str
) -> None:
    server = Server({"Condition": bundle(condition("c1")), "metadata": statement})
    fault = failed(server, limits=TransportLimits(retries=0))
    assert (fault.outcome, fault.reason) == (outcome, reason)
    assert not server.searches("Patient")


@pytest.mark.parametrize("release", ["3.0", '"5.0"', "1.0"])
@pytest.mark.parametrize("statement", [rejected(status=404), rejected(status=500), stated(fhirVersion=...)])
def test_a_patient_of_another_release_is_none_of_r4_where_no_statement_says_so(release: str, statement: Any) -> None:
    found = page(json.dumps(bundle(PATIENT)), kind="application/fhir+json", release=release)
    fault = failed(Server({"Condition": bundle(condition("c1")), "metadata": statement, "Patient": found}))
    assert (fault.outcome, fault.reason in NOT_R4) == ("malformed", True)


@pytest.mark.parametrize(
    ("statement", "patient", "outcome", "reason"),
    [
        (page(status=500), page(status=500), "unreachable", Reason.STATUS),
        (page(status=500), page(status=404), "unreachable", Reason.STATUS),
        (rejected(status=500), page(status=404), "unreachable", Reason.STATUS),
        (rejected(status=400), page(), "malformed", Reason.REQUEST_REJECTED),
        (page(status=400), page(), "unreachable", Reason.NO_FHIR_SERVER),
        (page(status=500), bundle(), "unknown-patient", None),
    ],
)
def test_a_failing_statement_makes_no_other_fault_of_what_comes_after_it(
    statement: Any, patient: Any, outcome: str, reason: Reason | None
) -> None:
    answers = {"metadata": statement, "Patient": patient}
    fault = failed(Server(answers), limits=TransportLimits(retries=0))
    assert (fault.outcome, fault.reason) == (outcome, reason)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("found", [401, 403, 404, 200])
def test_where_nothing_is_for_us_it_is_our_credentials(status: int, found: int) -> None:
    answers = {"metadata": page("<html>", status=status), "Patient": page("<html>", status=found)}
    fault = failed(Server(answers))
    assert (fault.outcome, fault.reason) == ("refused", Reason.CREDENTIALS)


@pytest.mark.parametrize("name", ["AdverseEvent", "SupplyRequest"])
@pytest.mark.parametrize("statement", ["without the search", "none"])
def test_a_type_that_no_server_searches_by_patient_is_searched_by_its_subject(name: str, statement: str) -> None:
    """FHIR R4 has no parameter `patient` for it, and a server that is lenient then gives everybody's."""

    def answer(request: web.Request) -> Any:
        about = request.query.get("subject", "Patient/x").removeprefix("Patient/")
        return bundle({"resourceType": name, "id": about, "subject": {"reference": f"Patient/{about}"}})

    server = Server({name: answer, "Condition": bundle(condition("c1"))})
    if statement == "none":
        server.answers["metadata"] = rejected("not-found", status=404)
    else:
        server.answers["metadata"]["rest"][0]["resource"][1]["searchParam"] = []
    reply = read(server)
    kept = [item.resource for item in reply.items] + [entry.original for entry in reply.quarantined]
    assert [json.loads(resource)["id"] for resource in kept if name in str(resource)] == ["p1"]


# Who the patient is


@pytest.mark.parametrize(("value", "sent"), [("A,B", r"A\,B"), ("A|B", r"A\|B"), ("A$B", r"A\$B"), ("A\\B", r"A\\B")])
@pytest.mark.parametrize("options", [{}, {"search": "post"}], ids=["get", "post"])
def test_a_number_with_a_sign_that_searches_know_is_searched_for_as_it_is(
    value: str, sent: str, options: Mapping[str, str]
) -> None:
    searched: list[str] = []

    async def found(request: web.Request) -> Any:
        given = request.query if request.method == "GET" else await request.post()
        searched.append(str(given["identifier"]))
        return fhir_json(bundle({**PATIENT, "identifier": [{"system": LOCAL_SYSTEM, "value": value}]}))

    class WithForms(Server):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            is_search = request.path in ("/fhir/Patient", "/fhir/Patient/_search")
            return await found(request) if is_search else await super().__call__(request)

    identifiers = (Identifier(system=LOCAL_SYSTEM, value=value),)
    reply: Reply = fetch(WithForms({"Condition": bundle(condition("c1"))}), identifiers=identifiers, options=options)
    assert ids(reply.items) == ["c1"]
    assert searched == [f"{LOCAL_SYSTEM}|{sent}"]


def test_a_search_for_the_patient_that_ends_in_an_error_is_said_to_be_rejected() -> None:
    fault = failed(Server({"Condition": bundle(condition("c1")), "Patient": outcome("invalid")}))
    assert (fault.outcome, fault.reason) == ("malformed", Reason.REQUEST_REJECTED)


@pytest.mark.parametrize(("pages", "reason"), [(99, Reason.PAGING), (3, Reason.WRONG_PATIENT)])
def test_where_others_come_without_end_nobody_knows_whether_the_patient_is_among_them(
    pages: int, reason: Reason
) -> None:
    """A server may pay no heed to the identifier, and have more Patients than are read."""

    def everybody(request: web.Request) -> Any:
        page = int(request.query.get("page", "1"))
        other = {"resourceType": "Patient", "id": f"x{page}", "identifier": [{"system": "urn:other", "value": "1"}]}
        return bundle(other, following=f"{request.url.with_query(page=page + 1)}" if page < pages else "")

    fault = failed(Server({"Condition": bundle(condition("c1")), "Patient": everybody}))
    assert (fault.outcome, fault.reason) == ("malformed", reason)
