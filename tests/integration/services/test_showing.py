"""What one showing says of its sources: each that holds the person is named, and nothing withheld is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.audit.models import AuditEvent
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.endings import Ending
from aggregator.federation.models import Retrieval, SourceOutcome
from aggregator.federation.store import Sealer
from aggregator.mpi.models import Person, SourceRecord
from aggregator.record.completeness.claims import AllergyStatus
from aggregator.record.completeness.words import remarks_on_source
from aggregator.record.patient_details import PatientLabel
from aggregator.services.open_record import open_record
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources.models import Source
from aggregator.web.record.page import record_page
from connectors.contract.notices import Ground, Notice, NoticeCode, counting_notice
from connectors.contract.outcomes import Outcome, Reason
from tests.factories import allergy, condition, item, no_known_allergy, restricted
from tests.questions import recorded
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def held_redis() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        yield client


def showing(world: World, retrieval_id: UUID) -> RecordView:
    return view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())


def answered(
    world: World,
    client: redis.Redis,
    *resources: Mapping[str, Any],
    translated: bool = True,
    subject_sent: bytes | None = None,
    notices: tuple[Notice, ...] = (),
) -> RecordView:
    """Open Joan's record, let her surgery answer with these resources, and show it."""
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    row = SourceOutcome.objects.get(retrieval_id=retrieval_id)
    answer = HeldAnswer(
        source_record_id=SourceRecord.objects.get(source_id=row.source_id, identifier_value="1").id,
        received_at=timezone.now(),
        subject=b"{}",
        subject_sent=subject_sent,
        items=tuple(item(resource=one, source=str(row.source_id), translated=translated) for one in resources),
        quarantined=(),
        notices=notices,
    )
    wrapped_key = Retrieval.objects.get(id=retrieval_id).wrapped_key
    sealer = Sealer(master_key=settings.HELD_ITEMS_KEY, wrapped_key=wrapped_key, retrieval_id=retrieval_id)
    client.set(
        f"held:{retrieval_id}:{row.source_id}", sealer.seal(source_id=row.source_id, answers=(answer,)), px=60_000
    )
    recorded(outcome_id=row.id, ending=Ending(outcome=Outcome.ANSWERED, item_count=len(resources)), now=timezone.now())
    return showing(world, retrieval_id)


def test_what_is_withheld_is_not_counted_among_a_source_s_items(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, allergy(), condition(meta=restricted()))
    assert view.withheld
    assert [status.item_count for status in view.sources] == [1]


def test_what_a_withheld_item_lacks_is_said_to_nobody(world: World, held_redis: redis.Redis) -> None:
    of_all = Notice(code=NoticeCode.DATA_IN_TRANSIT)
    of_items = counting_notice(
        code=NoticeCode.INCOMPLETE,
        grounds=[Ground(all_of=("AllergyIntolerance/a",)), Ground(all_of=("Condition/c",))],
        one="1 part is not in its answer.",
        several="{count} parts are not in its answer.",
        category=None,
    )
    whole = answered(world, held_redis, allergy(id="a"), condition(id="c"), notices=(of_all, of_items))
    assert [notice.text for notice in whole.sources[0].notices] == ["", "2 parts are not in its answer."]
    less = answered(
        world, held_redis, allergy(id="a"), condition(id="c", meta=restricted()), notices=(of_all, of_items)
    )
    assert [notice.text for notice in less.sources[0].notices] == ["", "1 part is not in its answer."]
    none = answered(
        world,
        held_redis,
        allergy(id="a", meta=restricted()),
        condition(id="c", meta=restricted()),
        notices=(of_all, of_items),
    )
    assert none.sources[0].notices == (of_all,)


def test_an_answer_that_is_no_longer_held_is_said_to_be_lost_and_never_empty_or_awaited(
    world: World, held_redis: redis.Redis
) -> None:
    (whole,) = (view := answered(world, held_redis, allergy())).sources
    assert whole.outcome is Outcome.ANSWERED
    held_redis.delete(f"held:{view.retrieval_id}:{whole.source_id}")
    (lost,) = (again := showing(world, view.retrieval_id)).sources
    assert (lost.outcome, lost.reason, lost.item_count) == (Outcome.FAILED, Reason.HELD_ANSWER_LOST, 0)
    assert again.allergy_status not in (AllergyStatus.NONE_KNOWN, AllergyStatus.NONE_YOU_MAY_SEE)


