"""Doubts about identity, seen and settled by an administrator at the door."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.consent.models import Policy
from aggregator.mpi.models import Link, LinkDecision, LinkReview, SourceRecord
from aggregator.mpi.operations import raise_review
from aggregator.mpi.queries import people_with_number
from aggregator.services import list_reviews
from aggregator.services.load_identities import load_identities
from tests.factories import person_of
from tests.world import IDENTITIES, JOAN_NUMBER, PETER_NUMBER, SOURCE_SLUG, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

STATE = re.compile(r'name="seen" value="([0-9a-f]+)"')


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def administrator(world: World) -> Client:
    return signed_in_client("ms.lane")


def load(*changes: tuple[str, str]) -> None:
    lines = IDENTITIES
    for before, after in changes:
        lines = lines.replace(before, after)
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines.splitlines(), now=timezone.now())


def changed() -> UUID:
    """Have the surgery say another name and birth date under Joan's identifier."""
    load(("Ferris,Joan,1951-05-04", "Okoro,Peter,1980-01-01"))
    return LinkReview.objects.get().id


def about_another(world: World, *fields: str) -> UUID:
    record = SourceRecord.objects.get(identifier_value="1")
    raise_review(
        source_record_id=record.id,
        person_id=world.joan,
        reason="answer-about-another",
        evidence=dict.fromkeys(fields, "differs"),
        now=timezone.now(),
    )
    return LinkReview.objects.get().id


def settle(client: Client, review_id: UUID, **form: Any) -> Any:
    seen = STATE.search(client.get(f"/reviews/{review_id}").content.decode())
    values = {"note": "Rang the surgery.", "seen": seen[1] if seen else "", **form}
    return client.post(f"/reviews/{review_id}", values)


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_list_names_the_doubt_and_nobody(administrator: Client) -> None:
    assert "There are no open doubts." in body(administrator.get("/reviews"))
    review_id = changed()
    page = body(administrator.get("/reviews"))
    assert f"/reviews/{review_id}" in page
    assert "The source has changed its identifying details for this patient" in page
    assert not any(word in page for word in ("Ferris", "Okoro", "Joan", JOAN_NUMBER))
    assert "Doubts about identity" in body(administrator.get("/"))
    assert "Doubts about identity" not in body(signed_in_client("dr.osei").get("/"))


def test_every_doubt_can_be_reached_and_the_list_narrowed(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed()
    other = "local_id,family,given,birth_date,gender\nd,Ferris,Joan,1951-05-04,male".splitlines()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=other, now=timezone.now())
    doubts = {str(review.id): review.reason for review in LinkReview.objects.all()}
    assert len(doubts) == 2

    def listed(address: str) -> list[str]:
        return re.findall(r'href="/reviews/([0-9a-f-]{36})"', body(administrator.get(address)))

    assert set(listed("/reviews")) == set(doubts)
    for review_id, cause in doubts.items():
        assert listed(f"/reviews?cause={cause}&source={SOURCE_SLUG}") == [review_id]
    assert "Show all" in body(administrator.get("/reviews?cause=no-such"))
    assert listed("/reviews?settled=yes") == []
    monkeypatch.setattr(list_reviews, "REVIEWS_PER_PAGE", 1)
    assert {review_id for number in (1, 2) for review_id in listed(f"/reviews?page={number}")} == set(doubts)
    assert "Page 1 of 2" in body(administrator.get("/reviews"))
    narrowed = body(administrator.get(f"/reviews?source={SOURCE_SLUG}"))
    assert f"/reviews?source={SOURCE_SLUG}&amp;page=2" in narrowed
    assert administrator.get("/reviews?page=3").status_code == 404


def test_a_settled_doubt_stands_in_a_list_of_its_own(administrator: Client, world: World) -> None:
    review_id = changed()
    settle(administrator, review_id, decision="end-link")
    page = body(administrator.get("/reviews"))
    assert "There are no open doubts." in page
    assert "Settled doubts (1)" in page
    settled = body(administrator.get("/reviews?settled=yes"))
    assert f"/reviews/{review_id}" in settled
    assert "End the link" in settled
    assert "Back to the open doubts" in settled


