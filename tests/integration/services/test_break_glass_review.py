"""The officers' queue: what stands in it, who reviews what, and what follows from a verdict (T36)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Permission
from aggregator.audit.models import AuditEvent
from aggregator.break_glass.models import BreakGlassReview
from aggregator.break_glass.terms import OfficerVerdict, ReviewedKind
from aggregator.consent.queries import decide
from aggregator.errors import Invalid, NotFound, NotPermitted, Superseded
from aggregator.services.audit.report_access import report_access
from aggregator.services.audit.search_audit import AuditQuestion, search_audit
from aggregator.services.break_glass.cases import ReviewCase
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.break_glass.read_break_glass import read_break_glass
from aggregator.services.open_record import open_record
from aggregator.services.relationships.list_access import list_access
from aggregator.services.view_record import view_record
from tests.break_glass_acts import broken, joined, officer, reviewed, unjoined
from tests.relationship_acts import claimed, recorded
from tests.world import HOSPITAL_ODS, PETER_BORN, PETER_NUMBER, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    cache.clear()  # of failures that other tests counted
    return make_world()


def queue(by: Requester, *, is_closed: bool = False, later: timedelta = timedelta()) -> tuple[ReviewCase, ...]:
    return list_break_glass(requester=by, is_closed=is_closed, now=timezone.now() + later).cases


def may_see(requester: Requester, person_id: UUID) -> bool:
    return decide(
        requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now()
    ).permitted


def test_emergencies_and_claims_wait_the_oldest_first_for_the_officers_of_their_organisation(world: World) -> None:
    claim = claimed(world, by=world.outsider)
    access = broken(world)
    elsewhere = broken(world, by=world.clinician)
    cases = queue(officer(world))
    assert [(case.access.id, case.access.kind) for case in cases] == [
        (claim, ReviewedKind.SELF_CLAIM),
        (access.id, ReviewedKind.BREAK_GLASS),
    ]
    assert [case.access.note for case in cases] == ["She is on my ward.", "Brought in by ambulance."]
    assert {case.access.id for case in queue(operator())} == {claim, access.id, elsewhere.id}
    with pytest.raises(NotFound):
        read_break_glass(requester=officer(world), access_id=elsewhere.id, now=timezone.now())
    with pytest.raises(NotFound):
        reviewed(world, elsewhere.id)
    assert not BreakGlassReview.objects.exists()


def test_a_case_counts_what_was_opened_and_says_nothing_of_it(world: World) -> None:
    access = broken(world)
    retrieval_id = open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    for part in ("record", "section problems"):
        view_record(requester=world.outsider, retrieval_id=retrieval_id, now=timezone.now(), part=part)
    case = read_break_glass(requester=officer(world), access_id=access.id, now=timezone.now())
    assert [count for _, count in case.opened] == [1, 2, 0]


def test_a_verdict_closes_a_case_once_or_leaves_it_open(world: World) -> None:
    access = broken(world)
    reviewed(world, access.id, verdict="needs-conversation", note="Called, no answer.")
    (case,) = queue(officer(world))
    assert [review.verdict for review, _ in case.reviews] == [OfficerVerdict.NEEDS_CONVERSATION]
    reviewed(world, access.id)
    assert queue(officer(world)) == ()
    (closed,) = queue(officer(world), is_closed=True)
    assert [review.note for review, _ in closed.reviews] == ["Called, no answer.", "Asked."]
    assert closed.is_closed
    with pytest.raises(Superseded):
        reviewed(world, access.id, verdict="not-appropriate")
    assert may_see(world.outsider, world.joan)  # it was appropriate, and goes on


@pytest.mark.parametrize("kind", ReviewedKind)
def test_what_was_not_appropriate_ends_at_once(world: World, kind: ReviewedKind) -> None:
    is_claim = kind is ReviewedKind.SELF_CLAIM
    access_id = claimed(world, by=world.outsider) if is_claim else broken(world).id
    assert may_see(world.outsider, world.joan)
    reviewed(world, access_id, verdict="not-appropriate")
    assert not may_see(world.outsider, world.joan)
    event = AuditEvent.objects.order_by("-seq")[0]
    assert (event.action, event.person_id, event.detail["verdict"]) == (
        "review-break-glass",
        world.joan,
        "not-appropriate",
    )


def test_nobody_reviews_their_own_case(world: World) -> None:
    access = broken(world)
    themselves = replace(officer(world), user_id=world.outsider.user_id)
    assert read_break_glass(requester=themselves, access_id=access.id, now=timezone.now()).is_own
    with pytest.raises(NotPermitted) as refused:
        reviewed(world, access.id, by=themselves)
    assert refused.value.code == "own-case"


def test_nobody_reviews_their_own_case_under_another_account(world: World) -> None:
    access = broken(world)
    by = officer(world)
    joined(world, user=world.outsider, by=operator())
    assert not read_break_glass(requester=by, access_id=access.id, now=timezone.now()).is_own
    joined(world, user=by, by=operator())
    assert read_break_glass(requester=by, access_id=access.id, now=timezone.now()).is_own
    with pytest.raises(NotPermitted) as refused:
        reviewed(world, access.id, by=by)
    assert refused.value.code == "own-case"
    unjoined(world, user=by, by=operator())
    joined(world, user=by, number=PETER_NUMBER, born=PETER_BORN, by=operator())
    reviewed(world, access.id, by=by)


@pytest.mark.parametrize(("changed", "field"), [({"verdict": "fine"}, "verdict"), ({"note": " "}, "note")])
def test_a_verdict_takes_one_of_the_list_and_a_note(world: World, changed: dict[str, str], field: str) -> None:
    access = broken(world)
    with pytest.raises(Invalid) as refused:
        reviewed(world, access.id, **changed)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_what_stands_out_is_seen_when_the_queue_is_read(world: World) -> None:
    broken(world)
    week = timedelta(days=7, minutes=1)
    (case,) = queue(officer(world), later=week)
    assert [signal.kind for signal in case.signals] == ["no-later-contact"]
    assert case.age_in_days == 7
    today = timezone.localdate()
    recorded(world, organisation_ods=HOSPITAL_ODS, from_date=today)
    (case,) = queue(officer(world), later=week)
    assert case.signals == ()
    assert "nobody has joined the user's account to a person" in " ".join(case.unknowns)


def test_a_case_of_long_ago_is_not_made_good_by_care_that_had_ended_before(world: World) -> None:
    recorded(world, organisation_ods=HOSPITAL_ODS, from_date=date(2020, 1, 1), until_date=date(2020, 2, 1))
    broken(world)
    (case,) = queue(officer(world), later=timedelta(days=8))
    assert [signal.kind for signal in case.signals] == ["no-later-contact"]


def test_the_audit_finds_emergencies_by_their_purpose_and_the_patient_s_report_says_why(world: World) -> None:
    broken(world)
    retrieval_id = open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    view_record(requester=world.outsider, retrieval_id=retrieval_id, now=timezone.now())
    found = search_audit(requester=operator(), question=AuditQuestion(purpose="BTG"), now=timezone.now())
    assert {line.purpose for line in found.lines} == {"Emergency (break-glass)"}
    assert len(found.lines) == 3
    report = report_access(requester=world.administrator, person_id=world.joan, now=timezone.now())
    said = [f"{look.words}, {report.why(look)}" for look in report.looks]
    because = "in an emergency: unconscious, or too unwell to be asked"
    assert f"opened your record, {because}" in said
    assert f"said that they needed your record at once, {because}" in said


def test_who_has_access_names_to_whom_the_record_is_open_in_an_emergency(world: World) -> None:
    access = broken(world)
    listed = list_access(requester=operator(), person_id=world.joan, now=timezone.now())
    (line,) = listed.emergencies
    assert (line.user_name, line.ends_at) == ("Ama Osei", access.ends_at)
    # An administrator sees what concerns their own organisation.
    own = list_access(requester=world.administrator, person_id=world.joan, now=timezone.now())
    assert own.emergencies == ()
    over = list_access(requester=operator(), person_id=world.joan, now=access.ends_at)
    assert over.emergencies == ()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("review_break_glass", *arguments, stdout=out)
    return out.getvalue()


def test_an_operator_lists_shows_and_closes_cases_by_command(world: World) -> None:
    access_id = str(broken(world).id)
    (listed,) = json.loads(run("list", "--json"))
    assert (listed["id"], listed["user"], listed["signals"]) == (access_id, "Ama Osei", [])
    assert access_id in run("list")
    assert json.loads(run("show", access_id))["note"] == "Brought in by ambulance."
    run("verdict", access_id, "appropriate", "--note", "Asked the ward.")
    assert json.loads(run("list", "--json")) == []
    assert json.loads(run("list", "--closed", "--json"))[0]["verdicts"] == ["appropriate"]
    with pytest.raises(CommandError):
        run("verdict", access_id, "appropriate", "--note", "Again.")