def test_with_an_allergy_withheld_none_is_said_to_be_recorded_only_in_what_may_be_seen(
    world: World, held_redis: redis.Redis
) -> None:
    view = answered(world, held_redis, allergy(meta=restricted()), no_known_allergy())
    assert view.withheld
    assert view.allergy_status is AllergyStatus.NONE_YOU_MAY_SEE
    assert answered(world, held_redis, no_known_allergy()).allergy_status is AllergyStatus.NONE_KNOWN


def test_the_audit_counts_what_was_shown_and_what_was_withheld_and_names_neither(
    world: World, held_redis: redis.Redis
) -> None:
    view = answered(world, held_redis, allergy(), condition(meta=restricted()), condition(meta=restricted()))
    event = AuditEvent.objects.get(action="view-record", retrieval_id=view.retrieval_id)
    assert (event.detail["items"], event.detail["withheld"]) == (1, 2)
    assert event.detail["outcomes"] == {view.sources[0].source_id: "answered"}
    assert set(event.detail) == {"part", "items", "withheld", "outcomes", "content"}


def test_looking_again_is_no_new_event_until_something_else_is_shown(world: World, held_redis: redis.Redis) -> None:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    awaited = AuditEvent.objects.filter(action="view-record", retrieval_id=retrieval_id)
    for _ in range(3):
        showing(world, retrieval_id)
    assert awaited.count() == 1
    row = SourceOutcome.objects.get(retrieval_id=retrieval_id)
    recorded(outcome_id=row.id, ending=Ending(outcome=Outcome.REFUSED), now=timezone.now())
    for _ in range(2):
        showing(world, retrieval_id)
    assert awaited.count() == 2
    SourceRecord.objects.filter(source_id=row.source_id, identifier_value="1").update(deceased=True)
    Person.objects.filter(id=world.joan).update(deceased=True)
    showing(world, retrieval_id)
    view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now(), part="entry", entry="e")
    view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now(), part="section")
    assert awaited.count() == 5


def test_more_items_are_other_content_and_so_are_fewer(world: World, held_redis: redis.Redis) -> None:
    first = answered(world, held_redis, allergy(), condition())
    events = AuditEvent.objects.filter(action="view-record", retrieval_id=first.retrieval_id)
    showing(world, first.retrieval_id)
    assert events.count() == 1
    held_redis.delete(f"held:{first.retrieval_id}:{first.sources[0].source_id}")
    showing(world, first.retrieval_id)
    assert events.count() == 2


def test_a_withheld_item_that_is_not_translated_shows_neither_its_kind_nor_its_number(
    world: World, held_redis: redis.Redis
) -> None:
    view = answered(world, held_redis, condition(meta=restricted()), translated=False)
    assert view.withheld
    assert [status.untranslated for status in view.sources] == [()]


def test_an_item_that_is_not_translated_is_counted(world: World, held_redis: redis.Redis) -> None:
    (status,) = answered(world, held_redis, condition(), translated=False).sources
    assert [count for _, count in status.untranslated] == [1]


def test_a_source_that_is_not_in_use_is_named_and_not_passed_over_in_silence(world: World) -> None:
    Source.objects.update(enabled=False)
    view = showing(world, open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()))
    assert [(status.outcome, status.reason) for status in view.sources] == [(Outcome.NOT_ASKED, "paused")]
    assert view.complete
    assert view.allergy_status is AllergyStatus.UNAVAILABLE
    assert "paused" in record_page(view=view).summary


def test_an_answer_without_allergies_is_none_known_only_where_it_says_so(world: World, held_redis: redis.Redis) -> None:
    assert answered(world, held_redis, no_known_allergy()).allergy_status is AllergyStatus.NONE_KNOWN


