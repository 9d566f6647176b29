"""Laws of joining people: whatever is loaded, joined, separated and taken back, and in whatever order.

Each record has one person. No doubt names a person with themselves. What is shown of two who were joined is what each
had shown. And once every decision has been taken back, everybody has exactly what they had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from aggregator.accounts.models import Organisation
from aggregator.accounts.requester import Requester
from aggregator.consent.models import Policy
from aggregator.consent.policies import joint_rules_for
from aggregator.consent.queries import decisions_of, halves_of, terms_that_hold
from aggregator.consent.terms import PolicyTerms
from aggregator.consent.written_terms import write_terms
from aggregator.errors import Superseded
from aggregator.mpi import settling
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import load_identities
from aggregator.mpi.queries import held_by, remaining, reviews, with_decisions
from aggregator.mpi.reviews import Cause, Decision
from aggregator.relationships.models import Relationship
from aggregator.relationships.queries import carers_of
from aggregator.relationships.terms import RelationshipKind
from tests import proofs
from tests.consent_reference import Told, policies, requests
from tests.factories import NOW, identity, organisation, source

NO_NUMBER = {"nhs_number": "", "nhs_number_status": ""}
# How often each act was carried out, so that no law is about what never happens.
done: Counter[str] = Counter()


def people() -> list[UUID]:
    return list(Person.objects.order_by("id").values_list("id", flat=True))


def terms(person_id: UUID, *, now: datetime) -> list[list[PolicyTerms]]:
    return terms_that_hold(person_id=person_id, now=now)


def world(*, now: datetime) -> dict[str, Any]:
    """Return what everybody has: their golden records, links, what was accepted, what they decided and who cares."""
    live = Link.objects.filter(ended_at__isnull=True)
    ids = sorted(set(live.values_list("person_id", flat=True)))
    return {
        "golden": list(Person.objects.filter(id__in=ids).order_by("id").values()),
        "links": sorted(live.values_list("source_record__identifier_value", "person_id", "id")),
        "reviews": list(LinkReview.objects.order_by("id").values("id", "person_id", "settled_at")),
        "held": {each: with_decisions(held=held_by(person_id=each), person_id=each) for each in ids},
        "policies": {each: terms(each, now=now) for each in ids},
        "carers": {each: carers_of(person_id=each, organisation_id=None, now=now) for each in ids},
    }


def check_whole(*, records: int) -> None:
    """Check that each record has one person, and each doubt two."""
    live = Link.objects.filter(ended_at__isnull=True)
    assert live.count() == SourceRecord.objects.count() == records
    assert not Person.objects.filter(joined_to__isnull=False, links__in=live).exists()
    holders = dict(live.values_list("source_record_id", "person_id"))
    for doubt in reviews(is_settled=False, limit=500):
        if doubt.cause not in set(Cause):
            assert holders[doubt.source_record_id] != doubt.person_id
    for person in Person.objects.filter(joined_to__isnull=False):
        assert remaining(person_id=person.joined_to_id) == person.joined_to_id


class Clock:
    """A time that passes with each act."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(hours=1)

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def settle(review_id: UUID, decision: Decision, *, now: datetime) -> bool:
    try:
        with transaction.atomic():
            settling.settle(
                review_id=review_id, decision=decision, fields=(), note="Rang.", user_id=None, seen="", now=now
            )
    except Superseded:
        return False
    done[decision.value] += 1
    return True


def take_back(review_id: UUID, *, now: datetime) -> bool:
    try:
        with transaction.atomic():
            settling.take_back(review_id=review_id, user_id=None, now=now)
    except Superseded:
        done["told to take back another first"] += 1
        return False
    done["taken back"] += 1
    return True


def in_force() -> list[UUID]:
    """Return the doubts that are settled, the latest decision first."""
    standing = LinkDecision.objects.filter(ended_at__isnull=True, settled_with__isnull=True)
    return list(standing.order_by("-decided_at", "-id").values_list("review_id", flat=True))


def halves(count: int) -> None:
    """Load one human as so many people, of whom each has a doubt about each before them."""
    for number in range(count):
        values = {} if number == 0 else NO_NUMBER
        load_identities(
            source=source(),
            identities=[identity(identifier=f"r{number}", **values)],
            now=NOW + timedelta(minutes=number),
        )


