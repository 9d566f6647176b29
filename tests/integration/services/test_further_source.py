"""A source that comes to hold the patient while a record is open was not asked: the record says that there is more."""

from __future__ import annotations

import pytest
from django.utils import timezone

from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import Superseded
from aggregator.services.check_progress import check_progress
from aggregator.services.open_record import open_record
from aggregator.services.record_policy import record_policy
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources.models import Source
from tests.one_hospital import add_clinic, load
from tests.world import NOWHERE, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def opened(world: World) -> RecordView:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    return view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())


def test_an_open_record_says_that_there_is_more_once_a_load_has_linked_a_further_source(world: World) -> None:
    shown = opened(world)
    add_clinic(NOWHERE)
    load(source="clinic")
    with pytest.raises(Superseded):
        check_progress(
            requester=world.clinician, retrieval_id=shown.retrieval_id, now=timezone.now(), standing=shown.standing
        )
    with pytest.raises(Superseded) as told:
        view_record(requester=world.clinician, retrieval_id=shown.retrieval_id, now=timezone.now())
    assert told.value.code == "joined"
    part = signed_in_client("dr.osei").get(f"/records/{shown.retrieval_id}/part")
    assert "there is more than what you saw" in part.content.decode()
    assert {status.name for status in opened(world).sources} == {"The Surgery", "The Clinic"}


def test_a_source_that_may_not_be_known_to_hold_the_patient_is_not_felt(world: World) -> None:
    add_clinic(NOWHERE)
    clinic_id = Source.objects.get(slug="clinic").id
    denied = Provision(effect=Effect.DENY, sources=frozenset({clinic_id}))
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT, exceptions=(denied,)),
        note="By letter.",
        now=timezone.now(),
    )
    shown = opened(world)
    load(source="clinic")
    again = view_record(requester=world.clinician, retrieval_id=shown.retrieval_id, now=timezone.now())
    assert [status.name for status in again.sources] == ["The Surgery"]
    assert again.standing == shown.standing
