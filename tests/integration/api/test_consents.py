"""Consents at the FHIR door: recorded, read, searched for and withdrawn; what is refused writes nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from aggregator.audit.models import AuditEvent
from aggregator.consent.models import Policy
from tests.unit.api.test_consent import CONSENT, DEVICE, denying
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db(transaction=True)
FHIR = "application/fhir+json"
BASE = f"{settings.PUBLIC_URL}/fhir"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def administrator(world: World) -> Client:
    return signed_in_client("ms.lane")


def about(world: World, resource: dict[str, Any] = CONSENT) -> dict[str, Any]:
    joan = {"reference": f"Patient/{world.joan}"}
    return {**resource, "patient": joan, "performer": [joan]}


def provision(**members: Any) -> dict[str, Any]:
    return {"provision": denying(**members)["provision"]}


def create(client: Client, resource: object, **headers: str) -> Any:
    return client.post("/fhir/Consent", json.dumps(resource), content_type=FHIR, headers=headers)


def put(client: Client, resource: dict[str, Any], **headers: str) -> Any:
    return client.put(f"/fhir/Consent/{resource['id']}", json.dumps(resource), content_type=FHIR, headers=headers)


def search(client: Client, **parameters: object) -> Any:
    form = "application/x-www-form-urlencoded"
    return client.post("/fhir/Consent/_search", urlencode(parameters), content_type=form)


def test_a_consent_is_recorded_read_found_and_withdrawn(world: World, administrator: Client) -> None:
    clinician = signed_in_client("dr.osei")
    objects = about(world, {**CONSENT, "provision": {"type": "deny"}, "text": {"status": "empty", "div": "<div/>"}})
    created = create(administrator, objects)
    assert created.status_code == 201
    consent = created.json()
    assert created.headers["Location"] == f"{BASE}/Consent/{consent['id']}/_history/1"
    assert created.headers["ETag"] == 'W/"1"'
    assert {name: consent[name] for name in CONSENT} == {**about(world), "provision": {"type": "deny"}}
    assert "<p>Nothing of the record is shared.</p>" in consent["text"]["div"]
    assert clinician.post(f"/people/{world.joan}/record").status_code == 403
    assert administrator.get(f"/fhir/Consent/{consent['id']}").json() == consent
    for found in (
        administrator.get(f"/fhir/Consent?patient=Patient/{world.joan}&status=active"),
        administrator.get(f"/fhir/Consent?patient={BASE}/Patient/{world.joan}"),
        search(administrator, patient=world.joan),
    ):
        bundle = found.json()
        assert (bundle["total"], [entry["resource"] for entry in bundle["entry"]]) == (1, [consent])
    withdrawn = put(administrator, {**consent, "status": "inactive"}, if_match='W/"1"')
    assert withdrawn.status_code == 200
    assert (withdrawn.json()["status"], withdrawn.headers["ETag"]) == ("inactive", 'W/"2"')
    assert clinician.post(f"/people/{world.joan}/record").status_code == 302
    assert administrator.get(f"/fhir/Consent?patient={world.joan}&status=active").json()["total"] == 0
    assert administrator.get(f"/fhir/Consent?patient={world.joan}&status=inactive").json()["total"] == 1


def test_an_objection_that_was_recorded_by_page_is_a_consent_too(world: World, administrator: Client) -> None:
    bundle = administrator.get(f"/fhir/Consent?patient={world.peter}").json()
    (entry,) = bundle["entry"]
    consent = entry["resource"]
    assert consent["policy"] == [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-deny"}]
    assert consent["provision"] == {"type": "deny"}
    assert consent["sourceAttachment"] == {"contentType": "text/plain", "title": "Said so by letter."}
    assert put(administrator, {**consent, "status": "inactive"}).status_code == 200


def test_an_update_that_does_more_than_withdraw_is_refused(world: World, administrator: Client) -> None:
    consent = create(administrator, about(world)).json()
    before = Policy.objects.count()
    for changed, status in (
        ({**consent, "provision": {"type": "deny"}}, 400),
        ({**consent, "status": "inactive", "provision": {"type": "deny"}}, 400),
        ({**consent, "status": "inactive", "patient": {"reference": f"Patient/{world.peter}"}}, 400),
        ({**consent, "status": "entered-in-error"}, 400),
        (consent, 400),
        ({**consent, "status": "inactive", "id": str(uuid4())}, 404),
    ):
        assert put(administrator, changed).status_code == status
    mismatched = json.dumps({**consent, "id": str(uuid4()), "status": "inactive"})
    assert administrator.put(f"/fhir/Consent/{consent['id']}", mismatched, content_type=FHIR).status_code == 400
    assert put(administrator, {**consent, "status": "inactive"}, if_match='W/"2"').status_code == 412
    assert Policy.objects.count() == before
    assert administrator.get(f"/fhir/Consent/{consent['id']}").json() == consent
    assert put(administrator, {**consent, "status": "inactive"}).status_code == 200
    assert put(administrator, {**consent, "status": "inactive"}).status_code == 409
    assert put(administrator, {**consent, "status": "inactive"}, if_match='W/"1"').status_code == 412
    assert administrator.delete(f"/fhir/Consent/{consent['id']}").status_code == 405


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"status": "draft"}, "Consent.status"),
        ({"id": "1"}, "Consent.status"),
        ({"owner": "me"}, "Consent.owner"),
        ({"patient": {"reference": f"Patient/{uuid4()}"}}, "Consent.performer"),
        ({"provision": {"type": "permit", "period": {"end": "2020-01-01"}}}, "Consent.provision.period"),
        (
            {"provision": {"type": "permit", "dataPeriod": {"start": "2021", "end": "2020"}}},
            "Consent.provision.dataPeriod",
        ),
        (
            provision(data=[{"meaning": "authoredby", "reference": DEVICE}]),
            "Consent.provision.provision[0].data",
        ),
        (
            provision(securityLabel=[{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "XX"}]),
            "Consent.provision.provision[0].securityLabel",
        ),
        ({"provision": {"type": "permit", "provision": [{"type": "deny"}]}}, "Consent.provision.provision[0].type"),
        (
            {"policy": [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-deny"}]},
            "Consent.provision.type",
        ),
    ],
)
def test_what_is_refused_writes_nothing_and_says_where(
    world: World, administrator: Client, change: dict[str, Any], place: str
) -> None:
    before, events = Policy.objects.count(), AuditEvent.objects.count()
    answer = create(administrator, {**about(world), **change})
    assert answer.status_code == 400
    (issue,) = answer.json()["issue"]
    assert issue["expression"] == [place]
    assert Policy.objects.count() == before
    assert AuditEvent.objects.count() - events in {0, 1}


def test_other_bodies_and_other_questions_are_refused(world: World, administrator: Client) -> None:
    for body, content_type, status in (
        (json.dumps(about(world)), "text/plain", 415),
        (json.dumps(about(world)), "application/xml", 415),
        ('{"resourceType":"Consent","resourceType":"Consent"}', FHIR, 400),
        ("{", FHIR, 400),
        ("[" * 3000, FHIR, 400),
    ):
        answer = administrator.post("/fhir/Consent", body, content_type=content_type)
        assert answer.status_code == status
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert create(administrator, about(world), if_none_exist="patient=1").status_code == 400
    for query, status in (
        ("", 400),
        ("?status=active", 400),
        (f"?patient={world.joan}&patient={world.peter}", 400),
        (f"?patient={world.joan}&_include=Consent:patient", 400),
        (f"?patient.identifier=9990001006&patient={world.joan}", 400),
        (f"?patient={world.joan}&status=draft", 400),
        (f"?patient={uuid4()}", 404),
        ("?patient=Group/1", 404),
    ):
        assert administrator.get(f"/fhir/Consent{query}").status_code == status, query
    assert administrator.get(f"/fhir/Consent/{uuid4()}").status_code == 404
    assert administrator.get("/fhir/Consent/1").status_code == 404
    assert administrator.post(f"/fhir/Consent/_search?patient={world.joan}", {}).status_code == 400
    assert Policy.objects.count() == 1


def test_who_may_not_manage_consent_may_nothing_here(world: World, administrator: Client) -> None:
    consent = create(administrator, about(world)).json()
    clinician = signed_in_client("dr.osei")
    assert create(clinician, about(world)).status_code == 403
    assert clinician.get(f"/fhir/Consent/{consent['id']}").status_code == 403
    assert clinician.get(f"/fhir/Consent?patient={world.joan}").status_code == 403
    assert put(clinician, {**consent, "status": "inactive"}).status_code == 403


def test_a_session_writes_with_its_token_only(world: World) -> None:
    signed_in = signed_in_client("ms.lane")
    strict = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    strict.cookies = signed_in.cookies
    consent = create(signed_in, about(world)).json()
    assert create(strict, about(world)).status_code == 403
    assert put(strict, {**consent, "status": "inactive"}).status_code == 403
    assert search(strict, patient=world.joan).status_code == 403
    assert strict.get(f"/fhir/Consent/{consent['id']}").status_code == 200
    strict.get(f"/people/{world.joan}/consent/decide")
    token = strict.cookies[settings.CSRF_COOKIE_NAME].value
    assert create(strict, about(world), x_csrftoken=token).status_code == 201


def test_the_door_states_what_it_does_with_consents(world: World) -> None:
    (rest,) = Client(headers={"host": "testserver"}).get("/fhir/metadata").json()["rest"]
    (stated,) = [resource for resource in rest["resource"] if resource["type"] == "Consent"]
    assert [each["code"] for each in stated["interaction"]] == ["create", "read", "search-type", "update"]
