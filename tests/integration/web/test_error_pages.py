"""What a person sees when a page cannot be had: ours, with a way on, and nothing of what was asked or went wrong."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from tests.integration.web.test_still_shown import object_to_sharing
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


def breaks(**_: object) -> None:
    raise RuntimeError("Joan Ferris 999 000 1006")


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.mark.parametrize("path", ["/nothing/ferris", "/records/ferris", "/records/%00"])
def test_an_address_that_leads_nowhere_is_answered_by_a_page_of_ours(path: str) -> None:
    answer = Client(headers={"host": "testserver"}).get(path)
    body = answer.content.decode()
    assert answer.status_code == 404
    assert "Page not found – Longview" in body
    assert "ferris" not in body


def test_a_request_that_cannot_be_read_is_answered_by_a_page_of_ours() -> None:
    answer = Client(headers={"host": "testserver"}).post("/sign-in", {f"field-{number}": "x" for number in range(300)})
    assert answer.status_code == 400
    assert "– Longview" in answer.content.decode()


def test_a_host_that_is_not_ours_is_not_repeated() -> None:
    answer = Client(headers={"host": "evil.example"}).get("/sign-in")
    body = answer.content.decode()
    assert answer.status_code == 400
    assert "– Longview" in body
    assert "evil.example" not in body


def test_a_fault_of_ours_is_said_and_holds_nothing_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clinician = signed_in_client("dr.osei")
    clinician.raise_request_exception = False
    monkeypatch.setattr("aggregator.services.find_person.find_person", breaks)
    answer = clinician.post("/", {"nhs_number": "999 000 1006"})
    body = answer.content.decode()
    assert answer.status_code == 500
    assert "There is a problem with the service – Longview" in body
    assert "RuntimeError" not in body
    assert "1006" not in body


def test_a_part_that_may_not_be_shown_any_more_takes_the_whole_page_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinician = signed_in_client("dr.osei")
    clinician.raise_request_exception = False
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    object_to_sharing(world)
    refused = clinician.get(f"{location}/part", headers={"HX-Request": "true"})
    assert (refused.status_code, refused.headers["HX-Refresh"], refused.content) == (403, "true", b"")
    assert "objected" in clinician.get(location).content.decode()
    monkeypatch.setattr("aggregator.services.view_record.view_record", breaks)
    broken = clinician.get(f"{location}/part", headers={"HX-Request": "true"})
    assert (broken.status_code, broken.headers["HX-Refresh"], broken.content) == (500, "true", b"")


def test_a_page_that_waits_asks_again_though_one_asking_failed(world: World) -> None:
    clinician = signed_in_client("dr.osei")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    assert 'hx-trigger="every 2500ms"' in clinician.get(location).content.decode()


def test_a_record_that_is_no_longer_held_says_what_to_do(world: World) -> None:
    body = signed_in_client("dr.osei").get(f"/records/{uuid4()}").content.decode()
    assert "held only for a short time" in body
    assert "open the record again" in body
