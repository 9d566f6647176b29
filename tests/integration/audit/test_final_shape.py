"""A database that holds events of the first shape keeps them all when it is migrated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from aggregator.audit.events import Action, Event, EventOutcome, Subject, canonical_bytes
from config import database_roles as roles
from tests.factories import requester
from tests.scratch import rows, scratch_database

pytestmark = [
    pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set"),
    pytest.mark.django_db(transaction=True),
]

BEFORE, AFTER = ("audit", "0001_audit_trail"), ("audit", "0002_final_shape")
PERSON, USER, RETRIEVAL, SOURCE = (UUID(int=number) for number in range(1, 5))
OLD_APPEND = "SELECT audit_append(%s, %s, %s, %s, %s, %s, %s, %s)"
# More than the migration gives bodies to at once.
MANY = 1001


@pytest.fixture
def old_database() -> Iterator[BaseDatabaseWrapper]:
    """A database with the audit as it first was; the application may append."""
    with scratch_database(migrated_to=BEFORE) as database:
        yield database


def old_event(database: BaseDatabaseWrapper, detail: dict[str, Any], *, outcome: str = "success") -> None:
    values = ["view-record", outcome, USER, "X99101", "clinician", "TREAT", PERSON, json.dumps(detail)]
    rows(database, OLD_APPEND, *values)


def test_events_of_before_keep_their_number_and_time_and_get_the_bytes_of_today(
    old_database: BaseDatabaseWrapper,
) -> None:
    detail = {"retrieval": str(RETRIEVAL), "source": str(SOURCE), "part": f"entry {'a' * 20}", "items": 3, "é": None}
    old_event(old_database, detail)
    old_event(old_database, {"retrieval": "not an id", "part": "record"}, outcome="refused")
    kept = "SELECT seq, at, action, outcome, user_id, person_id, detail::text FROM audit_event ORDER BY seq"
    before = rows(old_database, kept)
    MigrationExecutor(old_database).migrate([AFTER])
    assert rows(old_database, kept) == before
    whole, bare = rows(
        old_database,
        "SELECT body, n, source_id, retrieval_id, entry, mac, xid IS NOT NULL FROM audit_event ORDER BY seq",
    )
    assert bytes(whole[0]) == canonical_bytes(
        event=Event(
            requester=requester(user_id=USER, organisation_ods="X99101"),
            action=Action.VIEW_RECORD,
            outcome=EventOutcome.SUCCESS,
            subject=Subject(person_id=PERSON, source_id=SOURCE, retrieval_id=RETRIEVAL, entry="a" * 20),
            detail=detail,
        )
    )
    assert (whole[1], *whole[2:5], bytes(whole[5]), whole[6]) == (1, SOURCE, RETRIEVAL, "a" * 20, b"", True)
    assert (bare[1], *bare[2:5]) == (2, None, None, None)


def test_many_events_of_before_are_one_writer_s_without_a_gap(old_database: BaseDatabaseWrapper) -> None:
    rows(
        old_database,
        "SELECT audit_append('view-record', 'success', NULL, '', 'clinician', 'TREAT', NULL, '{}') "
        "FROM generate_series(1, %s)",
        MANY,
    )
    MigrationExecutor(old_database).migrate([AFTER])
    assert rows(old_database, "SELECT count(DISTINCT writer), count(DISTINCT n), min(n), max(n) FROM audit_event") == [
        (1, MANY, 1, MANY)
    ]


def test_what_guards_the_table_stands_again_and_the_application_may_append_and_read(
    old_database: BaseDatabaseWrapper,
) -> None:
    application = connection.settings_dict["USER"]
    old_event(old_database, {})
    MigrationExecutor(old_database).migrate([AFTER])
    assert rows(
        old_database,
        "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE tgrelid = 'audit_event'::regclass ORDER BY tgname",
    ) == [("audit_event_append_only", "A"), ("audit_event_append_only_row", "A")]
    assert rows(
        old_database,
        "SELECT privilege_type::text FROM information_schema.role_table_grants "
        "WHERE table_name = 'audit_event' AND grantee = %s",
        application,
    ) == [("SELECT",)]
    function = "audit_append(uuid, bigint, bytea, bytea)"
    assert rows(old_database, "SELECT has_function_privilege(%s, %s, 'EXECUTE')", application, function) == [(True,)]
    assert rows(old_database, "SELECT count(*) FROM pg_proc WHERE proname = 'audit_append'") == [(1,)]
    highest = rows(old_database, "SELECT max(seq) FROM audit_event")[0][0]
    body = canonical_bytes(event=Event(requester=requester(), action=Action.SIGN_IN))
    assert rows(old_database, "SELECT new_seq FROM audit_append(%s, 1, %s, '')", uuid4(), body) == [(highest + 1,)]
