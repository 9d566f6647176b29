"""What is found of systems that keep their standard, and of ones that break it: no point is a constant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import web

from connectors.contract.conformance import Finding, PointLevel, PointVerdict, conformance_of
from connectors.contract.errors import NoCredentials
from connectors.contract.values import Identifier
from connectors.examining import NEEDS_PATIENT
from connectors.gp_connect.conformance.practice import NEEDS_ASKER, NOBODYS_NUMBER
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from simulator.certificates import make_authority
from simulator.serving import reset
from tests.contract import conformance_peers as peers
from tests.contract.examined import examined, with_verdict
from tests.contract.loopback import CONNECTORS
from tests.unit.simulator.served import record, region_folder

MET, MISSED, NOT_TESTABLE = PointVerdict
Found = Mapping[str, Finding]
SMART = {"auth": "smart", "client_id": peers.CLIENT, "key_secret": "a-name"}
SETTINGS = {
    slug: json.loads((region_folder() / slug / "source.json").read_text()) for slug in (peers.HOSPITAL, peers.PRACTICE)
}
IN_HOSPITAL = Identifier(system=SETTINGS[peers.HOSPITAL]["identifier_system"], value=peers.WHO[peers.HOSPITAL])
AT_PRACTICE = Identifier(system=NHS_NUMBER_SYSTEM, value=peers.WHO[peers.PRACTICE])
DISSENTER = Identifier(system=NHS_NUMBER_SYSTEM, value=peers.DISSENTER[peers.PRACTICE])
GP_OPTIONS: Mapping[str, str] = SETTINGS[peers.PRACTICE]["options"]


def run(work: Callable[[Path], Awaitable[Found]], /) -> Found:
    async def within(folder: Path) -> Found:
        return await work(folder)

    with TemporaryDirectory() as folder:
        return asyncio.run(within(Path(folder)))


async def _good_hospital(folder: Path) -> Found:
    authority = make_authority(folder)
    secrets = {**peers.secrets_in(folder), "ca_secret": authority.trusted}
    async with peers.simulated(peers.HOSPITAL, peers.careful, authority=authority, asks_for_tokens=True) as base:
        options = {**SMART, "ca_secret": "a-name"}
        return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL, options=options, secrets=secrets)


async def _mute_hospital(_: Path) -> Found:
    async with peers.simulated(peers.HOSPITAL, peers.mute) as base:
        return await examined(kind="fhir_r4", base=base)


async def _false_hospital(folder: Path) -> Found:
    async with peers.simulated(peers.HOSPITAL, peers.false) as base:
        options = {**SMART, "token_url": f"{base}/token"}
        return await examined(kind="fhir_r4", base=base, options=options, secrets=peers.secrets_in(folder))


async def _loose_hospital(_: Path) -> Found:
    middlewares = (peers.changing(peers.loose), peers.without_count)
    async with peers.simulated(peers.HOSPITAL, *middlewares) as base:
        return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)


async def _hospital_elsewhere(_: Path) -> Found:
    async with peers.simulated(peers.HOSPITAL, peers.changing(peers.leading_elsewhere)) as base:
        return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)


async def _hospital_without_pages(_: Path) -> Found:
    async with peers.simulated(peers.HOSPITAL, peers.changing(peers.no_more_pages)) as base:
        return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)


async def _untrusted_hospital(folder: Path) -> Found:
    async with peers.simulated(peers.HOSPITAL, authority=make_authority(folder)) as base:
        return await examined(kind="fhir_r4", base=base)


async def _good_practice(folder: Path) -> Found:
    authority = make_authority(folder)
    fault = {"local_id": DISSENTER.value, "mode": "spine-error", "code": "NO_PATIENT_CONSENT"}
    async with peers.simulated(peers.PRACTICE, authority=authority, fault=fault) as base:
        return await examined(
            kind="gp_connect",
            base=base,
            patient=AT_PRACTICE,
            patient_withheld=DISSENTER,
            options={**GP_OPTIONS, "ca_secret": "a-name"},
            secrets={"ca_secret": authority.trusted},
        )


async def _mute_practice(_: Path) -> Found:
    async with peers.simulated(peers.PRACTICE, peers.mute) as base:
        return await examined(kind="gp_connect", base=base, options=GP_OPTIONS)


async def _careless_practice(_: Path) -> Found:
    async with peers.careless_practice() as base:
        return await examined(
            kind="gp_connect", base=base, patient=AT_PRACTICE, patient_withheld=DISSENTER, options=GP_OPTIONS
        )


async def _untrusted_practice(folder: Path) -> Found:
    async with peers.simulated(peers.PRACTICE, authority=make_authority(folder)) as base:
        return await examined(kind="gp_connect", base=base, options=GP_OPTIONS)


PEERS: Mapping[str, Mapping[str, Callable[[Path], Awaitable[Found]]]] = {
    "fhir_r4": {
        "good": _good_hospital,
        "mute": _mute_hospital,
        "false": _false_hospital,
        "loose": _loose_hospital,
        "elsewhere": _hospital_elsewhere,
        "without-pages": _hospital_without_pages,
        "untrusted": _untrusted_hospital,
    },
    "gp_connect": {
        "good": _good_practice,
        "mute": _mute_practice,
        "careless": _careless_practice,
        "untrusted": _untrusted_practice,
    },
}
ALL_PEERS = [(kind, name) for kind, named in PEERS.items() for name in named]


@cache
def findings(kind: str, name: str) -> Found:
    """Return what is found of a peer, examined once."""
    return run(PEERS[kind][name])


@pytest.mark.parametrize("kind", PEERS)
def test_a_system_that_keeps_its_standard_meets_every_point(kind: str) -> None:
    found = findings(kind, "good")
    assert {name: finding for name, finding in found.items() if finding.verdict is not MET} == {}


@pytest.mark.parametrize("kind", PEERS)
def test_every_point_is_missed_by_some_system(kind: str) -> None:
    conformance = conformance_of(CONNECTORS[kind])
    assert conformance is not None
    missed = set().union(*(with_verdict(findings(kind, name), MISSED) for name in PEERS[kind]))
    assert missed == {point.id for point in conformance.points}


def test_of_a_hospital_that_says_nothing_of_itself_that_is_missed_and_nothing_rests_on_it() -> None:
    found = findings("fhir_r4", "mute")
    assert found["capability-statement"] == Finding(verdict=MISSED, evidence="status 404, and no CapabilityStatement")
    for name in ("release", "format", "declared-searches", "undeclared-type", "clinical-types"):
        assert found[name] == Finding(verdict=NOT_TESTABLE, evidence="it has no capability statement")
    assert found["search-by-identifier"].verdict is MET


def test_of_a_hospital_that_says_nothing_of_itself_a_record_is_looked_for_in_the_usual_types() -> None:
    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, peers.mute) as base:
            return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)

    found = run(examine)
    assert with_verdict(found, MET) >= {"search-by-patient", "count", "paging", "total", "entries"}
    assert found["bad-value"].verdict is MISSED
    assert with_verdict(found, NOT_TESTABLE) >= {"declared-searches", "declared-everything", "provenance"}


def test_a_hospital_that_does_not_know_a_patient_by_their_id_alone_misses_the_search() -> None:
    @web.middleware
    async def by_name_alone(request: web.Request, handler: Any) -> web.StreamResponse:
        is_bare = "/" not in request.query.get("patient", "/")
        empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return web.json_response(empty) if is_bare else await handler(request)

    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, by_name_alone) as base:
            return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)

    found = run(examine)["search-by-patient"]
    assert found.verdict is MISSED
    assert found.evidence.startswith("by the patient's id alone nothing came, by Patient/[id] ")


def test_of_a_hospital_that_says_what_is_not_so_each_untruth_is_missed() -> None:
    assert with_verdict(findings("fhir_r4", "false"), MISSED) == {
        *("release", "format", "accept", "gzip", "content-type", "clinical-types", "declared-searches"),
        *("token-required", "smart-configuration", "smart-backend-services", "token-scope"),
        *("search-by-identifier", "search-by-post", "self-link"),
        *("undeclared-type", "unknown-type", "unknown-id", "outcome-with-errors", "bad-value", "strict-handling"),
    }


def test_of_a_record_that_breaks_the_standard_each_breach_is_missed() -> None:
    missed = with_verdict(findings("fhir_r4", "loose"), MISSED)
    assert missed >= {
        *("finds-patient", "read", "version", "nhs-number-system", "nhs-number-check-digit", "nhs-number-status"),
        *("search-by-patient", "count", "total", "declared-everything", "provenance", "entries"),
    }


def test_pages_that_lead_elsewhere_are_told_and_not_followed() -> None:
    found = findings("fhir_r4", "elsewhere")
    assert found["pages-within-base"].verdict is MISSED
    assert found["paging"] == Finding(
        verdict=NOT_TESTABLE, evidence="its next links lead elsewhere, and were not followed"
    )


@pytest.mark.parametrize("kind", PEERS)
def test_a_certificate_that_is_not_accepted_is_missed_and_tells_nothing_of_the_rest(kind: str) -> None:
    found = findings(kind, "untrusted")
    assert with_verdict(found, MISSED) == {"capability-statement", "tls"}
    assert with_verdict(found, MET) == set()


def test_of_a_practice_that_checks_nothing_every_rule_is_missed_but_the_two_that_it_can_keep() -> None:
    assert with_verdict(findings("gp_connect", "careless"), MET) == {"capability-statement"}
    assert with_verdict(findings("gp_connect", "careless"), NOT_TESTABLE) == {"tls"}


@pytest.mark.parametrize("kind", PEERS)
def test_without_a_test_patient_nobody_is_asked_for(kind: str) -> None:
    slug = peers.HOSPITAL if kind == "fhir_r4" else peers.PRACTICE
    asked: list[str] = []

    async def examine(_: Path) -> Found:
        async with peers.simulated(slug, asked=asked) as base:
            return await examined(kind=kind, base=base, options=SETTINGS[slug]["options"])

    found = run(examine)
    assert len(asked) > 10
    people = [path.stem for path in (region_folder() / slug / "records").iterdir()]
    assert not any(local_id in text for local_id in people for text in asked)
    untested = {name for name in with_verdict(found, NOT_TESTABLE) if "--patient" in found[name].evidence}
    assert untested >= ({"read", "count", "entries"} if kind == "fhir_r4" else {"record", "areas", "entries"})


def test_without_anybody_in_whose_name_it_is_asked_a_practice_is_not_asked_for_a_record() -> None:
    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.PRACTICE) as base:
            return await examined(kind="gp_connect", base=base, asker=None, patient=AT_PRACTICE, options=GP_OPTIONS)

    found = run(examine)
    assert found["token-required"].verdict is MET
    assert with_verdict(found, MISSED) == set()
    assert {found[name].evidence for name in ("invalid-nhs-number", "record", "areas")} == {NEEDS_ASKER}


def test_of_a_patient_whose_nhs_number_is_not_of_the_test_range_nothing_more_is_read() -> None:
    def as_somebody(_: web.Request, body: Any) -> Any:
        return json.loads(json.dumps(body).replace("9990000018", "1234567890"))

    asked: list[str] = []

    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, peers.changing(as_somebody), asked=asked) as base:
            return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL)

    found = run(examine)
    (patient,) = (each for each in record(peers.HOSPITAL, IN_HOSPITAL.value) if each["resourceType"] == "Patient")
    assert not any(patient["id"] in text for text in asked)
    for name in ("read", "search-by-patient", "nhs-number-check-digit", "count", "entries"):
        assert "test range" in found[name].evidence
        assert found[name].verdict is NOT_TESTABLE


def test_a_practice_is_asked_for_nobody_but_by_a_number_of_the_test_range() -> None:
    asked: list[str] = []

    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.PRACTICE, asked=asked) as base:
            somebody = Identifier(system=NHS_NUMBER_SYSTEM, value="1234567890")
            return await examined(kind="gp_connect", base=base, patient=somebody, options=GP_OPTIONS)

    found = run(examine)
    assert found["record"].verdict is NOT_TESTABLE
    assert not any("1234567890" in text for text in asked)


def test_a_secret_of_ours_that_is_missing_is_no_finding() -> None:
    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL) as base:
            return await examined(kind="fhir_r4", base=base, options={"auth": "token", "token_secret": "a-name"})

    with pytest.raises(NoCredentials):
        run(examine)


def _instead(path: str, answer: Callable[[web.Request], web.StreamResponse]) -> Any:
    @web.middleware
    async def instead(request: web.Request, handler: Any) -> web.StreamResponse:
        return answer(request) if request.path.endswith(path) else await handler(request)

    return instead


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (lambda request: reset(request=request), MISSED, "there was no connection"),
        (lambda _: web.Response(status=307, headers={"Location": "/"}), MISSED, "it pointed elsewhere"),
        (lambda _: web.Response(status=429), NOT_TESTABLE, "it asked us to come back later"),
    ],
    ids=("reset", "redirect", "too-often"),
)
def test_who_has_answered_and_then_says_nothing_misses_what_was_asked(
    answer: Callable[[web.Request], web.StreamResponse], verdict: PointVerdict, words: str
) -> None:
    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, _instead("/Patient", answer)) as base:
            return await examined(kind="fhir_r4", base=base)

    found = run(examine)
    assert found["capability-statement"].verdict is MET
    assert found["search-by-identifier"].verdict is verdict
    assert words in found["search-by-identifier"].evidence


def test_who_does_not_let_us_in_misses_nothing_that_is_behind_the_door() -> None:
    async def examine(folder: Path) -> Found:
        authority = make_authority(folder)
        async with peers.simulated(peers.HOSPITAL, authority=authority, asks_for_tokens=True) as base:
            options, secrets = {"ca_secret": "a-name"}, {"ca_secret": authority.trusted}
            return await examined(kind="fhir_r4", base=base, patient=IN_HOSPITAL, options=options, secrets=secrets)

    found = run(examine)
    shut = Finding(verdict=NOT_TESTABLE, evidence="status 401: it does not accept who is asking")
    for name in ("search-by-identifier", "search-by-post", "unknown-type", "unknown-id"):
        assert found[name] == shut
    conformance = conformance_of(CONNECTORS["fhir_r4"])
    assert conformance is not None
    required = {point.id for point in conformance.points if point.level is PointLevel.REQUIRED}
    assert with_verdict(found, MISSED) & required == set()


def test_a_practice_that_ends_the_connection_at_the_operation_misses_its_rules() -> None:
    async def examine(_: Path) -> Found:
        middleware = _instead("getstructuredrecord", lambda request: reset(request=request))
        async with peers.simulated(peers.PRACTICE, middleware) as base:
            return await examined(kind="gp_connect", base=base, options=GP_OPTIONS)

    found = run(examine)
    assert found["invalid-nhs-number"] == Finding(
        verdict=MISSED, evidence="Could not be reached: there was no connection"
    )


def test_who_does_not_accept_our_signature_may_still_say_what_it_can_do(tmp_path: Path) -> None:
    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, asks_for_tokens=True) as base:
            options = {**SMART, "client_id": "nobody"}
            return await examined(kind="fhir_r4", base=base, options=options, secrets=peers.secrets_in(tmp_path))

    found = run(examine)
    assert found["capability-statement"].verdict is MET
    assert with_verdict(found, MISSED) >= {"token-scope"}
    assert found["search-by-identifier"] == Finding(
        verdict=NOT_TESTABLE, evidence="Would not release a record: it did not accept our credentials"
    )


def test_a_search_that_gives_everybodys_entries_is_missed_without_a_patient() -> None:
    everybody = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/1"}}}],
    }

    @web.middleware
    async def heedless(request: web.Request, handler: Any) -> web.StreamResponse:
        return web.json_response(everybody) if request.path.endswith("/Condition") else await handler(request)

    async def examine(_: Path) -> Found:
        async with peers.simulated(peers.HOSPITAL, heedless) as base:
            return await examined(kind="fhir_r4", base=base)

    assert run(examine)["search-by-patient"] == Finding(
        verdict=MISSED, evidence="a search for the entries of nobody gave some: Condition 1"
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", PEERS)
def test_junk_in_any_place_of_an_answer_ends_no_examination(kind: str, seed: int) -> None:
    slug, patient = (peers.HOSPITAL, IN_HOSPITAL) if kind == "fhir_r4" else (peers.PRACTICE, AT_PRACTICE)

    async def examine(_: Path) -> Found:
        async with peers.simulated(slug, peers.changing(peers.littered(seed=seed))) as base:
            return await examined(kind=kind, base=base, patient=patient, options=SETTINGS[slug]["options"])

    run(examine)


@pytest.mark.parametrize(("kind", "name"), ALL_PEERS)
def test_evidence_says_nothing_of_a_patient_and_repeats_no_text_of_the_system(kind: str, name: str) -> None:
    slug = peers.HOSPITAL if kind == "fhir_r4" else peers.PRACTICE
    (patient,) = (each for each in record(slug, peers.WHO[slug]) if each["resourceType"] == "Patient")
    private = {
        *(patient["id"], patient["birthDate"], peers.WHO[slug], peers.DISSENTER[slug], NOBODYS_NUMBER),
        *(each["value"] for each in patient["identifier"]),
        *(each["family"] for each in patient["name"]),
        *("always-the-same", "somebody-else", "elsewhere.example", "127.0.0.1"),
    }
    told = " ".join(finding.evidence for finding in findings(kind, name).values())
    assert [text for text in private if text in told] == []


@pytest.mark.parametrize("kind", PEERS)
def test_the_points_of_a_kind_are_told_apart_and_say_where_they_can_be_read(kind: str) -> None:
    conformance = conformance_of(CONNECTORS[kind])
    assert conformance is not None
    points = conformance.points
    assert len({point.id for point in points}) == len(points)
    assert {point.level for point in points} == set(PointLevel)
    for point in points:
        assert point.demand
        assert point.clause
        assert point.address.startswith("https://")


def test_what_needs_a_patient_says_which_option_names_one() -> None:
    assert "--patient" in NEEDS_PATIENT
