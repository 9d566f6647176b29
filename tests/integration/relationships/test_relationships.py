"""Relationships as they are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from aggregator.accounts.models import Organisation
from aggregator.accounts.roles import Permission
from aggregator.consent.queries import decide
from aggregator.mpi.models import Link, Person, SourceRecord
from aggregator.relationships import operations, queries
from aggregator.relationships.models import LastDay, Relationship
from aggregator.relationships.operations import LoadReport
from aggregator.relationships.relationship_file import RelationshipLine
from aggregator.relationships.terms import RelationshipKind
from aggregator.sources.models import Source
from tests.factories import NOW, identity, load, person, requester, source

pytestmark = pytest.mark.django_db


def load_relationships(*, source: Source, lines: list[RelationshipLine]) -> LoadReport:
    return operations.load_relationships(source=source, lines=lines, now=NOW)


def line(*, identifier: str = "1", since: date = date(2020, 1, 1), until: date | None = None) -> RelationshipLine:
    return RelationshipLine(
        identifier_value=identifier, kind=RelationshipKind.REGISTERED, from_date=since, until_date=until
    )


def may_see(*, who: Organisation, of: Person) -> bool:
    """Return whether the gate of relationships lets the organisation's users through."""
    decision = decide(
        requester=requester(organisation_id=who.id), permission=Permission.VIEW_RECORD, person_id=of.id, now=NOW
    )
    return next(result.answer.passed for result in decision.results if result.gate.name == "relationship")


def held(*, by: Source, identifier: str = "1") -> Person:
    return person(at=by, identifier=identifier)


def test_an_organisation_cares_for_whom_its_own_source_says() -> None:
    practice, hospital = source(), source()
    joan = held(by=practice)
    report = load_relationships(source=practice, lines=[line(), line(identifier="nobody")])
    assert (report.recorded, report.unknown) == (1, (line(identifier="nobody"),))
    assert may_see(who=practice.organisation, of=joan)
    assert not may_see(who=hospital.organisation, of=joan)


def test_who_works_nowhere_has_no_relationship() -> None:
    practice = source()
    joan = held(by=practice)
    load_relationships(source=practice, lines=[line()])
    assert queries.relationships_of(person_id=joan.id, organisation_id=None) == []


def test_a_relationship_follows_its_record_to_another_person() -> None:
    practice = source()
    joan = held(by=practice)
    load_relationships(source=practice, lines=[line()])
    Link.objects.update(ended_at=NOW)
    assert not may_see(who=practice.organisation, of=joan)
    other = Person.objects.create(created_at=NOW)
    Link.objects.create(
        source_record=SourceRecord.objects.get(),
        person=other,
        grade="certain",
        rule="r",
        rules_version="1",
        decided_at=NOW,
    )
    assert may_see(who=practice.organisation, of=other)
    assert not may_see(who=practice.organisation, of=joan)


def test_a_link_that_came_back_gives_a_relationship_once() -> None:
    practice = source()
    joan = held(by=practice)
    load_relationships(source=practice, lines=[line()])
    for ended_at in (NOW, None):
        Link.objects.filter(ended_at__isnull=True).update(ended_at=NOW)
        Link.objects.create(
            source_record=SourceRecord.objects.get(),
            person=joan,
            grade="certain",
            rule="r",
            rules_version="1",
            decided_at=NOW,
            ended_at=ended_at,
        )
    assert len(queries.relationships_of(person_id=joan.id, organisation_id=practice.organisation_id)) == 1


def test_loading_again_closes_what_has_ended_and_doubles_nothing() -> None:
    practice = source()
    joan = held(by=practice)
    load_relationships(source=practice, lines=[line()])
    load_relationships(source=practice, lines=[line()])
    assert not LastDay.objects.exists()
    load_relationships(source=practice, lines=[line(until=NOW.date() - timedelta(days=1))])
    assert Relationship.objects.count() == 1
    assert not may_see(who=practice.organisation, of=joan)


def test_every_last_day_that_was_said_is_kept_and_the_latest_counts() -> None:
    practice = source()
    joan = held(by=practice)
    yesterday, tomorrow = (NOW.date() + timedelta(days=days) for days in (-1, 1))
    for until, is_current in (
        (yesterday, False),
        (yesterday, False),
        (None, True),
        (yesterday, False),
        (tomorrow, True),
    ):
        load_relationships(source=practice, lines=[line(until=until)])
        assert may_see(who=practice.organisation, of=joan) is is_current
        terms = queries.relationships_of(person_id=joan.id, organisation_id=practice.organisation_id)
        assert [each.until_date for each in terms] == [until]
    assert Relationship.objects.get().until_date == yesterday
    said = LastDay.objects.order_by("id").values_list("until_date", flat=True)
    assert list(said) == [None, yesterday, tomorrow]


@pytest.mark.parametrize("change", [lambda rows: rows.update(until_date=None), lambda rows: rows.delete()])
def test_what_was_said_of_a_last_day_is_never_changed(change: Callable[[QuerySet[LastDay]], object]) -> None:
    practice = source()
    held(by=practice)
    for until in (None, NOW.date()):
        load_relationships(source=practice, lines=[line(until=until)])
    with pytest.raises(DatabaseError, match=r"never changed|permission denied"), transaction.atomic():
        change(LastDay.objects.all())
    assert LastDay.objects.get().until_date == NOW.date()


def test_two_that_began_on_one_day_are_one_as_long_as_the_longer() -> None:
    practice = source()
    held(by=practice)
    ends = [date(2020, 2, 1), None, date(2020, 3, 1)]
    load_relationships(source=practice, lines=[line(until=until) for until in ends])
    assert list(Relationship.objects.values_list("until_date", flat=True)) == [None]


def test_an_identifier_of_another_source_is_nobody_here() -> None:
    practice, hospital = source(), source()
    held(by=practice)
    load(at=hospital, identities=[identity(identifier="other")])
    assert load_relationships(source=hospital, lines=[line()]).recorded == 0
    assert not Relationship.objects.exists()
