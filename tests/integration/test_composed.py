"""Queries whose SQL is composed and prepared once give what the same queries give that are composed each time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aggregator.accounts.models import Membership, Organisation
from aggregator.accounts.queries import live_memberships
from aggregator.composed import Statement, composed_once
from aggregator.federation.models import SourceOutcome
from connectors.contract.outcomes import Outcome
from tests.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@composed_once
def memberships(*, user_id: UUID, now: datetime) -> QuerySet[Membership]:
    return as_composed_each_time(user_id=user_id, now=now)


@composed_once
def codes(*, name: str) -> QuerySet[Organisation, str]:
    return Organisation.objects.filter(name=name).values_list("ods_code", flat=True)


def as_composed_each_time(*, user_id: UUID, now: datetime) -> QuerySet[Membership]:
    return live_memberships(now=now).filter(user_id=user_id).select_related("user", "organisation").order_by("id")


def test_each_call_has_its_own_values(world: World) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=10_000)
    for user_id in (world.clinician.user_id, world.administrator.user_id, uuid4()):
        assert user_id is not None
        for at in (now, long_ago):
            found, expected = memberships(user_id=user_id, now=at), as_composed_each_time(user_id=user_id, now=at)
            assert found == list(expected)
    assert len(memberships(user_id=world.clinician.user_id, now=now)) == 1  # type: ignore[arg-type]


def test_rows_are_whole_and_what_they_name_is_read_along(world: World) -> None:
    assert world.clinician.user_id is not None
    (row,) = memberships(user_id=world.clinician.user_id, now=timezone.now())
    (expected,) = as_composed_each_time(user_id=world.clinician.user_id, now=timezone.now())
    columns = [field.attname for field in Membership._meta.concrete_fields]
    assert [getattr(row, name) for name in columns] == [getattr(expected, name) for name in columns]
    with CaptureQueriesContext(connection) as asked:
        assert (row.user.family, row.organisation.name) == (expected.user.family, expected.organisation.name)
    assert len(asked) == 0


def test_it_prepares_the_very_statement_that_django_composes_each_time_and_asks_it_by_name(world: World) -> None:
    @composed_once
    def fresh(*, user_id: UUID, now: datetime) -> QuerySet[Membership]:
        return as_composed_each_time(user_id=user_id, now=now)

    now, user_id = timezone.now(), uuid4()
    with CaptureQueriesContext(connection) as asked:
        fresh(user_id=user_id, now=now)
        fresh(user_id=uuid4(), now=now)
        list(as_composed_each_time(user_id=user_id, now=now))
    prepared, *executed, djangos = (statement["sql"] for statement in asked.captured_queries)
    head, _, statement = prepared.partition(" AS ")
    name = head.removeprefix("PREPARE ").removesuffix(" (uuid, timestamptz)")
    assert name.startswith("fresh_")
    assert [each.partition(" (")[0] for each in executed] == [f"EXECUTE {name}"] * 2
    for mark, value in (("$1", f"'{user_id}'::uuid"), ("$2", f"'{now.isoformat()}'::timestamptz")):
        statement = statement.replace(mark, value)
    # Django puts what it takes for an expression into brackets.
    ours, djangos = (each.replace("(", "").replace(")", "") for each in (statement, djangos))
    assert ours == djangos


def test_what_was_prepared_stays_when_a_transaction_is_rolled_back(world: World) -> None:
    @composed_once
    def fresh(*, code: str) -> QuerySet[Organisation]:
        return Organisation.objects.filter(ods_code=code)

    code = world.clinician.organisation_ods
    with suppress(ZeroDivisionError), transaction.atomic():
        assert len(fresh(code=code)) == 1
        raise ZeroDivisionError
    with CaptureQueriesContext(connection) as asked:
        assert len(fresh(code=code)) == 1
    assert [statement["sql"].split()[0] for statement in asked.captured_queries] == ["EXECUTE"]


def test_a_statement_that_could_not_be_prepared_is_prepared_again(world: World) -> None:
    @composed_once
    def fresh(*, code: str) -> QuerySet[Organisation]:
        return Organisation.objects.filter(ods_code=code)

    with suppress(DatabaseError), transaction.atomic():
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        fresh(code="x")
    assert len(fresh(code=world.clinician.organisation_ods)) == 1


def test_rows_come_in_every_form_that_django_gives(world: World) -> None:
    def each(code: Any) -> QuerySet[Organisation, Any]:
        return Organisation.objects.filter(ods_code=code).order_by("name")

    forms = {
        "models": each,
        "dicts": lambda code: each(code).values("name", "ods_code"),
        "tuples": lambda code: each(code).values_list("name", "ods_code"),
        "single": lambda code: each(code).values_list("name", flat=True),
        "named": lambda code: each(code).values_list("ods_code", "name", named=True),
    }

    def composed(build: Callable[[Any], QuerySet[Organisation, Any]]) -> Callable[..., list[Any]]:
        @composed_once
        def found(*, code: str) -> QuerySet[Organisation, Any]:
            return build(code)

        return found

    for form, build in forms.items():
        once = composed(build)
        for code in (world.clinician.organisation_ods, "nobody"):
            assert once(code=code) == list(build(code)), form


def test_distinct_rows_that_are_ordered_by_what_they_do_not_show_are_a_mistake() -> None:
    @composed_once
    def kinds(*, code: str) -> QuerySet[Membership, str]:
        rows = Membership.objects.filter(organisation__ods_code=code)
        return rows.order_by("user__family").values_list("role", flat=True).distinct()

    with pytest.raises(TypeError, match="kinds orders distinct rows"):
        kinds(code="X")


def test_a_value_may_be_of_every_kind() -> None:
    @composed_once
    def ended(
        *, key: UUID, at: datetime, on: date, whole: bool, count: int, outcome: str
    ) -> QuerySet[SourceOutcome, dict[str, Any]]:
        kinds = Q(id=key) | Q(ended_at__lt=at) | Q(ended_at__date=on) | Q(is_whole=whole) | Q(item_count=count)
        return SourceOutcome.objects.filter(kinds, outcome=outcome).values("id", "item_count")

    now = timezone.now()
    assert ended(key=uuid4(), at=now, on=now.date(), whole=True, count=5, outcome=Outcome.ANSWERED) == []


def test_a_statement_of_our_own_takes_each_value_wherever_it_is_named() -> None:
    own = Statement(
        name="own",
        types={"name": "text", "number": "integer", "since": "timestamptz"},
        sql="SELECT %(number)s + 1, %(name)s, '100 %%', %(since)s IS NULL, %(name)s",
    )
    with connection.cursor() as cursor:
        for name, number in (("%s'; --", 1), ("b", 2)):
            own.execute(cursor, {"since": None, "number": number, "name": name})
            assert cursor.fetchall() == [(number + 1, name, "100 %", True, name)]


def test_what_is_composed_is_composed_at_the_first_call_and_in_no_other(world: World) -> None:
    calls: list[Any] = []

    @composed_once
    def counted(*, code: str) -> QuerySet[Organisation]:
        calls.append(code)
        return Organisation.objects.filter(ods_code=code)

    assert calls == []
    assert [len(counted(code=code)) for code in ("nobody", world.clinician.organisation_ods)] == [0, 1]
    assert len(calls) == 1


def test_a_value_that_is_missing_or_has_no_name_is_refused() -> None:
    with pytest.raises(TypeError, match="codes takes keyword arguments that have a value"):
        codes(name=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keyword"):
        codes("x")  # type: ignore[misc]
    with pytest.raises(KeyError):
        codes()  # type: ignore[call-arg]


def test_a_query_that_can_have_no_rows_is_a_mistake() -> None:
    @composed_once
    def nothing() -> QuerySet[Organisation]:
        return Organisation.objects.filter(id__in=[])

    with pytest.raises(EmptyResultSet):
        nothing()


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_anew_also_after_the_old_one_was_found_to_be_dead() -> None:
    Organisation.objects.create(ods_code="Y1", name="one")
    assert codes(name="one") == ["Y1"]
    connection.close()
    assert codes(name="one") == ["Y1"]
    connection.health_check_enabled, connection.health_check_done = True, False
    assert connection.connection is not None
    connection.connection.close()
    assert codes(name="one") == ["Y1"]


@pytest.mark.django_db(transaction=True)
def test_threads_do_not_see_each_others_values() -> None:
    names = [f"Organisation {number}" for number in range(20)]
    for number, name in enumerate(names):
        Organisation.objects.create(ods_code=f"Y{number}", name=name)

    def look(name: str) -> list[list[str]]:
        try:
            return [codes(name=name) for _ in range(20)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, names))
    assert found == [[[f"Y{number}"]] * 20 for number in range(20)]
