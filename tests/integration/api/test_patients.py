"""Patients at the FHIR door: found and read by who may, and by nobody through an address that tells who they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.services.load_identities import load_identities
from tests.machine import bearer, register
from tests.world import (
    HOSPITAL_ODS,
    JOAN_NUMBER,
    NOBODYS_NUMBER,
    PETER_NUMBER,
    SOURCE_SLUG,
    World,
    decided,
    load_joan_again,
    make_world,
    settled,
    signed_in_client,
)

pytestmark = pytest.mark.django_db

BASE = f"{settings.PUBLIC_URL}/fhir"
NUMBERS = "https://fhir.nhs.uk/Id/nhs-number"
JOAN = {"family": "Ferris", "birthdate": "1951-05-04"}


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def clinician(world: World) -> Client:
    return signed_in_client("dr.osei")


def system(scope: str = "system/*.rs", **claims: Any) -> Client:
    return Client(headers={"host": "testserver", **bearer(scope, **claims)})


def search(visitor: Client, **parameters: str) -> Any:
    form = "application/x-www-form-urlencoded"
    return visitor.post("/fhir/Patient/_search", urlencode(parameters), content_type=form)


def ids(answer: Any) -> list[UUID]:
    assert answer.status_code == 200, answer.content
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    entries = bundle.get("entry", [])
    assert bundle["total"] == len(entries)
    for entry in entries:
        assert entry["fullUrl"] == f"{BASE}/Patient/{entry['resource']['id']}"
        assert entry["search"] == {"mode": "match"}
    return [UUID(entry["resource"]["id"]) for entry in entries]


def test_a_patient_is_found_by_number_and_then_by_id_and_read(world: World, clinician: Client) -> None:
    answer = search(clinician, identifier=f"{NUMBERS}|{JOAN_NUMBER}")
    assert ids(answer) == [world.joan]
    assert JOAN_NUMBER not in answer.json()["link"][0]["url"]
    patient = answer.json()["entry"][0]["resource"]
    assert patient["identifier"][0]["value"] == JOAN_NUMBER
    assert (patient["name"][0]["family"], patient["birthDate"]) == ("Ferris", "1951-05-04")
    assert "meta" not in patient
    by_id = clinician.get(f"/fhir/Patient?_id={world.joan}")
    assert ids(by_id) == [world.joan]
    assert by_id.json()["link"] == [{"relation": "self", "url": f"{BASE}/Patient?_id={world.joan}"}]
    read = clinician.get(f"/fhir/Patient/{world.joan}")
    assert (read.status_code, read.json()) == (200, patient)
    assert read.headers["Cache-Control"] == "no-store, private"
    events = AuditEvent.objects.filter(person_id=world.joan, outcome="success").order_by("seq")
    assert [event.action for event in events][-3:] == ["find-person", "find-person", "read-person"]


@pytest.mark.parametrize("given", ["", "Joan", "joan"])
def test_and_by_name_and_date_of_birth(world: World, clinician: Client, given: str) -> None:
    named = {**JOAN, **({"given": given} if given else {})}
    assert ids(search(clinician, **named)) == [world.joan]
    assert ids(search(clinician, **{**named, "birthdate": "eq1951-05-04"})) == [world.joan]
    assert ids(search(clinician, **{**named, "birthdate": "1951-04-05"})) == []


@pytest.mark.parametrize(
    "query",
    [
        f"identifier={quote(NUMBERS)}%7C{JOAN_NUMBER}",
        "family=Ferris&birthdate=1951-05-04",
        "family:exact=Ferris",
        "_id=00000000-0000-4000-8000-000000000001&identifier=x",
    ],
)
def test_what_tells_who_somebody_is_is_not_taken_from_an_address(world: World, clinician: Client, query: str) -> None:
    before = AuditEvent.objects.count()
    for answer in (clinician.get(f"/fhir/Patient?{query}"), clinician.post(f"/fhir/Patient/_search?{query}")):
        assert answer.status_code == 400
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert "POST" in clinician.get(f"/fhir/Patient?{query}").json()["issue"][0]["diagnostics"]
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"name": "Ferris"},
        {"family": "Ferris"},
        {"birthdate": "1951-05-04"},
        {**JOAN, "gender": "female"},
        {**JOAN, "identifier": f"{NUMBERS}|{JOAN_NUMBER}"},
        {"family:exact": "Ferris", "birthdate": "1951-05-04"},
        {**JOAN, "family": "Ferris,Holt"},
        {**JOAN, "given": "Joan,Peter"},
        {**JOAN, "family": "---"},
        {**JOAN, "birthdate": "1951"},
        {**JOAN, "birthdate": "ge1951-05-04"},
        {**JOAN, "birthdate": "1951-02-30"},
        {**JOAN, "birthdate": "1951-05-04T10:00:00Z"},
        {"identifier": JOAN_NUMBER},
        {"identifier": f"|{JOAN_NUMBER}"},
        {"identifier": f"{NUMBERS}|"},
        {"identifier": f"{NUMBERS}|9990001007"},
        {"identifier": f"{NUMBERS}|{JOAN_NUMBER},{NUMBERS}|{PETER_NUMBER}"},
        {"identifier": "https://hospital.example/mrn|1"},
        {"_id": "1"},
        {"_id": ""},
    ],
)
def test_a_search_of_another_kind_is_refused_and_finds_nobody(
    world: World, clinician: Client, parameters: dict[str, str]
) -> None:
    answer = search(clinician, **parameters)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["code"] == "invalid"
    for told in (JOAN_NUMBER, "Ferris", "9990001007"):
        assert told not in answer.content.decode()
    assert not AuditEvent.objects.filter(action="find-person", outcome="success").exists()


def test_what_is_given_twice_is_refused(world: World, clinician: Client) -> None:
    form = "application/x-www-form-urlencoded"
    body = "family=Ferris&family=Holt&birthdate=1951-05-04"
    assert clinician.post("/fhir/Patient/_search", body, content_type=form).status_code == 400


def test_a_system_finds_and_reads_those_alone_whose_record_it_may_open(world: World) -> None:
    register()
    register(oauth_id="far-system", organisation_ods=HOSPITAL_ODS)
    ours, theirs = system(), system(iss="far-system", sub="far-system")
    number = f"{NUMBERS}|{JOAN_NUMBER}"
    assert ids(search(ours, identifier=number)) == ids(search(ours, **JOAN)) == [world.joan]
    assert ours.get(f"/fhir/Patient/{world.joan}").json()["id"] == str(world.joan)
    # Not in the hospital's care; objects to sharing; in nobody's care. All as if there were no such person.
    unknown = search(ours, identifier=f"{NUMBERS}|9990001030")
    for who, person, its_number in (
        (theirs, world.joan, JOAN_NUMBER),
        (ours, world.peter, PETER_NUMBER),
        (ours, world.nobodys, NOBODYS_NUMBER),
    ):
        answer = search(who, identifier=f"{NUMBERS}|{its_number}")
        assert ids(answer) == ids(who.get(f"/fhir/Patient?_id={person}")) == []
        assert answer.json() == unknown.json()
        assert who.get(f"/fhir/Patient/{person}").status_code == 403
    event = AuditEvent.objects.filter(action="find-person").latest("seq")
    assert (event.detail["found"], event.detail["told"], event.person_id) == (1, 0, None)


def test_access_that_ends_ends_being_told_who_somebody_is(world: World) -> None:
    register()
    ours = system()
    decided(world, world.joan, PolicyTerms(base=BasePolicy.DENY))
    assert ids(search(ours, **JOAN)) == []
    assert ours.get(f"/fhir/Patient/{world.joan}").status_code == 403


@pytest.mark.parametrize(
    ("scope", "may_search", "may_read"),
    [
        ("system/Patient.rs", True, True),
        ("system/Patient.r", False, True),
        ("system/Patient.s", False, False),
        ("system/Observation.rs", False, False),
        ("system/*.r", False, True),
    ],
)
def test_a_token_allows_what_it_is_for(world: World, scope: str, may_search: bool, may_read: bool) -> None:
    register()
    ours = system(scope)
    for answer, allowed in ((search(ours, **JOAN), may_search), (ours.get(f"/fhir/Patient/{world.joan}"), may_read)):
        assert answer.status_code == (200 if allowed else 403)
        assert ("insufficient_scope" in answer.headers.get("WWW-Authenticate", "")) is not allowed


def test_whoever_was_joined_to_another_is_no_longer_in_use_and_says_who_is(world: World, clinician: Client) -> None:
    again = load_joan_again()
    settled(world, "join")
    replaced = {
        "resourceType": "Patient",
        "id": str(again),
        "active": False,
        "link": [{"other": {"reference": f"Patient/{world.joan}"}, "type": "replaced-by"}],
    }
    assert clinician.get(f"/fhir/Patient/{again}").json() == replaced
    found = clinician.get(f"/fhir/Patient?_id={again}")
    assert ids(found) == [again]
    assert found.json()["entry"][0]["resource"] == replaced
    assert AuditEvent.objects.latest("seq").person_id == world.joan
    remaining = clinician.get(f"/fhir/Patient/{world.joan}").json()
    assert remaining["link"] == [{"other": {"reference": f"Patient/{again}"}, "type": "replaces"}]
    assert search(clinician, **JOAN).json()["entry"][0]["resource"] == remaining


def test_a_number_that_others_have_too_is_said_with_each_of_them(world: World, clinician: Client) -> None:
    twin = ["local_id,nhs_number,nhs_number_status,family,given,birth_date", f"t,{JOAN_NUMBER},01,Okoro,Ada,1980-01-01"]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=twin, now=timezone.now())
    answer = search(clinician, identifier=f"{NUMBERS}|{JOAN_NUMBER}")
    assert len(ids(answer)) == 2
    for entry in answer.json()["entry"]:
        (tag,) = entry["resource"]["meta"]["tag"]
        assert (tag["system"], tag["code"]) == (f"{BASE}/doubt", "multiple-matches")
        assert clinician.get(f"/fhir/Patient/{entry['resource']['id']}").json() == entry["resource"]


def test_of_too_many_a_user_gets_some_and_a_warning_and_a_system_the_warning_alone(
    world: World, clinician: Client
) -> None:
    register()
    lines = ["local_id,family,given,birth_date", *(f"m{n},Many,{chr(97 + n) * 3},1980-02-01" for n in range(21))]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    for visitor, patients in ((clinician, 20), (system(), 0)):
        before = AuditEvent.objects.latest("seq").seq
        bundle = search(visitor, family="Many", birthdate="1980-02-01").json()
        *matches, warning = bundle["entry"]
        assert "total" not in bundle
        assert len(matches) == patients
        assert warning["search"] == {"mode": "outcome"}
        assert warning["resource"]["issue"][0]["code"] == "too-costly"
        assert AuditEvent.objects.filter(seq__gt=before, person_id__isnull=False).count() == patients
    assert len(ids(search(clinician, family="Many", given="ccc", birthdate="1980-02-01"))) == 1


def test_people_in_doubt_are_two(world: World, clinician: Client) -> None:
    again = load_joan_again()
    assert set(ids(search(clinician, **JOAN))) == {world.joan, again}


@pytest.mark.parametrize("path", ["Patient/{id}", "Patient?_id={id}"])
def test_who_is_not_there_is_not_found(world: World, clinician: Client, path: str) -> None:
    answer = clinician.get(f"/fhir/{path.format(id=uuid4())}")
    if "?" in path:
        assert ids(answer) == []
    else:
        assert answer.status_code == clinician.get("/fhir/Patient/1").status_code == 404