FERRIS = (
    b'{"resourceType":"Patient","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality",'
    b'"code":"%b"}]},"communication":[{"language":{"text":"French"}}],"address":"1 High Street",'
    b'"generalPractitioner":[{"reference":"Practitioner/p"}]}'
)
DOCTOR = {"resourceType": "Practitioner", "id": "p", "name": [{"family": "Ames", "prefix": ["Dr"]}]}


def test_what_a_source_says_of_the_patient_is_shown_as_it_was_sent(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, allergy(), DOCTOR, subject_sent=FERRIS % b"U")
    (details,) = view.patient_details
    assert details.lines == (
        (PatientLabel.LANGUAGE, "French"),
        (PatientLabel.GP, "Dr Ames"),
        (PatientLabel.ADDRESS, "1 High Street"),
    )
    assert not view.is_whereabouts_restricted


@pytest.mark.parametrize("code", [b"R", b"V"])
def test_where_a_restricted_patient_is_stays_untold(world: World, held_redis: redis.Redis, code: bytes) -> None:
    view = answered(world, held_redis, allergy(), DOCTOR, subject_sent=FERRIS % code)
    assert view.is_whereabouts_restricted
    told = repr(view.patient_details)
    assert "High Street" not in told
    assert "Ames" not in told


def test_where_a_restricted_patient_is_stands_in_no_banner(world: World, held_redis: redis.Redis) -> None:
    Person.objects.filter(id=world.joan).update(address_line="1 High Street", phone="01632 960001")
    open_to_all = answered(world, held_redis, allergy(), subject_sent=FERRIS % b"U")
    assert record_page(view=open_to_all).banner.address == "1 High Street, TM1 1AA"
    view = answered(world, held_redis, allergy(), subject_sent=FERRIS % b"R")
    assert record_page(view=view).banner.address == "not shown: a source marks this as restricted"
    client = signed_in_client("dr.osei")
    page = client.get(f"/records/{view.retrieval_id}")
    assert page.status_code == 200
    assert not [where for where in (b"High Street", b"TM1 1AA", b"960001") if where in page.content]


def test_other_details_of_the_patient_are_another_showing(world: World, held_redis: redis.Redis) -> None:
    events = AuditEvent.objects.filter(action="view-record")
    first = answered(world, held_redis, allergy(), subject_sent=FERRIS % b"U")
    other = answered(world, held_redis, allergy(), subject_sent=FERRIS.replace(b"French", b"Welsh") % b"U")
    contents = {events.get(retrieval_id=view.retrieval_id).detail["content"] for view in (first, other)}
    assert len(contents) == 2


BILLING = ("Claim", "ExplanationOfBenefit", "Coverage", "Account")


def test_billing_is_counted_as_no_part_of_a_care_record_and_shown_nowhere(
    world: World, held_redis: redis.Redis
) -> None:
    bills = [
        {"resourceType": name, "id": f"b{number}", "status": "active", "patient": {"reference": "Patient/1"}}
        for number, name in enumerate(BILLING)
    ]
    view = answered(world, held_redis, condition(), *bills)
    (status,) = view.sources
    assert (status.item_count, status.billing_count) == (1, 4)
    assert "4 entries are about billing, which is not part of a care record." in remarks_on_source(status=status)
    assert [entry.category.value for entry in view.record.entries.values()] == ["problems"]
    assert view.record.supporting == ()
    assert len(view.record.billing) == 4
    page = signed_in_client("dr.osei").get(f"/records/{view.retrieval_id}").content.decode()
    assert "4 entries are about billing" in page
    assert "Coverage" not in page
    exported = signed_in_client("dr.osei").get(f"/fhir/retrievals/{view.retrieval_id}").json()
    types = {entry["resource"]["resourceType"] for entry in exported["entry"]}
    assert types.isdisjoint(BILLING)
    assert "4 entries are about billing" in str(exported)


def test_billing_that_is_labelled_is_not_even_counted(world: World, held_redis: redis.Redis) -> None:
    secret = {"resourceType": "Claim", "id": "b", "patient": {"reference": "Patient/1"}, "meta": restricted()}
    (status,) = answered(world, held_redis, condition(), secret).sources
    assert status.billing_count == 0
