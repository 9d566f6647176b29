"""What a worker writes is found by indexes however long the service has run, also where many are written at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from aggregator.composed import Statement
from aggregator.federation import statements
from tests.factories import NOW, identity, load, person, source

pytestmark = pytest.mark.django_db

# Enough for PostgreSQL to prefer an index to reading all of them.
RETRIEVALS, SOURCES = 3_000, 6
AT_ONCE = 6


@pytest.fixture
def ids() -> list[str]:
    """Return the outcomes of one retrieval, among very many that are over."""
    sources = [source(slug=f"source-{number}") for number in range(SOURCES)]
    somebody = person(at=sources[0], identifier="1")
    for each in sources[1:]:
        load(at=each, identities=[identity(identifier="1")])
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO retrieval (id, person_id, organisation_ods, role, purpose, asker, categories, state,
                created_at, deadline_at, expires_at, wrapped_key)
            SELECT gen_random_uuid(), %s, 'X', '', '', '{}', '[]', 'finished', %s, %s, %s, ''
            FROM generate_series(1, %s)
            """,
            [somebody.id, NOW, NOW, NOW, RETRIEVALS],
        )
        cursor.execute(
            """
            INSERT INTO source_outcome (id, retrieval_id, source_id, flight_key, asked_under, deadline_at, outcome,
                reason, is_whole, item_count, by_identifier, ended_at)
            SELECT gen_random_uuid(), retrieval.id, source.id, md5(random()::text), '', %s, 'answered', '', false, 0,
                '[]', %s
            FROM retrieval CROSS JOIN source
            """,
            [NOW, NOW],
        )
        cursor.execute("ANALYZE retrieval, source_outcome")
        cursor.execute("SELECT id FROM source_outcome LIMIT %s", [AT_ONCE])
        return [str(outcome_id) for (outcome_id,) in cursor.fetchall()]


def plan_of(statement: Statement, values: dict[str, Any]) -> str:
    """Return how PostgreSQL runs a statement that is prepared, whatever its values."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute("DISCARD PLANS")  # or one that was made for a small table, by an earlier test, is kept
        statement.prepare(cursor.db)
        cursor.execute(f"EXPLAIN {statement.call}", list(values.values()))
        return "\n".join(line for (line,) in cursor.fetchall())


def test_no_statement_reads_the_whole_table(ids: list[str]) -> None:
    texts, times = [""] * AT_ONCE, [NOW] * AT_ONCE
    ended: dict[str, Any] = {
        "ids": ids,
        "outcomes": texts,
        "reasons": texts,
        "since": times,
        "counts": [0] * AT_ONCE,
        "by_identifier": ["[]"] * AT_ONCE,
        "are_whole": [True] * AT_ONCE,
        "unrecorded": texts,
        "unrecorded_reasons": texts,
        "landed_at": times,
        "nows": times,
    }
    plans = {
        "overdue": plan_of(statements.OVERDUE, {"flight_keys": texts, "now": NOW}),
        "begin": plan_of(
            statements.BEGIN_RETRIEVAL, {"id": uuid4(), "planned": "planned", "running": "running", "now": NOW}
        ),
        "finish": plan_of(statements.FINISH_RETRIEVAL, {"id": uuid4(), "running": "running", "finished": "finished"}),
        "asked": plan_of(statements.NOTE_ASKED, {"ids": ids, "times": times}),
        "ended": plan_of(statements.RECORD_OUTCOMES, ended),
        "told": plan_of(statements.TOLD_OF_OUTCOMES, {"ids": ids}),
    }
    for name, plan in plans.items():
        assert "Index" in plan, f"{name}: {plan}"
        assert "Seq Scan" not in plan, f"{name}: {plan}"
