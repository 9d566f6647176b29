"""The application's database role can serve, and no more."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.checks import run_checks
from django.db import DatabaseError, connection

from config import database_roles as roles

pytestmark = pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set")


@pytest.mark.django_db
def test_tests_run_as_the_role_that_serves() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user <> pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_the_check_of_the_database_has_nothing_to_say() -> None:
    assert run_checks(tags=["database"], databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
def test_tables_can_be_read_written_and_emptied() -> None:
    ContentType.objects.create(app_label="a", model="b")
    assert ContentType.objects.filter(app_label="a").exists()


@pytest.mark.django_db
def test_the_serving_role_cannot_make_tables() -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE mine (id int)")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_event (action) VALUES ('x')",
        "UPDATE audit_event SET action = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TABLE audit_event",
    ],
)
def test_the_serving_role_cannot_touch_the_audit(statement: str) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)
