"""Two administrators register a system in the browser, one ends it, and both count at its next request."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client as Visitor
from django.utils import timezone

from aggregator.accounts.models import AccessEnd, Client
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.audit.models import AuditEvent
from aggregator.changes.models import ProposedChange
from aggregator.errors import NotPermitted
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.clients.register_client import register_client
from tests.machine import ask_for_token, bearer, new_client, register
from tests.signing import CLIENT, ec_key, key_set, rsa_key
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

ENTERED = {
    "name": "Ward system",
    "oauth_id": CLIENT,
    "organisation_ods": SURGERY_ODS.lower(),
    "scopes": "system/*.rs",
    "key_set": key_set(),
    "reason": "For the night round.",
}


@pytest.fixture(autouse=True)
def world() -> World:
    for username in ("ms.first", "mr.second"):
        new = NewUser(
            username=username,
            password=PASSWORD,
            family="Programme",
            given="Sam",
            organisation_ods=HOSPITAL_ODS,
            role=Role.PROGRAMME_ADMINISTRATOR,
        )
        add_user(requester=operator(), user=new, now=timezone.now())
    return make_world()


def text(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def waiting() -> UUID:
    return ProposedChange.objects.get(decision__isnull=True).id


def test_one_registers_a_system_another_confirms_and_an_end_counts_at_its_next_request(world: World) -> None:
    first, second = signed_in_client("ms.first"), signed_in_client("mr.second")
    assert first.post("/systems/register", ENTERED).headers["Location"] == "/changes"
    assert not Client.objects.exists()
    assert ask_for_token().status_code == 401
    assert first.post(f"/changes/{waiting()}/confirm").status_code == 403
    words = (
        f"Register a system, Ward system ({CLIENT}), that reads records for {SURGERY_ODS} by itself, within "
        f"system/*.rs, with the keys rsa ({rsa_key().thumbprint()}), ec ({ec_key().thumbprint()})"
    )
    assert words in text(second.get("/changes"))
    assert second.post(f"/changes/{waiting()}/confirm").status_code in {200, 302}
    system = Visitor(headers={"host": "testserver", **bearer()})
    everything = f"/fhir/Patient/{world.joan}/$everything"
    assert system.get(everything).status_code == 202
    listed = text(first.get("/systems"))
    assert "<strong>Ward system</strong>" in listed
    assert CLIENT in listed
    assert "Never" not in listed
    page = first.get(f"/systems/{CLIENT}/end")
    assert "End the registration of Ward system" in text(page)
    assert first.post(f"/systems/{CLIENT}/end", {"reason": ""}).status_code == 400
    assert system.get(everything).status_code == 202
    assert first.post(f"/systems/{CLIENT}/end", {"reason": "Replaced."}).headers["Location"] == "/systems"
    assert system.get(everything).status_code == 401
    assert ask_for_token().status_code == 401
    assert first.get(f"/systems/{CLIENT}/end").status_code == 404
    end = AccessEnd.objects.get()
    event = AuditEvent.objects.get(action="end-client", outcome="success")
    assert (end.kind, end.of_id, end.reason) == ("client", Client.objects.get().id, "Replaced.")
    assert (event.detail["end-of"], event.detail["id"]) == ("client", str(end.of_id))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "Enter the name of the system"),
        ({"oauth_id": "Ward System"}, "oauth_id", "Client id must be 1 to 64 lower-case letters"),
        ({"organisation_ods": "NONE"}, "organisation_ods", "No organisation has this ODS code here"),
        ({"scopes": "system/*.read"}, "scopes", "Scopes must be like system/*.rs"),
        ({"scopes": "system/Observations.rs"}, "scopes", "FHIR R4 has no resource of type Observations."),
        ({"key_set": "", "key_set_url": ""}, "key_set", "Give the public keys as a key set, or the address of one"),
        ({"key_set_url": "https://ward.example/keys"}, "key_set", "not both"),
        ({"key_set": "{}"}, "key_set", "It is not a JSON Web Key Set"),
        ({"key_set": json.dumps({"keys": [rsa_key().as_dict(private=True)]})}, "key_set", "It holds a private"),
        ({"key_set": "", "key_set_url": "http://127.0.0.1:9/keys"}, "key_set_url", "It could not be fetched"),
        ({"reason": ""}, "reason", "Enter the reason for this change"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_proposed(
    changes: dict[str, str], field: str, words: str
) -> None:
    answer = signed_in_client("ms.first").post("/systems/register", {**ENTERED, **changes})
    assert answer.status_code == 400
    assert words in text(answer)
    assert f'href="#{field}"' in text(answer)
    assert not ProposedChange.objects.exists()


def test_a_private_key_that_somebody_sends_is_kept_nowhere() -> None:
    private = json.dumps({"keys": [rsa_key().as_dict(private=True)]})
    before = AuditEvent.objects.latest("seq").seq
    signed_in_client("ms.first").post("/systems/register", {**ENTERED, "key_set": private})
    secret = str(rsa_key().as_dict(private=True)["d"])
    assert not ProposedChange.objects.exists()
    for event in AuditEvent.objects.filter(seq__gt=before):
        assert secret not in bytes(event.body).decode()


def test_an_id_is_never_given_twice() -> None:
    register()
    first, second = signed_in_client("ms.first"), signed_in_client("mr.second")
    assert "an id is never given to another" in text(first.post("/systems/register", ENTERED))
    other = {**ENTERED, "oauth_id": "second-system"}
    for administrator in (first, second):
        assert administrator.post("/systems/register", other).status_code == 302
    one, two = ProposedChange.objects.order_by("proposed_at")
    assert second.post(f"/changes/{one.id}/confirm").status_code in {200, 302}
    assert first.post(f"/changes/{two.id}/confirm").status_code == 400
    assert Client.objects.filter(oauth_id="second-system").count() == 1


def test_nobody_else_sees_or_changes_systems() -> None:
    register()
    for username in ("ms.lane", "dr.osei"):
        visitor = signed_in_client(username)
        assert visitor.get("/systems").status_code == 403
        assert visitor.get("/systems/register").status_code == 403
        assert visitor.post("/systems/register", ENTERED).status_code == 403
        assert visitor.post(f"/systems/{CLIENT}/end", {"reason": "x"}).status_code == 403
        assert "/systems" not in text(visitor.get("/sources")).split("<main")[0]
    assert ask_for_token().status_code == 200


def test_one_administrator_alone_registers_nothing_by_any_service(world: World) -> None:
    lone = replace(world.administrator, role=Role.PROGRAMME_ADMINISTRATOR)
    with pytest.raises(NotPermitted) as refused:
        register_client(requester=lone, client=new_client(), now=timezone.now())
    assert refused.value.code == "needs-second-administrator"
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    "statement", ["UPDATE client SET scopes = 'system/*.rs'", "DELETE FROM client", "UPDATE client SET name = name"]
)
def test_a_registration_is_never_changed_by_whatever_statement(statement: str) -> None:
    register(scopes="system/Patient.r")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Client.objects.get().scopes == "system/Patient.r"
