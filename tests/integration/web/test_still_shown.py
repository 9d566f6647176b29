"""A record that stays open on a screen asks whether it still may, and is an event only where something is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import redis
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aggregator.accounts.roles import Role
from aggregator.audit.models import AuditEvent
from aggregator.consent.terms import Actor, BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import NotPermitted
from aggregator.mpi.models import SourceRecord
from aggregator.mpi.operations import raise_review
from aggregator.services.open_record import open_record
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.view_record import RecordView
from connectors.contract.categories import RecordCategory
from tests.factories import condition
from tests.integration.services.test_showing import answered, held_redis
from tests.relationship_acts import recorded
from tests.statements import asked_in
from tests.unit.record.test_files import letter
from tests.world import World, make_world, settled, signed_in_client

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def view(world: World, held_redis: redis.Redis) -> RecordView:
    """Joan's record, complete: a problem and a letter."""
    return answered(world, held_redis, condition(), letter({"contentType": "text/plain", "data": "SGVsbG8="}))


def pages(view: RecordView) -> list[str]:
    """Return every page that shows something of a record."""
    record = f"/records/{view.retrieval_id}"
    (document,) = [key for key, entry in view.record.entries.items() if entry.attachments]
    entries = [f"{record}/entries/{key}" for key in view.record.entries]
    return [record, f"{record}/sections/problems", *entries, f"{record}/entries/{document}/documents/1"]


def check(client: Client, retrieval_id: UUID) -> tuple[int, str | None, bytes]:
    answer = client.get(f"/records/{retrieval_id}/check", headers={"HX-Request": "true"})
    return answer.status_code, answer.headers.get("HX-Refresh"), answer.content


def object_to_sharing(world: World) -> None:
    record_opt_out(
        requester=world.administrator, person_id=world.joan, opted_out=True, note="By telephone.", now=timezone.now()
    )


def test_every_page_of_a_complete_record_asks_twice_a_minute(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    for address in pages(view):
        body = clinician.get(address).content.decode()
        assert f'hx-get="/records/{view.retrieval_id}/check" hx-trigger="every 30s, focus from:window"' in body, address
        assert "htmx-2" in body


def test_a_record_that_is_not_complete_is_drawn_again_instead(world: World) -> None:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    body = signed_in_client("dr.osei").get(f"/records/{retrieval_id}").content.decode()
    assert f"/records/{retrieval_id}/part" in body
    assert f"/records/{retrieval_id}/check" not in body


def test_while_all_is_as_it_was_nothing_is_said_and_nothing_written(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    before = AuditEvent.objects.count()
    assert check(clinician, view.retrieval_id) == (204, None, b"")
    assert AuditEvent.objects.count() == before


def test_an_objection_takes_every_page_off_the_screen(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    object_to_sharing(world)
    assert check(clinician, view.retrieval_id) == (403, "true", b"")
    event = AuditEvent.objects.latest("seq")
    assert (event.action, event.outcome, event.person_id) == ("check-progress", "refused", world.joan)
    assert event.detail["gates"] == ["consent"]
    for address in pages(view):
        answer = clinician.get(address)
        assert answer.status_code == 403
        assert "objected" in answer.content.decode()


MARK = re.compile(r"""hx-vals='{"standing": "([0-9a-f]{32})"}'""")


def check_as_shown(client: Client, page: str) -> tuple[int, str | None]:
    """Ask what a page asks by itself, which knows what it was shown by."""
    (mark,) = MARK.findall(page)
    address = re.findall(r'hx-get="([^"]*/check)"', page)[0]
    answer = client.get(f"{address}?standing={mark}", headers={"HX-Request": "true"})
    return answer.status_code, answer.headers.get("HX-Refresh")


def undo_the_link(world: World) -> None:
    """Find that the surgery's record is somebody else's."""
    record = SourceRecord.objects.get(identifier_value="1")
    raise_review(
        source_record_id=record.id,
        person_id=world.joan,
        reason="answer-about-another",
        evidence={"birth_date": "differs"},
        now=timezone.now(),
    )
    settled(world, "end-link")


def keep_problems_back(world: World) -> None:
    deny = Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.PROBLEMS}))
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT, exceptions=(deny,)),
        note="By letter.",
        now=timezone.now(),
    )


@pytest.mark.parametrize("change", [undo_the_link, keep_problems_back])
def test_what_may_no_longer_be_shown_as_it_is_leaves_the_screen(
    world: World, view: RecordView, change: Callable[[World], None]
) -> None:
    # Joan attends there by herself, whoever's record the surgery's is.
    recorded(world)
    clinician = signed_in_client("dr.osei")
    shown = {address: clinician.get(address).content.decode() for address in pages(view)}
    for page in shown.values():
        assert check_as_shown(clinician, page) == (204, None)
    change(world)
    for page in shown.values():
        assert check_as_shown(clinician, page) == (409, "true")
    again = clinician.get(f"/records/{view.retrieval_id}").content.decode()
    assert "Diabetes mellitus" not in again
    assert check_as_shown(clinician, again) == (204, None)


def test_what_the_patient_decides_of_others_is_not_felt(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    page = clinician.get(f"/records/{view.retrieval_id}").content.decode()
    deny = Provision(effect=Effect.DENY, actors=frozenset({Actor.role(Role.PHARMACIST)}))
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT, exceptions=(deny,)),
        note="By letter.",
        now=timezone.now(),
    )
    assert check_as_shown(clinician, page) == (204, None)


