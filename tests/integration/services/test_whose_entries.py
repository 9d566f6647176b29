"""What an answer holds of somebody else reaches no door, is counted, and is raised once: over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.api.fhir.searchset import everything
from aggregator.mpi.models import LinkReview
from aggregator.services.settle_review import settle_review
from aggregator.web.record.page import record_page
from connectors.contract.categories import RecordCategory
from tests.factories import condition
from tests.one_hospital import JOAN, NHS, Hospital, hospital, opened, world
from tests.world import JOAN_NUMBER, PETER_NUMBER, World

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "Huntington disease"


def told(**members: Any) -> dict[str, Any]:
    found = condition(code="59621000", display=WORDS, id="c")
    return {name: value for name, value in {**found, **members}.items() if value is not None}


OF_OTHERS: list[dict[str, Any]] = [
    {"subject": {"reference": "Patient/2"}},
    {"subject": {"reference": "Patient/OT_HER"}},
    {"subject": {"reference": "/Patient/1"}},
    {"subject": {"reference": "Patient/1#f"}},
    {"subject": {"reference": "https://other.example/fhir/Patient/1"}},
    {"subject": {"reference": "patient/1"}},
    {"subject": {"identifier": {"system": NHS, "value": PETER_NUMBER}}},
    {"subject": {"reference": "Patient/1", "identifier": {"system": NHS, "value": PETER_NUMBER}}},
    {
        "subject": {"reference": "#p"},
        "contained": [{"resourceType": "Patient", "id": "p", "identifier": [{"system": NHS, "value": PETER_NUMBER}]}],
    },
]


@pytest.mark.parametrize("members", OF_OTHERS, ids=json.dumps)
def test_an_entry_of_somebody_else_reaches_no_door_and_is_raised(
    world: World, hospital: Hospital, members: dict[str, Any]
) -> None:
    hospital.beside = [told(**members), told(**members, id="d")]
    view = opened(world)
    page = record_page(view=view)
    assert not view.record.section(RecordCategory.PROBLEMS).entries
    assert WORDS not in str(page)
    assert WORDS not in json.dumps(everything(view=view, base="https://longview.example/fhir"), default=str)
    (status,) = view.sources
    assert status.quarantined == ((RecordCategory.PROBLEMS, 2),)
    (review,) = LinkReview.objects.all()
    assert (review.reason, review.evidence["Condition"]) == ("entry-about-another", "2 set aside")
    assert WORDS not in str(review.evidence)


def test_what_names_nobody_is_marked_and_not_given_out_as_hers(world: World, hospital: Hospital) -> None:
    hospital.beside = [told(subject=None)]
    view = opened(world)
    (entry,) = view.record.section(RecordCategory.PROBLEMS).entries
    assert [item.names_no_patient for item in entry.items] == [True]
    sent = everything(view=view, base="https://longview.example/fhir")
    (made,) = [one["resource"] for one in sent["entry"] if one["resource"]["resourceType"] == "Condition"]
    assert "subject" not in made
    assert not LinkReview.objects.exists()


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/1"},
        {"reference": "Patient/1/_history/2"},
        {"identifier": {"system": NHS, "value": JOAN_NUMBER}, "reference": "https://pds.example/Patient/9"},
    ],
)
def test_what_resolves_to_her_is_given_out_as_hers(world: World, hospital: Hospital, subject: dict[str, Any]) -> None:
    hospital.beside = [told(subject=subject)]
    view = opened(world)
    sent = everything(view=view, base="https://longview.example/fhir")
    (made,) = [one["resource"] for one in sent["entry"] if one["resource"]["resourceType"] == "Condition"]
    assert made["subject"]["reference"] == f"Patient/{world.joan}"
    assert not LinkReview.objects.exists()


def test_the_same_entries_are_not_raised_again_once_noted_and_others_are(world: World, hospital: Hospital) -> None:
    hospital.beside = [told(subject={"reference": "Patient/2"})]
    opened(world)
    opened(world)
    review = LinkReview.objects.get()
    settle_review(
        requester=world.administrator,
        review_id=review.id,
        decision="noted",
        fields=(),
        note="Known at the surgery.",
        now=timezone.now(),
    )
    opened(world)
    assert LinkReview.objects.filter(settled_at__isnull=True).count() == 0
    hospital.beside.append(told(subject={"reference": "Patient/2"}, id="another"))
    opened(world)
    assert LinkReview.objects.filter(settled_at__isnull=True).count() == 1


def test_a_review_of_entries_says_how_many_of_which_type(world: World, hospital: Hospital, client: Client) -> None:
    hospital.beside = [told(subject={"reference": "Patient/2"}), {**JOAN, "id": "2", "birthDate": "1970-01-02"}]
    opened(world)
    review = LinkReview.objects.get()
    client.post("/sign-in", {"username": "ms.lane", "password": "a long enough phrase 7"})
    page = client.get(f"/reviews/{review.id}")
    assert page.status_code == 200
    text = page.content.decode()
    assert "condition: 1 set aside" in text
    assert review.evidence["fingerprint"] not in text
