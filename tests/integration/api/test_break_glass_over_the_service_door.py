"""Emergency access over the service API: what it costs, the password, whose it is, and that no machine takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from aggregator.audit.models import AuditEvent
from aggregator.break_glass.models import BreakGlass
from aggregator.services.break_glass.prepare_break_glass import COSTS
from tests.break_glass_acts import broken
from tests.machine import bearer, register
from tests.world import PASSWORD, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

BODY = {"reason": "unconscious", "note": "Brought in by ambulance.", "password": PASSWORD}


@pytest.fixture
def world() -> World:
    cache.clear()  # of failures that other tests counted
    return make_world()


def post(client: Client, path: str, body: object = None) -> Any:
    return client.post(f"/api/{path}", json.dumps(body or {}), content_type="application/json")


def test_what_it_costs_is_told_the_record_opened_and_the_access_ended(world: World) -> None:
    outsider = signed_in_client("dr.far")
    path = f"people/{world.joan}/emergency"
    everything = f"/fhir/Patient/{world.joan}/$everything"
    assert outsider.get(everything).status_code == 403
    terms = outsider.get(f"/api/{path}").json()
    assert (terms["minutes"], terms["costs"], terms["open_until"]) == (30, list(COSTS), None)
    assert {"code": "unconscious", "words": "unconscious, or too unwell to be asked"} in terms["reasons"]
    opened = post(outsider, path, BODY)
    assert opened.status_code == 201
    access = opened.json()
    assert (set(access), access["reason"]) == ({"id", "reason", "opened_at", "ends_at"}, "unconscious")
    assert post(outsider, path, BODY).json() == access
    told = outsider.get(f"/api/{path}").json()
    assert (told["open_until"], told["access"]) == (access["ends_at"], access["id"])
    assert outsider.get(everything).status_code == 202
    assert AuditEvent.objects.latest("seq").purpose == "BTG"
    assert post(signed_in_client("dr.osei"), f"emergencies/{access['id']}/end").status_code == 404
    assert post(outsider, f"emergencies/{access['id']}/end").status_code == 204
    assert post(outsider, f"emergencies/{access['id']}/end").status_code == 409
    assert outsider.get(everything).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"reason": "curious"}, 400, "reason", "reason"),
        ({"reason": ""}, 400, "invalid", "reason"),
        ({"reason": 5}, 400, "invalid", "reason"),
        ({"note": " "}, 400, "invalid", "note"),
        ({"note": "x" * 2001}, 400, "note", "note"),
        ({"password": "wrong"}, 403, "password", ""),
        ({"password": f" {PASSWORD}"}, 403, "password", ""),
        ({"password": ""}, 400, "invalid", "password"),
        ({"password": None}, 400, "invalid", "password"),
        ({"minutes": 60}, 400, "invalid", ""),
    ],
)
def test_what_is_missing_or_wrong_is_told_opens_nothing_and_echoes_nothing(
    world: World, changed: dict[str, object], status: int, code: str, field: str
) -> None:
    answer = post(signed_in_client("dr.far"), f"people/{world.joan}/emergency", {**BODY, **changed})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json().get("fields", {field})) == {field}
    assert "phrase" not in answer.content.decode()
    assert not BreakGlass.objects.exists()


def test_wrong_passwords_are_counted_as_at_the_page(world: World) -> None:
    outsider = signed_in_client("dr.far")
    path = f"people/{world.joan}/emergency"
    for _ in range(5):
        assert post(outsider, path, {**BODY, "password": "wrong"}).status_code == 403
    locked = post(outsider, path, BODY)
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) > 0
    assert outsider.post(f"/people/{world.joan}/emergency", BODY).status_code == 400
    assert not BreakGlass.objects.exists()


def test_neither_a_machine_nor_who_treats_nobody_nor_who_is_not_helped_opens_anything(world: World) -> None:
    register()
    machine = Client(headers={"host": "testserver", **bearer()})
    path = f"people/{world.joan}/emergency"
    assert post(machine, path, BODY).status_code == 401
    assert machine.get(f"/api/{path}").status_code == 401
    assert post(signed_in_client("ms.lane"), path, BODY).status_code == 403
    assert post(signed_in_client("dr.osei"), f"people/{world.peter}/emergency", BODY).status_code == 403
    assert not BreakGlass.objects.exists()


def test_a_session_opens_and_ends_nothing_without_its_token(world: World) -> None:
    access = broken(world)
    client = signed_in_client("dr.far")
    client.handler.enforce_csrf_checks = True
    assert post(client, f"people/{world.peter}/emergency", BODY).status_code == 403
    assert post(client, f"emergencies/{access.id}/end").status_code == 403
    assert BreakGlass.objects.count() == 1


def test_the_description_tells_of_both(world: World) -> None:
    paths = signed_in_client("dr.osei").get("/api/schema/").json()["paths"]
    opening = paths["/api/people/{person_id}/emergency"]
    assert set(opening) == {"get", "post"}
    assert "/api/emergencies/{access_id}/end" in paths