def test_both_sides_stand_field_by_field_and_their_reading_is_audited(administrator: Client, world: World) -> None:
    page = body(administrator.get(f"/reviews/{changed()}"))
    for said in ("Ferris", "Okoro", "04-May-1951", "01-Jan-1980", "The Surgery: now says", "The Surgery: on record"):
        assert said in page
    assert AuditEvent.objects.filter(action="read-review", person_id=world.joan).count() == 1


def test_a_doubt_is_settled_and_taken_back(administrator: Client, world: World) -> None:
    review_id = changed()
    answer = settle(administrator, review_id, decision="end-link")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/reviews/{review_id}")
    record = SourceRecord.objects.get(identifier_value="1")
    assert person_of(record=record).id != world.joan
    page = body(administrator.get(f"/reviews/{review_id}"))
    for said in ("Rang the surgery.", "The Surgery: before the decision", "04-May-1951", "01-Jan-1980"):
        assert said in page
    assert "Ama Osei" in page
    assert administrator.post(f"/reviews/{review_id}/take-back").status_code == 302
    assert person_of(record=record).id == world.joan
    assert LinkReview.objects.get().settled_at is None
    actions = list(AuditEvent.objects.order_by("-seq").values_list("action", "person_id")[:1])
    assert actions == [("take-back-review", world.joan)]
    assert "Taken back" in body(administrator.get(f"/reviews/{review_id}"))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Select a decision"),
        ({"decision": "end-link", "note": ""}, "Enter the reason for your decision"),
        ({"decision": "end-link", "note": "  "}, "Enter the reason for your decision"),
        ({"decision": "end-link", "note": "n" * 2001}, "in 2,000 characters or fewer"),
        ({"decision": "noted"}, "This doubt can be settled by end-link or take-new-values."),
        ({"decision": "accept-fields", "fields": ["sex"]}, "This doubt can be settled by"),
        ({"decision": "delete"}, "This doubt can be settled by"),
    ],
)
def test_what_will_not_do_is_said_beside_the_form_and_changes_nothing(
    administrator: Client, form: dict[str, Any], said: str
) -> None:
    answer = settle(administrator, changed(), **form)
    assert answer.status_code == 400
    assert said in body(answer)
    assert not LinkDecision.objects.exists()


def test_named_fields_are_accepted_and_no_others(administrator: Client, world: World) -> None:
    review_id = about_another(world, "birth_date", "identifier")
    page = body(administrator.get(f"/reviews/{review_id}"))
    assert 'value="birth_date"' in page
    assert 'value="identifier"' not in page
    for fields in ([], ["identifier"], ["sex"], ["birth_date", "sex"]):
        assert settle(administrator, review_id, decision="accept-fields", fields=fields).status_code == 400
    assert settle(administrator, review_id, decision="accept-fields", fields=["birth_date"]).status_code == 302
    assert LinkDecision.objects.get().fields == ["birth_date"]


def test_a_decision_about_what_has_changed_since_is_a_clash(administrator: Client) -> None:
    review_id = changed()
    old = STATE.search(body(administrator.get(f"/reviews/{review_id}")))
    assert old
    load(("Ferris,Joan,1951-05-04", "Adams,Paul,1980-01-01"))
    answer = administrator.post(
        f"/reviews/{review_id}", {"decision": "take-new-values", "note": "Sure.", "seen": old[1]}
    )
    assert answer.status_code == 409
    assert settle(administrator, review_id, decision="take-new-values").status_code == 302
    assert settle(administrator, review_id, decision="take-new-values").status_code == 409
    administrator.post(f"/reviews/{review_id}/take-back")
    assert administrator.post(f"/reviews/{review_id}/take-back").status_code == 409


def test_a_person_who_is_made_keeps_the_objection_of_the_one_who_is_left(administrator: Client, world: World) -> None:
    load(("Holt,Peter,1960-09-12", "Okoro,Paul,1980-01-01"))
    settle(administrator, LinkReview.objects.get().id, decision="end-link")
    made = person_of(record=SourceRecord.objects.get(identifier_value="2"))
    assert made.id != world.peter
    assert Policy.objects.get(person=made).base == "deny"


