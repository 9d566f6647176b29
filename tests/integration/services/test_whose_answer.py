"""An answer must contradict nothing that is known of the person, and show that it is theirs: over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.mpi.models import LinkReview, SourceRecord
from aggregator.mpi.queries import held_by
from aggregator.services.find_person import find_person
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review
from aggregator.services.view_record import RecordView
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome
from tests.one_hospital import JOAN, NHS, Hospital, add_clinic, hospital, load, opened, run, world
from tests.world import IDENTITIES, JOAN_BORN, JOAN_NUMBER, PETER_NUMBER, SOURCE_SLUG, World

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

WRONG, UNPROVEN = (Outcome.MALFORMED, "wrong-patient"), (Outcome.MALFORMED, "unproven")
ANSWERED = (Outcome.ANSWERED, "")


def ended(view: RecordView) -> tuple[Outcome | None, str]:
    (status,) = view.sources
    return status.outcome, status.reason


# Proof


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"birthDate": "1951-05-04"},
        {"gender": "female", "address": [{"postalCode": "TM1 1AA"}]},
        {"name": JOAN["name"]},
        {"name": JOAN["name"], "birthDate": "1951-05"},
        {"name": [{"family": "Unknown"}], "birthDate": "1951-05-04"},
        {"identifier": [{"system": NHS, "value": "9990001007"}]},
        {"identifier": [{"system": NHS, "value": JOAN_NUMBER, "use": "old"}]},
        {"identifier": [{"system": NHS, "value": JOAN_NUMBER, "period": {"end": "2001"}}]},
        {"identifier": [{"system": "https://other.example", "value": JOAN_NUMBER}]},
    ],
)
def test_an_answer_that_does_not_show_that_it_is_hers_is_not_shown(
    world: World, hospital: Hospital, members: dict[str, Any]
) -> None:
    hospital.patients["1"] = {"resourceType": "Patient", "id": "1", **members}
    view = opened(world)
    assert ended(view) == UNPROVEN
    assert not view.record.section(RecordCategory.ALLERGIES).entries
    assert not LinkReview.objects.exists()


@pytest.mark.parametrize(
    "members",
    [
        JOAN,
        {"identifier": JOAN["identifier"]},
        {"birthDate": "1951-05-04", "name": [{"family": "FERRIS"}]},
        {"birthDate": "1951-05-04", "name": [{"given": ["Joan"]}]},
        {"birthDate": "1951-05-04", "name": [{"text": "FERRIS, Joan (Mrs)"}]},
    ],
)
def test_one_strong_field_is_enough(world: World, hospital: Hospital, members: dict[str, Any]) -> None:
    hospital.patients["1"] = {**members, "resourceType": "Patient", "id": "1"}
    view = opened(world)
    assert ended(view) == ANSWERED
    assert view.record.section(RecordCategory.ALLERGIES).entries


# Contradiction


@pytest.mark.parametrize(
    "members",
    [
        {"identifier": [{"system": NHS, "value": PETER_NUMBER}]},
        {"identifier": [{"system": NHS, "value": JOAN_NUMBER}, {"system": NHS, "value": PETER_NUMBER}]},
        {"birthDate": "1980-01-01"},
        {"gender": "male"},
        {"name": [{"text": "Peter Okoro"}]},
    ],
)
def test_an_answer_that_contradicts_what_is_known_is_dropped_and_raised(
    world: World, hospital: Hospital, members: dict[str, Any]
) -> None:
    hospital.patients["1"].update(members)
    assert ended(opened(world)) == WRONG
    assert LinkReview.objects.get().reason == "answer-about-another"


def test_an_answer_contradicts_no_record_of_any_source(world: World, hospital: Hospital) -> None:
    """The surgery has no sex on record; the clinic has."""
    load((",female,", ",,"))
    SourceRecord.objects.update(sex="")
    add_clinic("http://127.0.0.1:9/fhir")
    load(source="clinic")
    hospital.patients["1"]["gender"] = "male"
    endings = {status.name: (status.outcome, status.reason) for status in opened(world).sources}
    assert endings["The Surgery"] == WRONG


def test_accepted_fields_let_later_answers_in_until_that_is_taken_back(world: World, hospital: Hospital) -> None:
    hospital.patients["1"].update({"birthDate": "1951-04-05", "gender": "male"})
    assert ended(opened(world)) == WRONG
    review = LinkReview.objects.get()
    settle_review(
        requester=world.administrator,
        review_id=review.id,
        decision="accept-fields",
        fields=("birth_date",),
        note="A slip at the surgery.",
        now=timezone.now(),
    )
    assert ended(opened(world)) == WRONG
    assert LinkReview.objects.get(settled_at__isnull=True).evidence == {"sex": "differs"}
    hospital.patients["1"]["gender"] = "female"
    assert ended(opened(world)) == ANSWERED
    take_back_review(requester=world.administrator, review_id=review.id, now=timezone.now())
    assert ended(opened(world)) == WRONG


# A reused local identifier

STRANGER = (("Ferris,Joan,1951-05-04,female", "Okoro,Paul,1980-01-01,male"), (JOAN_NUMBER, "9990001030"))


def test_a_stranger_under_her_identifier_is_not_shown_as_her(world: World, hospital: Hospital) -> None:
    hospital.patients["1"] = {
        **JOAN,
        "identifier": [{"system": NHS, "value": "9990001030"}],
        "name": [{"family": "Okoro", "given": ["Paul"]}],
        "birthDate": "1980-01-01",
        "gender": "male",
    }
    load(*STRANGER)
    view = opened(world)
    assert ended(view) == (Outcome.NOT_ASKED, "identity-in-doubt")
    assert not view.record.sections
    now = timezone.now()
    assert find_person(requester=world.clinician, now=now, nhs_number=JOAN_NUMBER).people == ()
    assert find_person(requester=world.clinician, now=now, family="Ferris", birth_date=JOAN_BORN).people == ()
    review = LinkReview.objects.get()
    settle_review(
        requester=world.administrator, review_id=review.id, decision="end-link", note="Reused.", now=timezone.now()
    )
    (stranger,) = find_person(requester=world.clinician, now=timezone.now(), nhs_number="9990001030").people
    assert stranger.person_id != world.joan
    assert held_by(person_id=world.joan) == []


def test_new_values_that_are_taken_let_the_source_be_asked_again(world: World, hospital: Hospital) -> None:
    load(("1951-05-04", "1951-04-05"))
    assert ended(opened(world)) == (Outcome.NOT_ASKED, "identity-in-doubt")
    settle_review(
        requester=operator(),
        review_id=LinkReview.objects.get().id,
        decision="take-new-values",
        note="A slip.",
        now=timezone.now(),
    )
    assert ended(opened(world)) == WRONG  # the answer has the date of before
    hospital.patients["1"]["birthDate"] = "1951-04-05"
    assert ended(opened(world)) == ANSWERED


def test_a_doubt_raised_after_the_plan_is_in_time(world: World) -> None:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    load(*STRANGER)
    assert ended(run(world, retrieval_id)) == (Outcome.NOT_ASKED, "identity-in-doubt")


def test_one_of_two_identifiers_in_doubt_leaves_the_other_to_be_asked(world: World, hospital: Hospital) -> None:
    twice = IDENTITIES.splitlines()[1].replace("1,", "7,", 1)
    second = [IDENTITIES.splitlines()[0], twice]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=second, now=timezone.now())
    hospital.patients["7"] = {**JOAN, "id": "7"}
    load(*STRANGER)
    view = opened(world)
    assert ended(view) == (Outcome.ANSWERED_IN_PART, "identifier")
    (status,) = view.sources
    assert "incomplete" in {notice.code for notice in status.notices}
    assert view.record.section(RecordCategory.ALLERGIES).entries
