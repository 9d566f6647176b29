"""The application's database role can serve, and no more."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.checks import run_checks
from django.db import DatabaseError, connection

from config import database_roles as roles
from tests.conftest import EMPTY_TABLES

pytestmark = pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set")


@pytest.mark.django_db
def test_tests_run_as_the_role_that_serves() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user <> pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_the_check_of_the_database_finds_only_what_tests_are_given_on_top() -> None:
    messages = run_checks(tags=["database"], databases=["default"], include_deployment_checks=True)
    assert [message.id for message in messages] == ["config.W002"]
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
        "SELECT nextval(pg_get_serial_sequence('audit_event', 'seq'))",
        "SELECT setval(pg_get_serial_sequence('audit_event', 'seq'), 1)",
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    "table", ["policy", "source_outcome", "membership", "relationship", "retrieval", "link", "user"]
)
def test_the_serving_role_cannot_delete_what_was_decided_or_found(table: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{table}"')


@pytest.mark.django_db
def test_it_has_no_right_that_serving_does_not_take() -> None:
    emptied_by_tests = {right for right in roles.excessive_rights() if right.startswith("truncate ")}
    assert set(roles.excessive_rights()) == emptied_by_tests


@pytest.mark.django_db(transaction=True)
def test_rights_of_before_are_taken_back_when_the_owner_migrates() -> None:
    app = connection.settings_dict["USER"]
    with roles.as_owner(connection=connection), connection.cursor() as cursor:
        cursor.execute(f'GRANT DELETE ON policy TO "{app}"')
        cursor.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{app}"')
    assert "delete policy" in roles.excessive_rights()
    assert any(right.startswith("use ") for right in roles.excessive_rights())
    with roles.as_owner(connection=connection) as role:
        roles.settle_rights(connection=connection, role=role)
        with connection.cursor() as cursor:
            cursor.execute(EMPTY_TABLES.format(role=f'"{app}"'))
    assert not [right for right in roles.excessive_rights() if not right.startswith("truncate ")]
