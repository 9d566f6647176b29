"""The append-only audit table, the one function that writes it, and the trigger that refuses everything else."""

from django.db import migrations, models

TABLE = """
CREATE TABLE audit_event (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL CHECK (action <> ''),
    outcome text NOT NULL CHECK (outcome IN ('success', 'refused', 'failed')),
    user_id uuid,
    organisation_ods text NOT NULL,
    role text NOT NULL,
    purpose text NOT NULL,
    person_id uuid,
    detail jsonb NOT NULL
);
CREATE INDEX audit_event_person ON audit_event (person_id, seq) WHERE person_id IS NOT NULL;
CREATE INDEX audit_event_user ON audit_event (user_id, seq) WHERE user_id IS NOT NULL;

CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail takes inserts only' USING ERRCODE = 'insufficient_privilege';
END $$;

-- ENABLE ALWAYS: also under session_replication_role = replica.
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;

CREATE FUNCTION audit_append(
    new_action text, new_outcome text, new_user_id uuid, new_organisation_ods text, new_role text,
    new_purpose text, new_person_id uuid, new_detail jsonb
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.audit_event (action, outcome, user_id, organisation_ods, role, purpose, person_id, detail)
    VALUES (new_action, new_outcome, new_user_id, new_organisation_ods, new_role, new_purpose, new_person_id, new_detail)
    RETURNING seq
$$;
REVOKE ALL ON FUNCTION audit_append(text, text, uuid, text, text, text, uuid, jsonb) FROM PUBLIC;

-- Where the application has a role of its own, which may use every table by default, it may read this one and append by
-- the function, and nothing else.
DO $$ DECLARE app name; BEGIN
    FOR app IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_schema = 'public' AND table_name = 'audit_event' AND grantee <> current_user
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE audit_event FROM %I', app);
        EXECUTE format('GRANT SELECT ON TABLE audit_event TO %I', app);
        EXECUTE format(
            'GRANT EXECUTE ON FUNCTION audit_append(text, text, uuid, text, text, text, uuid, jsonb) TO %I', app);
    END LOOP;
END $$;
"""

UNDO = """
DROP FUNCTION audit_append(text, text, uuid, text, text, text, uuid, jsonb);
DROP TABLE audit_event;
DROP FUNCTION audit_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            TABLE,
            UNDO,
            state_operations=[
                migrations.CreateModel(
                    name="AuditEvent",
                    fields=[
                        ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                        ("action", models.CharField(max_length=60)),
                        ("outcome", models.CharField(max_length=20)),
                        ("user_id", models.UUIDField(null=True)),
                        ("organisation_ods", models.CharField(max_length=20)),
                        ("role", models.CharField(max_length=30)),
                        ("purpose", models.CharField(max_length=20)),
                        ("person_id", models.UUIDField(null=True)),
                        ("detail", models.JSONField()),
                    ],
                    options={"db_table": "audit_event", "managed": False, "ordering": ["seq"]},
                )
            ],
        )
    ]
