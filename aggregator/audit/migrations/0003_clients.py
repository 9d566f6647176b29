"""A registered client stands beside the user: the column to search by is read from the body, as the others are."""

from typing import ClassVar

from django.db import migrations, models

ADD = """
ALTER TABLE audit_event ADD COLUMN client_id uuid;
CREATE INDEX audit_event_client ON audit_event (client_id, seq) WHERE client_id IS NOT NULL;

-- Replaced, so that whoever may call it still may.
CREATE OR REPLACE FUNCTION audit_append(
    new_writer uuid, new_n bigint, new_body bytea, new_mac bytea, OUT new_seq bigint, OUT new_xid xid8
) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.audit_event (
        writer, n, body, mac, action, outcome, user_id, client_id, organisation_ods, role, purpose,
        person_id, source_id, retrieval_id, entry, detail)
    SELECT new_writer, new_n, new_body, new_mac, event ->> 'action', event ->> 'outcome', (event ->> 'user')::uuid,
        (event ->> 'client')::uuid, event ->> 'organisation', event ->> 'role', event ->> 'purpose',
        (event ->> 'person')::uuid, (event ->> 'source')::uuid, (event ->> 'retrieval')::uuid, event ->> 'entry',
        event -> 'detail'
    FROM (SELECT convert_from(new_body, 'UTF8')::jsonb AS event) AS sent
    RETURNING seq, xid
$$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0002_final_shape")]
    operations: ClassVar = [
        migrations.RunSQL(
            ADD, state_operations=[migrations.AddField("auditevent", "client_id", models.UUIDField(null=True))]
        )
    ]
