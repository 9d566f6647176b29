"""Policies have provisions, several may be in force, and each is ended by a row of its own and never changed."""

from typing import ClassVar

from django.db import migrations, models

# Only one policy was in force until now, and the next took its place.
ENDS = """
INSERT INTO access_end (kind, of_id, ends_at, reason, recorded_at, recorded_by)
SELECT 'policy', id, ended_at, 'Another decision took its place.', ended_at, ended_by
FROM policy WHERE ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM access_end WHERE of_id = policy.id)
"""
# The ends stay where they are: no end is deleted, and these policies have ended in the old way as well.
ENDS_BACK = """
UPDATE policy SET ended_at = ending.ends_at, ended_by = ending.recorded_by
FROM (SELECT DISTINCT ON (of_id) of_id, ends_at, recorded_by FROM access_end ORDER BY of_id, ends_at) AS ending
WHERE ending.of_id = policy.id
"""

APPEND_ONLY = """
CREATE FUNCTION policy_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy is never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER policy_append_only BEFORE UPDATE OR DELETE ON policy
    FOR EACH STATEMENT EXECUTE FUNCTION policy_refuse_change();
ALTER TABLE policy ENABLE ALWAYS TRIGGER policy_append_only;
"""
CHANGEABLE = "DROP TRIGGER policy_append_only ON policy; DROP FUNCTION policy_refuse_change();"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("consent", "0002_relationships_have_a_room"), ("accounts", "0003_memberships_end")]
    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="policy", name="policy_one_live_a_person"),
        migrations.RunSQL(ENDS, ENDS_BACK),
        migrations.RemoveField(model_name="policy", name="ended_at"),
        migrations.RemoveField(model_name="policy", name="ended_by"),
        migrations.AlterField(
            model_name="policy",
            name="base",
            field=models.CharField(
                max_length=30,
                choices=[
                    ("basic-normal", "basic-normal"),
                    ("all-normal", "all-normal"),
                    ("break-glass-only", "break-glass-only"),
                    ("deny", "deny"),
                ],
            ),
        ),
        migrations.AddField(model_name="policy", name="written", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="policy", name="replaces_id", field=models.UUIDField(null=True)),
        migrations.AddField(model_name="policy", name="sent", field=models.JSONField(null=True)),
        migrations.AddField(model_name="policy", name="load_id", field=models.UUIDField(null=True)),
        migrations.AddIndex(
            model_name="policy",
            index=models.Index(fields=["load_id"], name="policy_load", condition=models.Q(load_id__isnull=False)),
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