def test_the_note_and_the_values_stay_out_of_the_audit(administrator: Client) -> None:
    settle(administrator, changed(), decision="end-link", note="Joan Ferris rang.")
    written = " ".join(str(event.detail) for event in AuditEvent.objects.all())
    assert not any(word in written for word in ("Ferris", "Joan", "Okoro", "rang", "1980", JOAN_NUMBER))


def test_a_clinician_is_refused_and_the_refusal_stays(world: World) -> None:
    clinician, review_id = signed_in_client("dr.osei"), changed()
    for answer in (
        clinician.get("/reviews"),
        clinician.get(f"/reviews/{review_id}"),
        clinician.post(f"/reviews/{review_id}", {"decision": "end-link", "note": "I say so."}),
        clinician.post(f"/reviews/{review_id}/take-back"),
    ):
        assert answer.status_code == 403
        assert "Okoro" not in body(answer)
    assert Link.objects.filter(ended_at__isnull=False).count() == 0


def test_what_a_source_sends_is_drawn_as_text(administrator: Client) -> None:
    load(("Ferris,Joan,1951-05-04", "<script>alert(1)</script>,Peter,1980-01-01"))
    page = body(administrator.get(f"/reviews/{LinkReview.objects.get().id}"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_both_pages_of_two_people_under_one_number_say_so(administrator: Client, world: World) -> None:
    load((f"2,{PETER_NUMBER},01,Holt", f"9,{JOAN_NUMBER},01,Holt"))
    people = people_with_number(nhs_number=JOAN_NUMBER)
    assert len(people) == 2
    warning = "This NHS number is also on another person&#39;s record: check the other identifiers."
    for person in people:
        assert warning in body(administrator.get(f"/people/{person.person_id}/consent"))
    assert body(administrator.post("/", {"nhs_number": JOAN_NUMBER})).count(warning) == 2
    assert warning not in body(administrator.get(f"/people/{world.peter}/consent"))


# Two people who are one


def twice() -> UUID:
    """Have the surgery hold Joan under a second number of its own, with another gender."""
    lines = ["local_id,family,given,birth_date,gender", "d,Ferris,Joan,1951-05-04,male"]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    return LinkReview.objects.get().id


def test_the_page_shows_both_people_and_what_becomes_of_them(world: World, administrator: Client) -> None:
    page = body(administrator.get(f"/reviews/{twice()}"))
    assert "The Surgery: on record" in page
    assert "The Surgery: the other person&#39;s record" in page
    assert "They may be two people" in page
    assert "differs in: Gender" in page
    assert "If you join them" in page
    assert 'value="join"' in page


def test_two_people_are_joined_with_a_reason_and_parted_again(world: World, administrator: Client) -> None:
    review_id = twice()
    assert settle(administrator, review_id, decision="join", note="").status_code == 400
    assert settle(administrator, review_id, decision="join").status_code == 302
    record = SourceRecord.objects.get(identifier_value="d")
    assert person_of(record=record).id == world.joan
    page = body(administrator.get(f"/reviews/{review_id}"))
    assert "Join them: both are one person" in page
    assert "If you join them" not in page
    assert administrator.post(f"/reviews/{review_id}/take-back").status_code == 302
    assert person_of(record=record).id != world.joan


def test_people_with_verified_numbers_of_their_own_are_not_offered_to_be_joined(
    world: World, administrator: Client
) -> None:
    review_id = twice()
    SourceRecord.objects.filter(identifier_value="d").update(
        nhs_number=PETER_NUMBER, nhs_number_sent=PETER_NUMBER, nhs_number_status="01"
    )
    page = body(administrator.get(f"/reviews/{review_id}"))
    assert "Each has a verified NHS number" in page
    assert 'value="join"' not in page
    refused = settle(administrator, review_id, decision="join")
    assert refused.status_code == 400
    assert "they differ" in body(refused)


def test_a_join_is_refused_where_another_record_has_come_since(world: World, administrator: Client) -> None:
    review_id = twice()
    seen = STATE.search(body(administrator.get(f"/reviews/{review_id}")))
    assert seen is not None
    lines = [
        "local_id,nhs_number,nhs_number_status,family,given,birth_date",
        f"e,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04",
    ]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    answer = administrator.post(
        f"/reviews/{review_id}", {"decision": "join", "note": "Rang the surgery.", "seen": seen[1]}
    )
    assert answer.status_code == 409
