"""A membership begins at a moment, and what gives access is ended by a row that one function writes with its event."""

from typing import ClassVar

import django.utils.timezone
from django.db import migrations, models

TABLE = """
CREATE TABLE access_end (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind <> ''),
    of_id uuid NOT NULL,
    ends_at timestamptz NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by uuid
);
CREATE INDEX access_end_of ON access_end (of_id, ends_at);

CREATE FUNCTION access_end_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an end is never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER access_end_append_only BEFORE UPDATE OR DELETE ON access_end
    FOR EACH STATEMENT EXECUTE FUNCTION access_end_refuse_change();
ALTER TABLE access_end ENABLE ALWAYS TRIGGER access_end_append_only;

-- Who ended it is read from the event, so that the two cannot disagree. An end is never before its row, by one clock.
CREATE FUNCTION record_end(
    new_kind text, new_of uuid, new_ends_at timestamptz, new_reason text,
    new_writer uuid, new_n bigint, new_body bytea, new_mac bytea, OUT new_seq bigint, OUT new_xid xid8
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE now_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO public.access_end (kind, of_id, ends_at, reason, recorded_at, recorded_by)
    VALUES (new_kind, new_of, greatest(new_ends_at, now_at), new_reason, now_at,
        (convert_from(new_body, 'UTF8')::jsonb ->> 'user')::uuid);
    SELECT appended.new_seq, appended.new_xid INTO new_seq, new_xid
    FROM public.audit_append(new_writer, new_n, new_body, new_mac) AS appended;
END $$;
REVOKE ALL ON FUNCTION record_end(text, uuid, timestamptz, text, uuid, bigint, bytea, bytea) FROM PUBLIC;

-- Whoever may append to the audit may end things; nobody but the owner has more than to read the ends.
DO $$ DECLARE app name; BEGIN
    FOR app IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_schema = 'public' AND table_name = 'audit_event' AND grantee <> current_user
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE access_end FROM %I', app);
        EXECUTE format('GRANT SELECT ON TABLE access_end TO %I', app);
        EXECUTE format(
            'GRANT EXECUTE ON FUNCTION record_end(text, uuid, timestamptz, text, uuid, bigint, bytea, bytea) TO %I',
            app);
    END LOOP;
END $$;
"""

UNDO = """
DROP FUNCTION record_end(text, uuid, timestamptz, text, uuid, bigint, bytea, bytea);
DROP TABLE access_end;
DROP FUNCTION access_end_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0002_sessions_of_an_account"), ("audit", "0003_clients")]
    operations: ClassVar = [
        migrations.RunSQL(
            TABLE,
            UNDO,
            state_operations=[
                migrations.CreateModel(
                    name="AccessEnd",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "kind",
                            models.TextField(
                                choices=[
                                    ("account", "account"),
                                    ("care-team-patient", "care-team-patient"),
                                    ("care-team-place", "care-team-place"),
                                    ("client", "client"),
                                    ("membership", "membership"),
                                    ("policy", "policy"),
                                    ("relationship", "relationship"),
                                ]
                            ),
                        ),
                        ("of_id", models.UUIDField()),
                        ("ends_at", models.DateTimeField()),
                        ("reason", models.TextField()),
                        ("recorded_at", models.DateTimeField()),
                        ("recorded_by", models.UUIDField(null=True)),
                    ],
                    options={"db_table": "access_end", "managed": False},
                )
            ],
        ),
        migrations.RemoveConstraint(model_name="membership", name="membership_once"),
        migrations.AddField("membership", "from_at", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AddField("membership", "added_at", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AddField("membership", "added_by", models.UUIDField(null=True)),
        migrations.AddIndex(
            "membership",
            models.Index(fields=["organisation", "role"], name="membership_organisation_role"),
        ),
    ]
