"""A database with policies of which one at a time was in force keeps them all when it is migrated, and back."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from config import database_roles as roles
from tests.factories import NOW
from tests.scratch_database import migrate, rows, scratch_database

pytestmark = [
    pytest.mark.skipif(roles.single_role(), reason="one role only: DATABASE_OWNER_URL is not set"),
    pytest.mark.django_db(transaction=True),
]

BEFORE, AFTER = ("consent", "0002_relationships_have_a_room"), ("consent", "0003_policies_with_provisions")
LATER = NOW + timedelta(hours=1)


def test_policies_keep_their_history_forward_and_back() -> None:
    person, officer, ended, live = (uuid4() for _ in range(4))
    with scratch_database(at=[BEFORE]) as database:
        texts = "nhs_number unusable_number family given sex postcode address_line phone".split()
        rows(
            database,
            f"INSERT INTO person (id, created_at, nhs_number_is_verified, {', '.join(texts)})"
            f" VALUES (%s, %s, false{', %s' * len(texts)})",
            person,
            NOW,
            *[""] * len(texts),
        )
        for row in ((ended, "basic-normal", NOW, LATER, officer), (live, "deny", LATER, None, None)):
            rows(
                database,
                "INSERT INTO policy (id, person_id, base, note, recorded_at, ended_at, ended_by)"
                " VALUES (%s, %s, %s, 'By letter.', %s, %s, %s)",
                row[0],
                person,
                *row[1:],
            )
        for _ in range(2):
            migrate(database, to=[AFTER])
            kept = rows(database, "SELECT id, base, note, written::text FROM policy ORDER BY recorded_at")
            assert kept == [(ended, "basic-normal", "By letter.", "{}"), (live, "deny", "By letter.", "{}")]
            assert rows(database, "SELECT kind, of_id, ends_at, recorded_by FROM access_end") == [
                ("policy", ended, LATER, officer)
            ]
            migrate(database, to=[BEFORE])
            assert rows(database, "SELECT id, ended_at, ended_by FROM policy ORDER BY recorded_at") == [
                (ended, LATER, officer),
                (live, None, None),
            ]
