"""The audit trail takes inserts only, by its function only; a refusal is kept whatever becomes of the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from aggregator.accounts.requester import anonymous
from aggregator.audit import trail
from aggregator.audit.models import AuditEvent
from aggregator.errors import NotFound, NotPermitted
from config import database_roles as roles
from launcher.postgres import SUPERUSER
from launcher.private_services import running_services
from tests.factories import requester
from tests.services import FOLDERS

two_roles = pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set")

CHANGES = [
    "UPDATE audit_event SET action = 'x'",
    "UPDATE audit_event SET detail = '{}' WHERE seq = -1",
    "DELETE FROM audit_event",
    "DELETE FROM audit_event WHERE seq = -1",
    "TRUNCATE audit_event",
]


def connected(*, user: str, password: str) -> Any:
    """Connect to the test database in another session."""
    database = settings.DATABASES["default"]
    return psycopg2.connect(
        host=database["HOST"],
        port=database["PORT"],
        dbname=connection.settings_dict["NAME"],
        user=user,
        password=password,
    )


@pytest.fixture
def owner(db: None) -> Iterator[Any]:
    parts = urlsplit(settings.DATABASE_OWNER_URL)
    with closing(connected(user=parts.username or "", password=parts.password or "")) as session:
        yield session


@pytest.fixture
def superuser(db: None) -> Iterator[Any]:
    """The superuser of the private server of this run; where the server is somebody else's there is none to use."""
    for folder in FOLDERS.glob("*") if FOLDERS.exists() else ():
        services = running_services(folder=folder)
        if services and urlsplit(services.database_owner_url).port == int(settings.DATABASES["default"]["PORT"]):
            password = json.loads(Path(folder, "passwords.json").read_text())[SUPERUSER]
            with closing(connected(user=SUPERUSER, password=password)) as session:
                yield session
            return
    pytest.skip("the server is not this run's own")


# Appending


@pytest.mark.django_db
def test_each_event_has_a_higher_number_and_says_who_did_what() -> None:
    who, person_id = requester(), uuid4()
    numbers = [trail.append(requester=who, action="view-record", person_id=person_id) for _ in range(3)]
    assert numbers == sorted(set(numbers))
    event = AuditEvent.objects.get(seq=numbers[0])
    assert (event.action, event.outcome, event.person_id) == ("view-record", "success", person_id)
    assert (event.user_id, event.organisation_ods, event.role, event.purpose) == (
        who.user_id,
        who.organisation_ods,
        "clinician",
        "TREAT",
    )
    assert event.detail == {}


@pytest.mark.django_db
def test_an_event_of_nobody_in_particular_can_be_written() -> None:
    seq = trail.append(
        requester=anonymous(), action="sign-in", outcome=trail.FAILED, detail={"tries": 3, "of": uuid4()}
    )
    event = AuditEvent.objects.get(seq=seq)
    assert (event.user_id, event.person_id, event.role, event.detail["tries"]) == (None, None, "anonymous", 3)


@pytest.mark.django_db
@pytest.mark.parametrize(("action", "outcome"), [("", "success"), ("view-record", "perhaps")])
def test_an_event_that_says_nothing_is_refused(action: str, outcome: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        trail.append(requester=requester(), action=action, outcome=outcome)


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_undone_leaves_no_event_and_a_gap_means_nothing() -> None:
    with transaction.atomic():
        lost = trail.append(requester=requester(), action="view-record")
        transaction.set_rollback(True)
    kept = trail.append(requester=requester(), action="view-record")
    assert kept > lost
    assert not AuditEvent.objects.filter(seq=lost).exists()


# Refusals


@pytest.mark.django_db(transaction=True)
def test_a_refusal_outlives_what_fails_after_it() -> None:
    who, person_id = requester(), uuid4()
    refused = NotPermitted("You may not.", code="refused-consent")
    error = trail.refuse(
        requester=who, action="open-record", error=refused, person_id=person_id, detail={"gates": ["consent"]}
    )
    assert error is refused
    with transaction.atomic():
        trail.append(requester=who, action="lost")
        transaction.set_rollback(True)
    event = AuditEvent.objects.get(user_id=who.user_id)
    assert (event.action, event.outcome, event.person_id) == ("open-record", "refused", person_id)
    assert event.detail == {"code": "refused-consent", "gates": ["consent"]}


@pytest.mark.django_db(transaction=True)
def test_a_refusal_inside_a_transaction_is_loud() -> None:
    who = requester()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        trail.refuse(requester=who, action="open-record", error=NotFound())
    assert not AuditEvent.objects.filter(user_id=who.user_id).exists()


# Whoever tries to change it


@pytest.mark.django_db
@pytest.mark.parametrize("statement", CHANGES)
def test_whoever_serves_cannot_change_an_event(statement: str) -> None:
    trail.append(requester=requester(), action="view-record")
    with pytest.raises(DatabaseError, match=r"denied|inserts only"), connection.cursor() as cursor:
        cursor.execute(statement)


COLUMNS = "action, outcome, organisation_ods, role, purpose, detail"
VALUES = "'x', 'success', '', '', '', '{}'"


@two_roles
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO audit_event ({COLUMNS}) VALUES ({VALUES})",
        f"INSERT INTO audit_event (at, {COLUMNS}) VALUES ('2000-01-01', {VALUES})",
        f"INSERT INTO audit_event (seq, {COLUMNS}) OVERRIDING SYSTEM VALUE VALUES (1, {VALUES})",
        "INSERT INTO audit_event DEFAULT VALUES",
        "SELECT setval('audit_event_seq_seq', 1)",
        "ALTER SEQUENCE audit_event_seq_seq RESTART",
        "SET session_replication_role = replica",
        "ALTER FUNCTION audit_refuse_change() RENAME TO nothing",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only",
    ],
)
def test_whoever_serves_writes_by_the_function_alone(statement: str) -> None:
    with pytest.raises(DatabaseError) as refused, connection.cursor() as cursor:
        cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg2.errors.InsufficientPrivilege)


@two_roles
@pytest.mark.django_db
def test_whoever_serves_cannot_grant_himself_more() -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON audit_event TO CURRENT_USER")
        for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
            cursor.execute("SELECT has_table_privilege('audit_event', %s)", [right])
            assert cursor.fetchone() == (False,)


@two_roles
@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_cannot_change_an_event(owner: Any, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="inserts only"), owner.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", CHANGES)
def test_nor_can_a_superuser_who_makes_as_if_replicating(superuser: Any, statement: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="inserts only"):
            cursor.execute(statement)


@two_roles
def test_the_function_looks_in_no_schema_of_its_caller_s(owner: Any) -> None:
    with owner.cursor() as cursor:
        cursor.execute("SELECT proconfig, prosecdef FROM pg_proc WHERE proname = 'audit_append'")
        assert cursor.fetchall() == [(["search_path=pg_catalog, public, pg_temp"], True)]


@two_roles
@pytest.mark.django_db
def test_a_table_of_the_caller_s_own_does_not_catch_an_event() -> None:
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event INCLUDING DEFAULTS)")
        except DatabaseError:
            return
        seq = trail.append(requester=requester(), action="view-record")
        cursor.execute("SELECT count(*) FROM public.audit_event WHERE seq = %s", [seq])
        assert cursor.fetchone() == (1,)
        cursor.execute("DROP TABLE pg_temp.audit_event")
