"""The row's final shape: what is sealed later stands in it as bytes, and all columns to search by are read from those.

Events that were written before are kept, under their number and time, and get the bytes that they would have today.
"""

import json
import uuid
from typing import Any

from django.db import migrations, models

BATCH = 1000

PREPARE = """
ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only;
DROP FUNCTION audit_append(text, text, uuid, text, text, text, uuid, jsonb);

-- Rows of before get the transaction of this migration.
ALTER TABLE audit_event
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD COLUMN writer uuid,
    ADD COLUMN n bigint,
    ADD COLUMN body bytea,
    ADD COLUMN mac bytea NOT NULL DEFAULT '',
    ADD COLUMN source_id uuid,
    ADD COLUMN retrieval_id uuid,
    ADD COLUMN entry text;

UPDATE audit_event SET
    source_id = (substring(detail ->> 'source' FROM '^[0-9a-f-]{36}$'))::uuid,
    retrieval_id = (substring(detail ->> 'retrieval' FROM '^[0-9a-f-]{36}$'))::uuid,
    entry = substring(detail ->> 'part' FROM '^entry ([0-9a-f]{20})$');
"""

FINISH = """
ALTER TABLE audit_event
    ALTER COLUMN writer SET NOT NULL,
    ALTER COLUMN n SET NOT NULL,
    ALTER COLUMN body SET NOT NULL,
    ALTER COLUMN mac DROP DEFAULT,
    ADD CONSTRAINT audit_event_n CHECK (n > 0),
    ADD CONSTRAINT audit_event_writer_n UNIQUE (writer, n);
CREATE INDEX audit_event_retrieval ON audit_event (retrieval_id, seq) WHERE retrieval_id IS NOT NULL;
CREATE INDEX audit_event_source ON audit_event (source_id, seq) WHERE source_id IS NOT NULL;

ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;
-- Per row as well: a subscriber that applies changes from elsewhere fires no trigger per statement.
CREATE TRIGGER audit_event_append_only_row BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only_row;

CREATE FUNCTION audit_append(
    new_writer uuid, new_n bigint, new_body bytea, new_mac bytea, OUT new_seq bigint, OUT new_xid xid8
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.audit_event (
        writer, n, body, mac, action, outcome, user_id, organisation_ods, role, purpose,
        person_id, source_id, retrieval_id, entry, detail)
    SELECT new_writer, new_n, new_body, new_mac, event ->> 'action', event ->> 'outcome', (event ->> 'user')::uuid,
        event ->> 'organisation', event ->> 'role', event ->> 'purpose', (event ->> 'person')::uuid,
        (event ->> 'source')::uuid, (event ->> 'retrieval')::uuid, event ->> 'entry', event -> 'detail'
    FROM (SELECT convert_from(new_body, 'UTF8')::jsonb AS event) AS sent
    RETURNING seq, xid
$$;
REVOKE ALL ON FUNCTION audit_append(uuid, bigint, bytea, bytea) FROM PUBLIC;

-- Whoever could append before may do so now; nobody but the owner has more than to read.
DO $$ DECLARE app name; BEGIN
    FOR app IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_schema = 'public' AND table_name = 'audit_event' AND grantee <> current_user
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE audit_event FROM %I', app);
        EXECUTE format('GRANT SELECT ON TABLE audit_event TO %I', app);
        EXECUTE format('GRANT EXECUTE ON FUNCTION audit_append(uuid, bigint, bytea, bytea) TO %I', app);
    END LOOP;
END $$;
"""

EVENTS = """
SELECT seq, action, detail, entry, organisation_ods, outcome, person_id, purpose, retrieval_id, role, source_id, user_id
FROM audit_event WHERE seq > %s ORDER BY seq LIMIT %s
"""


def give_bodies(apps: Any, schema_editor: Any) -> None:
    """Give the events of before a body, all as of one writer, in their order."""
    writer, n, last = str(uuid.uuid4()), 0, 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(EVENTS, [last, BATCH])
            rows = cursor.fetchall()
            if not rows:
                return
            numbered = [(writer, n + place, body_of(row), row[0]) for place, row in enumerate(rows, 1)]
            cursor.executemany("UPDATE audit_event SET writer = %s, n = %s, body = %s WHERE seq = %s", numbered)
            n, last = n + len(rows), rows[-1][0]


def body_of(row: tuple[Any, ...]) -> bytes:
    """Return the bytes of format 1, as `audit.events` made them when this migration was written."""
    _, action, detail, entry, organisation, outcome, person, purpose, retrieval, role, source, user = row
    body = {
        "action": action,
        "detail": json.loads(detail) if isinstance(detail, str) else detail,
        "entry": entry,
        "format": 1,
        "organisation": organisation,
        "outcome": outcome,
        "person": person,
        "purpose": purpose,
        "retrieval": retrieval,
        "role": role,
        "source": source,
        "user": user,
    }
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str).encode()


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_audit_trail")]
    operations = [
        migrations.RunSQL(PREPARE),
        migrations.RunPython(give_bodies),
        migrations.RunSQL(
            FINISH,
            state_operations=[
                migrations.AddField("auditevent", "writer", models.UUIDField()),
                migrations.AddField("auditevent", "n", models.BigIntegerField()),
                migrations.AddField("auditevent", "body", models.BinaryField()),
                migrations.AddField("auditevent", "mac", models.BinaryField()),
                migrations.AddField("auditevent", "source_id", models.UUIDField(null=True)),
                migrations.AddField("auditevent", "retrieval_id", models.UUIDField(null=True)),
                migrations.AddField("auditevent", "entry", models.TextField(null=True)),
                *(
                    migrations.AlterField("auditevent", name, models.TextField())
                    for name in ("action", "outcome", "organisation_ods", "role", "purpose")
                ),
            ],
        ),
    ]
