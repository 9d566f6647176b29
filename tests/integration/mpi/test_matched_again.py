"""A known record whose details change is matched again: a doubt is raised, and nobody is parted or joined by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aggregator.mpi import settling
from aggregator.mpi.models import Link, LinkReview, SourceRecord
from aggregator.mpi.reviews import Decision
from tests.factories import NOW, identity, load, nhs_number, person, person_of, source

pytestmark = pytest.mark.django_db

LATER, LATEST = NOW + timedelta(days=1), NOW + timedelta(days=2)
NO_NUMBER: dict[str, Any] = {"nhs_number": "", "nhs_number_status": ""}


def open_doubts() -> set[tuple[str, str]]:
    """Return the open doubts, as the record's identifier with the reason."""
    rows = LinkReview.objects.filter(settled_at__isnull=True)
    return set(rows.values_list("source_record__identifier_value", "reason"))


def settle(*, decision: Decision, reason: str) -> None:
    settling.settle(
        review_id=LinkReview.objects.get(reason=reason, settled_at__isnull=True).id,
        decision=decision,
        fields=(),
        note="Checked.",
        user_id=None,
        seen="",
        now=LATER,
    )


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (NO_NUMBER, "verified-number-and-demographics"),
        ({"nhs_number_status": ""}, "verified-number-and-demographics"),
        ({**NO_NUMBER, "family": "Other", "postcode": ""}, "verified-number-and-demographics"),
    ],
)
def test_a_record_that_gets_its_verified_number_later_raises_a_doubt(first: dict[str, Any], reason: str) -> None:
    practice, hospital = source(), source()
    gp_person = person(at=practice, identifier="gp")
    load(at=hospital, identities=[identity(identifier="h", **first)])
    LinkReview.objects.all().delete()
    stood_alone = person_of(record=SourceRecord.objects.get(identifier_value="h"))
    report = load(at=hospital, identities=[identity(identifier="h")], now=LATER)
    assert report.reviews == 1
    assert open_doubts() == {("h", reason)}
    assert LinkReview.objects.get().person_id == gp_person.id
    assert person_of(record=SourceRecord.objects.get(identifier_value="h")) == stood_alone
    assert Link.objects.filter(ended_at__isnull=False).count() == 0


def test_a_surname_that_changes_later_raises_a_doubt() -> None:
    practice, hospital = source(), source()
    person(at=practice, identifier="gp")
    load(at=hospital, identities=[identity(identifier="h", **NO_NUMBER, family="Maiden", postcode="")])
    assert open_doubts() == set()
    load(at=hospital, identities=[identity(identifier="h", **NO_NUMBER, postcode="")], now=LATER)
    assert open_doubts() == {("h", "name-and-birth-date")}


def test_what_is_no_ground_to_match_by_raises_nothing() -> None:
    practice, hospital = source(), source()
    person(at=practice, identifier="gp")
    load(at=hospital, identities=[identity(identifier="h", **NO_NUMBER)])
    LinkReview.objects.all().delete()
    load(at=hospital, identities=[identity(identifier="h", **NO_NUMBER, phone="01632 960999")], now=LATER)
    assert open_doubts() == set()


def test_a_doubt_that_is_open_or_was_noted_is_not_raised_again_from_either_side() -> None:
    practice, hospital = source(), source()
    load(at=practice, identities=[identity(identifier="gp")])
    load(at=hospital, identities=[identity(identifier="h", **NO_NUMBER)])
    assert open_doubts() == {("h", "name-and-birth-date")}
    load(at=practice, identities=[identity(identifier="gp", postcode="TM9 9ZZ")], now=LATER)
    load(at=practice, identities=[identity(identifier="gp")], now=LATEST)
    assert open_doubts() == {("h", "name-and-birth-date")}
    settle(decision=Decision.NOTED, reason="name-and-birth-date")
    load(at=practice, identities=[identity(identifier="gp", given="Joan Ann")], now=LATEST)
    assert open_doubts() == set()


def test_two_records_that_get_one_number_in_one_load_raise_one_doubt_each_pair() -> None:
    hospital = source()
    load(
        at=hospital,
        identities=[identity(identifier=name, **NO_NUMBER, family=name, postcode="") for name in ("One", "Two")],
    )
    assert open_doubts() == set()
    load(at=hospital, identities=[identity(identifier=name, family=name) for name in ("One", "Two")], now=LATER)
    assert len(open_doubts()) == 1


def test_new_values_that_were_accepted_are_matched_again() -> None:
    practice, hospital = source(), source()
    person(at=practice, identifier="gp", nhs_number=nhs_number(index=2))
    load(at=hospital, identities=[identity(identifier="h", nhs_number=nhs_number(index=3))])
    load(at=hospital, identities=[identity(identifier="h", nhs_number=nhs_number(index=2))], now=LATER)
    assert open_doubts() == {("h", "demographics-changed")}
    settle(decision=Decision.TAKE_NEW_VALUES, reason="demographics-changed")
    assert open_doubts() == {("h", "verified-number-and-demographics")}