def decide_and_care(*, decided: Iterable[list[PolicyTerms]], at: Organisation) -> None:
    """Have each person decide something, and one organisation refer each of them on a day of its own."""
    for place, (person_id, own) in enumerate(zip(people(), decided, strict=False)):
        for each in own:
            Policy.objects.create(person_id=person_id, base=each.base, written=write_terms(terms=each), recorded_at=NOW)
        Relationship.objects.create(
            person_id=person_id,
            organisation=at,
            kind=RelationshipKind.REFERRED,
            from_date=(NOW - timedelta(days=place + 1)).date(),
            reason="A letter.",
            recorded_at=NOW,
        )


@pytest.mark.django_db
@proofs.laws(examples=40)
@given(
    count=st.integers(2, 4),
    acts=st.lists(
        st.tuples(st.sampled_from(["join", "join", "join", "end-link", "noted", "back", "load"]), st.integers(0, 50)),
        min_size=1,
        max_size=8,
    ),
    decided=st.lists(st.lists(policies(), max_size=2), min_size=4, max_size=4),
)
def test_any_history_of_decisions_taken_back_leaves_everybody_as_they_were(
    count: int, acts: list[tuple[str, int]], decided: list[list[PolicyTerms]]
) -> None:
    with transaction.atomic():
        clock, records = Clock(), count
        halves(count)
        decide_and_care(decided=decided, at=organisation())
        before = world(now=clock.now)
        loaded = 0
        for act, which in acts:
            now = clock.tick()
            waiting = reviews(is_settled=False, limit=500)
            standing = in_force()
            if act == "back" and standing:
                take_back(standing[which % len(standing)], now=now)
            elif act == "load" and not loaded:
                # Somebody else altogether, so that what it adds can be told from what was there.
                load_identities(
                    source=source(),
                    identities=[identity(identifier="other", given="Ada", family="Okoro", **NO_NUMBER)],
                    now=now,
                )
                loaded, records = 1, records + 1
            elif act in set(Decision) and waiting:
                settle(waiting[which % len(waiting)].review_id, Decision(act), now=now)
            check_whole(records=records)
        while standing := in_force():
            # The oldest first: those on which something depends have to wait.
            assert any(take_back(review_id, now=clock.tick()) for review_id in reversed(standing))
            check_whole(records=records)
        after = world(now=NOW + timedelta(hours=1))
        if loaded:
            added = Link.objects.get(source_record__identifier_value="other").person_id
            after["links"] = [each for each in after["links"] if each[0] != "other"]
            after["golden"] = [each for each in after["golden"] if each["id"] != added]
            for name in ("held", "policies", "carers"):
                del after[name][added]
        assert after == before
        transaction.set_rollback(True)


@pytest.mark.django_db
@proofs.laws(examples=40)
@given(
    decided=st.lists(st.lists(policies(), max_size=2), min_size=3, max_size=3),
    asked=requests(count=15),
)
def test_no_more_is_shown_of_people_who_were_joined_than_of_each(
    decided: list[list[PolicyTerms]], asked: list[tuple[Requester, Told]]
) -> None:
    with transaction.atomic():
        clock = Clock()
        halves(3)
        decide_and_care(decided=decided, at=organisation())

        def shown(person_id: UUID) -> list[bool]:
            now = NOW + timedelta(hours=2)
            decisions = decisions_of(person_id=person_id, now=now)
            # Without what is denied only while a doubt about these very people is open.
            held = [[each.terms for each in half] for half in halves_of(person_id=person_id, policies=decisions)]
            rules = [joint_rules_for(halves=held, requester=asking, now=now) for asking, _ in asked]
            return [each.permits(item=told.item) for each, (_, told) in zip(rules, asked, strict=True)]

        before = {person_id: shown(person_id) for person_id in people()}
        while waiting := reviews(is_settled=False, limit=500):
            assert settle(waiting[0].review_id, Decision.JOIN, now=clock.tick())
        (kept,) = {remaining(person_id=person_id) for person_id in people()}
        for permitted, *each in zip(shown(kept), *before.values(), strict=True):
            assert all(each) or not permitted
            done["shown of both"] += permitted
            done["shown of one alone"] += any(each) and not permitted
        transaction.set_rollback(True)


def test_the_laws_are_about_what_happens() -> None:
    if not done:
        pytest.skip("the laws ran in another process")
    wanted = {
        "join",
        "end-link",
        "taken back",
        "told to take back another first",
        "shown of one alone",
        "shown of both",
    }
    assert wanted <= {name for name, times in done.items() if times}
