"""The table of relationships changes its room, forwards and back, with every row that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from config import database_roles as roles
from tests.factories import NOW
from tests.scratch_database import migrate, rows, scratch_database

pytestmark = [
    pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set"),
    pytest.mark.django_db(transaction=True),
]

BEFORE = ("consent", "0001_initial")
AFTER = ("relationships", "0001_taken_over")
KEPT = "SELECT * FROM relationship ORDER BY from_date"


@pytest.fixture
def old_database() -> Iterator[BaseDatabaseWrapper]:
    """A database whose consent still has the table, with one relationship that has ended and one that is open."""
    with scratch_database(at=[BEFORE]) as database:
        of_then = MigrationExecutor(database).loader.project_state([BEFORE]).apps
        make = {
            name: partial(of_then.get_model(room, name).objects.using("scratch").create)
            for room, name in (
                ("accounts", "organisation"),
                ("sources", "source"),
                ("mpi", "sourcerecord"),
                ("consent", "relationship"),
            )
        }
        organisation = make["organisation"](ods_code="X99101", name="The Surgery")
        source = make["source"](slug="the-surgery", organisation=organisation, options={}, created_at=NOW)
        record = make["sourcerecord"](source=source, identifier_value="1", updated_at=NOW)
        for kind, since, until in (("registered", date(2020, 1, 1), None), ("attended", date(2021, 1, 1), NOW.date())):
            make["relationship"](
                source_record=record, organisation=organisation, kind=kind, from_date=since, until_date=until
            )
        yield database


def test_every_row_stays_as_it_was(old_database: BaseDatabaseWrapper) -> None:
    before = rows(old_database, KEPT)
    assert len(before) == 2
    migrate(old_database, to=[AFTER])
    assert rows(old_database, KEPT) == before
    migrate(old_database, to=[BEFORE])
    assert rows(old_database, KEPT) == before
