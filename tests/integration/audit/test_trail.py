"""The audit trail takes inserts only, and by its function only; a writer's numbers have no gap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
import time_machine
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from aggregator.accounts.requester import anonymous
from aggregator.audit import writer
from aggregator.audit.events import Action, Event, EventOutcome, Subject, canonical_bytes
from aggregator.audit.models import AuditEvent
from aggregator.audit.operations import append
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
    parts = urlsplit(roles.owner_url())
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


def event(**values: Any) -> Event:
    return Event(**{"requester": requester(), "action": Action.VIEW_RECORD, **values})


def written(seq: int) -> AuditEvent:
    return AuditEvent.objects.get(seq=seq)


def transaction_of(seq: int) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT xid::text, pg_current_xact_id()::text FROM audit_event WHERE seq = %s", [seq])
        row: tuple[Any, ...] = cursor.fetchone()
    return row


@pytest.mark.django_db
def test_each_event_has_a_higher_number_and_says_who_did_what() -> None:
    who, person_id = requester(), uuid4()
    sent = event(requester=who, subject=Subject(person_id=person_id))
    numbers = [append(event=sent) for _ in range(3)]
    assert numbers == sorted(set(numbers))
    row = written(numbers[0])
    assert (row.action, row.outcome, row.person_id) == ("view-record", "success", person_id)
    assert (row.user_id, row.organisation_ods, row.role, row.purpose) == (
        who.user_id,
        who.organisation_ods,
        "clinician",
        "TREAT",
    )
    assert row.detail == {}


@pytest.mark.django_db
def test_an_event_of_nobody_in_particular_can_be_written() -> None:
    seq = append(
        event=event(
            requester=anonymous(),
            action=Action.SIGN_IN,
            outcome=EventOutcome.FAILED,
            detail={"tries": 3, "of": uuid4()},
        )
    )
    row = written(seq)
    assert (row.user_id, row.person_id, row.role, row.detail["tries"]) == (None, None, "anonymous", 3)


@pytest.mark.django_db
def test_the_bytes_are_kept_as_they_were_sent_and_the_columns_are_read_from_them() -> None:
    subject = Subject(person_id=uuid4(), source_id=uuid4(), retrieval_id=uuid4(), entry="e" * 20)
    sent = event(subject=subject, detail={"b": 1, "a": [1, None]})
    row = written(append(event=sent))
    assert bytes(row.body) == canonical_bytes(event=sent)
    assert bytes(row.mac) == b""
    assert (
        Subject(person_id=row.person_id, source_id=row.source_id, retrieval_id=row.retrieval_id, entry=row.entry)
        == subject
    )
    assert row.detail == {"b": 1, "a": [1, None]}


@pytest.mark.django_db
def test_the_database_sets_the_time_and_the_transaction() -> None:
    before = datetime.now(UTC)
    with time_machine.travel(before + timedelta(days=30)):
        seq = append(event=event())
    assert abs(written(seq).at - before) < timedelta(minutes=1)
    its_own, this_one = transaction_of(seq)
    assert its_own == this_one


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"action":"","detail":{},"organisation":"","outcome":"success","purpose":"","role":""}',
        b'{"action":"view-record","detail":{},"organisation":"","outcome":"perhaps","purpose":"","role":""}',
        b'{"action":"view-record","detail":{},"organisation":"","outcome":"success","purpose":"","role":"","person":"1"}',
        b'{"action":"\xff","detail":{},"organisation":"","outcome":"success","purpose":"","role":""}',
    ],
)
def test_an_event_that_says_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s, 1, %s, '')", [uuid4(), body])


# Numbering


def place(seq: int) -> tuple[Any, int]:
    row = written(seq)
    return row.writer, row.n


@pytest.fixture
def fresh_writer() -> Iterator[None]:
    """Number from one, as a thread does that has written nothing; and leave nothing to the tests that follow."""
    vars(writer._of_thread).clear()
    yield
    vars(writer._of_thread).clear()


@pytest.mark.django_db(transaction=True)
def test_the_events_of_a_writer_are_numbered_without_a_gap(fresh_writer: None) -> None:
    with transaction.atomic():
        together = [append(event=event()) for _ in range(2)]
    alone = append(event=event())
    places = [place(seq) for seq in (*together, alone)]
    assert [n for _, n in places] == [1, 2, 3]
    assert len({one for one, _ in places}) == 1


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_undone_leaves_no_event_and_its_number_is_given_again(fresh_writer: None) -> None:
    kept = append(event=event())
    with transaction.atomic():
        lost = append(event=event())
        transaction.set_rollback(True)
    after = append(event=event())
    assert after > lost
    assert not AuditEvent.objects.filter(seq=lost).exists()
    assert place(after) == (place(kept)[0], 2)


@pytest.mark.django_db(transaction=True)
def test_what_a_savepoint_undid_is_numbered_again_in_the_same_transaction(fresh_writer: None) -> None:
    with transaction.atomic():
        first = append(event=event())
        with transaction.atomic():
            append(event=event())
            append(event=event())
            transaction.set_rollback(True)
        second = append(event=event())
    third = append(event=event())
    assert [place(seq)[1] for seq in (first, second, third)] == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_commit_of_which_nothing_was_heard_ends_the_writer(
    fresh_writer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as deaf:
        deaf.setattr("aggregator.audit.operations.transaction.on_commit", lambda _: None)
        unheard = append(event=event())
    after = append(event=event())
    assert place(unheard)[1] == place(after)[1] == 1
    assert place(unheard)[0] != place(after)[0]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_this_database_never_had_ends_the_writer(fresh_writer: None) -> None:
    before = append(event=event())
    writer._of_thread.writer.wrote(n=2, xid=str(2**60))
    after = append(event=event())
    assert place(after)[1] == 1
    assert place(before)[0] != place(after)[0]


@pytest.mark.django_db(transaction=True)
def test_another_thread_and_another_process_are_other_writers(
    fresh_writer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere() -> int:
        try:
            return append(event=event())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        numbers = [append(event=event()), threads.submit(elsewhere).result()]
    monkeypatch.setattr("aggregator.audit.writer.os.getpid", lambda: -1)
    numbers.append(append(event=event()))
    places = [place(seq) for seq in numbers]
    assert [n for _, n in places] == [1, 1, 1]
    assert len({one for one, _ in places}) == 3


@pytest.mark.django_db
def test_no_two_events_have_the_same_writer_and_number() -> None:
    first = written(append(event=event()))
    again = [first.writer, first.n, canonical_bytes(event=event())]
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s, %s, %s, '')", again)


# Whoever tries to change it


@pytest.mark.django_db
@pytest.mark.parametrize("statement", CHANGES)
def test_whoever_serves_cannot_change_an_event(statement: str) -> None:
    append(event=event())
    with pytest.raises(DatabaseError, match=r"denied|inserts only"), connection.cursor() as cursor:
        cursor.execute(statement)


COLUMNS = "writer, n, body, mac, action, outcome, organisation_ods, role, purpose, detail"
VALUES = "gen_random_uuid(), 1, '', '', 'x', 'success', '', '', '', '{}'"


@two_roles
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO audit_event ({COLUMNS}) VALUES ({VALUES})",
        f"INSERT INTO audit_event (xid, {COLUMNS}) VALUES ('1', {VALUES})",
        f"INSERT INTO audit_event (at, {COLUMNS}) VALUES ('2000-01-01', {VALUES})",
        f"INSERT INTO audit_event (seq, {COLUMNS}) OVERRIDING SYSTEM VALUE VALUES (1, {VALUES})",
        "INSERT INTO audit_event DEFAULT VALUES",
        "SELECT setval('audit_event_seq_seq', 1)",
        "ALTER SEQUENCE audit_event_seq_seq RESTART",
        "SET session_replication_role = replica",
        "ALTER FUNCTION audit_refuse_change() RENAME TO nothing",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only",
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only_row",
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


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"])
def test_each_row_is_guarded_too_where_no_statement_is_seen(superuser: Any, statement: str) -> None:
    """A subscriber of a publication applies changes row by row."""
    with superuser.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s, 1, %s, '')", [str(uuid4()), canonical_bytes(event=event())])
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
        cursor.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="inserts only"):
            cursor.execute(statement)
    superuser.rollback()


@two_roles
@pytest.mark.django_db
def test_a_table_of_the_caller_s_own_does_not_catch_an_event() -> None:
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event INCLUDING DEFAULTS)")
        except DatabaseError:
            return
        seq = append(event=event())
        cursor.execute("SELECT count(*) FROM public.audit_event WHERE seq = %s", [seq])
        assert cursor.fetchone() == (1,)
        cursor.execute("DROP TABLE pg_temp.audit_event")
