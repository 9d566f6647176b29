"""When a relationship is current: exact at its bounds, which are British days, whatever its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from aggregator.errors import Invalid
from aggregator.relationships.listing import RelationshipState, state_of
from aggregator.relationships.terms import (
    ATTENDED_GRACE,
    RelationshipKind,
    RelationshipTerms,
    check_days,
    counts_until,
    end_at,
    end_of_day,
    is_current,
)

# Half past midnight on 3 June in Britain, and still 2 June in UTC.
NOW = datetime(2025, 6, 2, 23, 30, tzinfo=UTC)
TODAY = date(2025, 6, 3)
DAY = timedelta(days=1)


def terms(
    *,
    kind: RelationshipKind = RelationshipKind.REGISTERED,
    since: date = date(2020, 1, 1),
    until: date | None = None,
    ends_at: datetime | None = None,
) -> RelationshipTerms:
    return RelationshipTerms(organisation_id=UUID(int=1), kind=kind, from_date=since, until_date=until, ends_at=ends_at)


@pytest.mark.parametrize("kind", RelationshipKind)
def test_one_begins_with_its_first_day_and_not_before(kind: RelationshipKind) -> None:
    assert is_current(relationship=terms(kind=kind, since=TODAY), now=NOW)
    assert not is_current(relationship=terms(kind=kind, since=TODAY + DAY), now=NOW)


@pytest.mark.parametrize("kind", RelationshipKind)
def test_one_ends_with_its_last_day_and_an_attendance_a_while_later(kind: RelationshipKind) -> None:
    last = TODAY - (ATTENDED_GRACE if kind is RelationshipKind.ATTENDED else timedelta(0))
    assert is_current(relationship=terms(kind=kind, until=last), now=NOW)
    assert not is_current(relationship=terms(kind=kind, until=last - DAY), now=NOW)


@pytest.mark.parametrize("kind", RelationshipKind)
def test_one_that_is_ended_or_expires_is_over_from_that_moment_without_grace(kind: RelationshipKind) -> None:
    assert is_current(relationship=terms(kind=kind, ends_at=NOW + timedelta(microseconds=1)), now=NOW)
    assert not is_current(relationship=terms(kind=kind, ends_at=NOW), now=NOW)


def test_a_last_day_ends_at_british_midnight_in_summer_and_in_winter() -> None:
    assert end_at(last_day=TODAY, now=NOW) == datetime(2025, 6, 3, 23, 0, tzinfo=UTC)
    assert end_at(last_day=date(2025, 12, 24), now=NOW) == datetime(2025, 12, 25, tzinfo=UTC)
    # The night in which the clocks go back is an hour longer.
    assert end_at(last_day=date(2025, 10, 26), now=NOW) == datetime(2025, 10, 27, tzinfo=UTC)
    assert end_at(last_day=None, now=NOW) == NOW


def test_nothing_is_ended_in_the_past_and_nothing_ends_before_it_begins() -> None:
    with pytest.raises(Invalid) as refused:
        end_at(last_day=TODAY - DAY, now=NOW)
    assert refused.value.field == "last_day"
    with pytest.raises(Invalid) as refused:
        check_days(from_date=TODAY, until_date=TODAY - DAY)
    assert refused.value.field == "until_date"
    check_days(from_date=TODAY, until_date=TODAY)


@pytest.mark.parametrize("kind", RelationshipKind)
def test_the_first_day_and_the_last_that_there_are_can_be_read(kind: RelationshipKind) -> None:
    for_ever = terms(kind=kind, since=date.min, until=date.max)
    assert is_current(relationship=for_ever, now=NOW)
    assert counts_until(relationship=for_ever) == date.max
    with pytest.raises(Invalid):
        end_at(last_day=date.max, now=NOW)
    assert end_at(last_day=date.max - DAY, now=NOW) > NOW


@pytest.mark.parametrize(
    ("relationship", "state"),
    [
        (terms(), RelationshipState.CURRENT),
        (terms(since=TODAY + DAY), RelationshipState.TO_COME),
        (terms(since=TODAY + DAY, ends_at=NOW), RelationshipState.OVER),
        (terms(since=TODAY + DAY, ends_at=NOW + DAY), RelationshipState.TO_COME),
        (terms(until=TODAY - DAY), RelationshipState.OVER),
        (terms(ends_at=NOW), RelationshipState.OVER),
    ],
)
def test_each_is_told_as_current_to_come_or_over(relationship: RelationshipTerms, state: RelationshipState) -> None:
    assert state_of(terms=relationship, now=NOW) is state


def test_the_last_day_that_there_is_ends_with_the_last_moment() -> None:
    assert end_of_day(date.max) == datetime.max.replace(tzinfo=UTC)
    assert end_of_day(date.max) > end_of_day(date.max - DAY)
