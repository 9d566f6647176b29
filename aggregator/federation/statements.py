"""What is written to retrievals and outcomes, in SQL of our own: one journey for many rows, prepared once."""

from __future__ import annotations

from aggregator.composed import Statement

PLAN_RETRIEVAL = Statement(
    name="plan_retrieval",
    types={
        "id": "uuid",
        "person_id": "uuid",
        "user_id": "uuid",
        "asker_id": "uuid",
        "organisation_ods": "text",
        "role": "text",
        "purpose": "text",
        "asker": "jsonb",
        "categories": "jsonb",
        "state": "text",
        "created_at": "timestamptz",
        "deadline_at": "timestamptz",
        "expires_at": "timestamptz",
        "wrapped_key": "bytea",
    },
    sql="""
        INSERT INTO retrieval (
            id, person_id, user_id, asker_id, organisation_ods, role, purpose, asker, categories, state, created_at,
            deadline_at, expires_at, wrapped_key)
        VALUES (
            %(id)s, %(person_id)s, %(user_id)s, %(asker_id)s, %(organisation_ods)s, %(role)s, %(purpose)s, %(asker)s,
            %(categories)s, %(state)s, %(created_at)s, %(deadline_at)s, %(expires_at)s, %(wrapped_key)s)
        """,
)
PLAN_OUTCOMES = Statement(
    name="plan_outcomes",
    types={
        "retrieval_id": "uuid",
        "ids": "text[]",
        "sources": "text[]",
        "joins": "text[]",
        "flight_keys": "text[]",
        "asked_under": "text[]",
        "deadlines": "timestamptz[]",
        "outcomes": "text[]",
        "reasons": "text[]",
        "ended_at": "timestamptz[]",
    },
    sql="""
        INSERT INTO source_outcome (
            retrieval_id, id, source_id, joins_id, flight_key, asked_under, deadline_at, outcome, reason, ended_at,
            is_whole, item_count, by_identifier)
        SELECT %(retrieval_id)s, planned.*, false, 0, '[]' FROM unnest(
            %(ids)s::uuid[], %(sources)s::uuid[], %(joins)s::uuid[], %(flight_keys)s, %(asked_under)s, %(deadlines)s,
            %(outcomes)s, %(reasons)s, %(ended_at)s) AS planned
        ON CONFLICT DO NOTHING
        RETURNING source_id
        """,
)
OVERDUE = Statement(
    name="overdue",
    types={"flight_keys": "text[]", "now": "timestamptz"},
    sql="""
        SELECT id FROM source_outcome
        WHERE flight_key = ANY (%(flight_keys)s) AND outcome IS NULL AND joins_id IS NULL AND deadline_at < %(now)s
        """,
)
WRAPPED_KEYS = Statement(
    name="wrapped_keys",
    types={"ids": "text[]"},
    sql="SELECT id, wrapped_key FROM retrieval WHERE id = ANY (%(ids)s::uuid[])",
)
BEGIN_RETRIEVAL = Statement(
    name="begin_retrieval",
    types={"id": "uuid", "planned": "text", "running": "text", "now": "timestamptz"},
    sql="""
        UPDATE retrieval SET state = %(running)s, started_at = %(now)s
        WHERE id = %(id)s AND state = %(planned)s AND deadline_at > %(now)s
        RETURNING person_id, asker, categories, created_at, deadline_at, expires_at, wrapped_key
        """,
)
FINISH_RETRIEVAL = Statement(
    name="finish_retrieval",
    types={"id": "uuid", "running": "text", "finished": "text"},
    sql="UPDATE retrieval SET state = %(finished)s WHERE id = %(id)s AND state = %(running)s",
)
NOTE_ASKED = Statement(
    name="note_asked",
    types={"ids": "text[]", "times": "timestamptz[]"},
    sql="""
        UPDATE source_outcome SET asked_at = started.at
        FROM unnest(%(ids)s::uuid[], %(times)s) AS started (id, at)
        WHERE source_outcome.id = started.id AND outcome IS NULL
        """,
)
RECORD_OUTCOMES = Statement(
    name="record_outcomes",
    types={
        "ids": "text[]",
        "outcomes": "text[]",
        "reasons": "text[]",
        "since": "timestamptz[]",
        "counts": "integer[]",
        "by_identifier": "text[]",
        "are_whole": "boolean[]",
        "unrecorded": "text[]",
        "unrecorded_reasons": "text[]",
        "landed_at": "timestamptz[]",
        "nows": "timestamptz[]",
    },
    sql="""
        WITH recorded AS (
            SELECT * FROM unnest(
                %(ids)s::uuid[], %(outcomes)s, %(reasons)s, %(since)s, %(counts)s, %(by_identifier)s, %(are_whole)s,
                %(unrecorded)s, %(unrecorded_reasons)s, %(landed_at)s, %(nows)s
            ) AS sent (
                id, outcome, reason, since, count, by_identifier, is_whole, unrecorded, unrecorded_reason, landed_at,
                now
            )),
        awaited AS (
            SELECT id, deadline_at FROM source_outcome
            WHERE id = ANY (%(ids)s::uuid[]) AND outcome IS NULL AND joins_id IS NULL
            FOR NO KEY UPDATE NOWAIT),
        ended AS (SELECT recorded.*, now <= deadline_at AS in_time FROM recorded JOIN awaited USING (id))
        UPDATE source_outcome SET
            outcome = CASE WHEN in_time THEN ended.outcome ELSE ended.unrecorded END,
            reason = CASE WHEN in_time THEN ended.reason ELSE ended.unrecorded_reason END,
            since_at = CASE WHEN in_time THEN ended.since END,
            item_count = CASE WHEN in_time THEN ended.count ELSE 0 END,
            by_identifier = CASE WHEN in_time THEN ended.by_identifier::jsonb ELSE '[]' END,
            is_whole = in_time AND ended.is_whole,
            ended_at = ended.landed_at
        FROM ended WHERE source_outcome.id = ended.id
        RETURNING source_outcome.id
        """,
)
# What is still awaited is looked for retrieval by retrieval (LATERAL). As a condition, of several outcomes at once,
# PostgreSQL would read the whole table for it.
TOLD_OF_OUTCOMES = Statement(
    name="told_of_outcomes",
    types={"ids": "text[]"},
    sql="""
        SELECT told.outcome_id, told.retrieval_id, still.is_awaited IS NULL
        FROM (
            SELECT id AS outcome_id, retrieval_id FROM source_outcome WHERE id = ANY (%(ids)s::uuid[])
            UNION ALL
            SELECT joins_id, retrieval_id FROM source_outcome WHERE joins_id = ANY (%(ids)s::uuid[])) AS told
        LEFT JOIN LATERAL (
            SELECT true AS is_awaited
            FROM source_outcome own LEFT JOIN source_outcome joined ON joined.id = own.joins_id
            WHERE own.retrieval_id = told.retrieval_id
              AND CASE WHEN own.joins_id IS NULL THEN own.outcome ELSE joined.outcome END IS NULL
            LIMIT 1) AS still ON true
        """,
)
