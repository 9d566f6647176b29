"""What the FHIR door answers when it is asked in other ways than its one, or breaks."""

from __future__ import annotations

import pytest
import structlog.testing
from django.test import Client

from aggregator.federation.models import Retrieval
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def test_a_fault_is_an_outcome_that_holds_nothing_of_it_and_leaves_its_place_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> None:
        raise RuntimeError("Joan Ferris")

    monkeypatch.setattr("aggregator.api.fhir.operations.everything.open_record", breaks)
    with structlog.testing.capture_logs() as logged:
        answer = signed_in_client("dr.osei").get(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 500
    assert answer.json()["issue"] == [
        {"severity": "error", "code": "exception", "diagnostics": "Something went wrong on our side."}
    ]
    (line,) = [one for one in logged if one["event"] == "fhir_door_failed"]
    assert isinstance(line["exc_info"], RuntimeError)


def test_to_ask_for_the_head_asks_no_source(world: World) -> None:
    answer = signed_in_client("dr.osei").head(f"/fhir/Patient/{world.joan}/$everything")
    assert answer.status_code == 405
    assert not Retrieval.objects.exists()


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/1/$everything", "/fhir/anything"])
def test_what_it_is_made_of_is_told_to_nobody(world: World, path: str) -> None:
    for visitor, statuses in (
        (signed_in_client("dr.osei"), {405}),
        (Client(headers={"host": "testserver"}), {401, 405}),
    ):
        answer = visitor.options(path)
        assert answer.status_code in statuses
        assert answer.json()["resourceType"] == "OperationOutcome"