def test_asking_does_not_prolong_a_session(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    # As after a minute without a request: what is done more often is not written each time.
    Session.objects.update(expire_date=F("expire_date") - timedelta(minutes=1))
    ends_at = Session.objects.get().expire_date
    answer = clinician.get(f"/records/{view.retrieval_id}/check", headers={"HX-Request": "true"})
    assert not answer.cookies
    assert "Cookie" in answer.headers["Vary"]
    object_to_sharing(world)
    check(clinician, view.retrieval_id)
    assert Session.objects.get().expire_date == ends_at
    clinician.get("/")
    assert Session.objects.get().expire_date > ends_at


def test_when_the_session_is_over_the_page_leads_to_the_sign_in(world: World, view: RecordView) -> None:
    clinician = signed_in_client("dr.osei")
    Session.objects.update(expire_date=timezone.now())
    answer = clinician.get(f"/records/{view.retrieval_id}/check", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_fault_of_ours_leaves_the_page_to_ask_again(
    world: World, view: RecordView, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> None:
        raise RuntimeError

    clinician = signed_in_client("dr.osei")
    clinician.raise_request_exception = False
    monkeypatch.setattr("aggregator.services.check_progress.check_progress", breaks)
    assert check(clinician, view.retrieval_id) == (500, None, b"")


def test_nobody_learns_by_asking_whether_there_is_a_record(world: World, view: RecordView) -> None:
    outsider = signed_in_client("dr.far")
    object_to_sharing(world)
    assert check(outsider, view.retrieval_id) == check(outsider, uuid4()) == (404, "true", b"")


def test_one_event_an_opening_and_one_for_each_showing_of_other_content(world: World, held_redis: redis.Redis) -> None:
    clinician = signed_in_client("dr.osei")
    before = AuditEvent.objects.latest("seq").seq
    view = answered(world, held_redis, condition(), letter({"contentType": "text/plain", "data": "SGVsbG8="}))
    (document,) = [key for key, entry in view.record.entries.items() if entry.attachments]
    record = f"/records/{view.retrieval_id}"
    opened = f"{record}/entries/{document}/documents/1"
    for path in (
        record,  # as the service has shown it already
        f"{record}/part",
        record,
        f"{record}/entries/{document}",
        f"{record}/entries/{document}",
        opened,
        f"{opened}/content",
        f"{opened}/content?save=1",
        f"{record}/sections/problems",
        f"{record}/sections/problems",
        f"{record}/check",
        f"/fhir/retrievals/{view.retrieval_id}",
        f"/fhir/retrievals/{view.retrieval_id}",
    ):
        assert clinician.get(path).status_code in {200, 204}, path
    events = AuditEvent.objects.filter(seq__gt=before).order_by("seq")
    assert [(event.action, event.detail.get("part"), event.entry) for event in events] == [
        ("open-record", None, None),
        ("view-record", "record", None),
        ("view-record", "entry", document),
        ("view-record", "document", document),
        ("view-record", "section problems", None),
        ("view-record", "$everything", None),
    ]
    assert len({event.detail["content"] for event in events[1:]}) == len(events) - 1


def test_each_page_of_a_section_or_an_entry_is_other_content(world: World, held_redis: redis.Redis) -> None:
    many = [condition(code=str(10**6 + number), id=f"c{number}") for number in range(260)]
    view = answered(world, held_redis, *many)
    clinician = signed_in_client("dr.osei")
    section = f"/records/{view.retrieval_id}/sections/problems"
    for tail in ("?page=2", "?page=2", "", "?page=1"):
        assert clinician.get(f"{section}{tail}").status_code == 200
    parts = AuditEvent.objects.filter(action="view-record").order_by("seq").values_list("detail__part", flat=True)
    assert list(parts)[1:] == ["section problems, page 2", "section problems"]


def test_who_does_not_care_for_a_patient_cannot_tell_whether_they_objected(world: World) -> None:
    outsider = signed_in_client("dr.far")
    for method, path in (
        (outsider.post, "/people/{}/record"),
        (outsider.get, "/fhir/Patient/{}/$everything"),
    ):
        refusals = [method(path.format(person)) for person in (world.joan, world.peter)]
        assert [refusal.status_code for refusal in refusals] == [403, 403]
        asked = (str(world.joan).encode(), str(world.peter).encode())
        alike = [
            without_tokens(refusal.content.replace(who, b"")) for refusal, who in zip(refusals, asked, strict=True)
        ]
        assert alike[0] == alike[1]
        assert b"objected" not in refusals[0].content
    events = AuditEvent.objects.filter(person_id=world.peter, outcome="refused")
    assert {tuple(event.detail["gates"]) for event in events} == {("relationship", "consent")}


def without_tokens(body: bytes) -> bytes:
    """Return a page without the tokens that are new for every page."""
    return re.sub(rb"""(nonce|value)=(["'])[^"']{16,}\2""", b"", body)


def test_a_refusal_asks_the_database_the_same_whatever_the_patient_decided(world: World) -> None:
    def asked(person_id: UUID) -> list[str]:
        with CaptureQueriesContext(connection) as queries, pytest.raises(NotPermitted):
            open_record(requester=world.outsider, person_id=person_id, now=timezone.now())
        return [statement.split(" WHERE ")[0] for statement in asked_in(queries) if "audit_append" not in statement]

    assert asked(world.joan) == asked(world.peter)
    assert len(asked(world.joan)) > 2
