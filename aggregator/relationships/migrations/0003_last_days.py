"""What a file says of a last day is a row of its own, and not a change of what was said before."""

import django.db.models.deletion
from django.db import migrations, models

BEFORE = """
CREATE OR REPLACE VIEW care_relation AS
    SELECT relationship.id, link.person_id, organisation_id, user_id, kind, from_date, until_date, expires_at,
        (SELECT min(ends_at) FROM access_end WHERE of_id = relationship.id) AS ended_at
    FROM relationship JOIN link ON link.source_record_id = relationship.source_record_id AND link.ended_at IS NULL
UNION ALL
    SELECT id, person_id, organisation_id, user_id, kind, from_date, until_date, expires_at,
        (SELECT min(ends_at) FROM access_end WHERE of_id = relationship.id)
    FROM relationship WHERE person_id IS NOT NULL
UNION ALL
    SELECT patient.id, patient.person_id, care_team.organisation_id, place.user_id, 'care-team',
        greatest(patient.from_date, place.from_date), least(patient.until_date, place.until_date), NULL,
        (SELECT min(ends_at) FROM access_end WHERE of_id IN (care_team.id, patient.id, place.id))
    FROM care_team
    JOIN care_team_patient AS patient ON patient.team_id = care_team.id
    JOIN care_team_place AS place ON place.team_id = care_team.id
"""
NOW = """
CREATE OR REPLACE VIEW care_relation AS
    SELECT relationship.id, link.person_id, organisation_id, user_id, kind, from_date,
        CASE WHEN later.id IS NULL THEN relationship.until_date ELSE later.until_date END AS until_date, expires_at,
        (SELECT min(ends_at) FROM access_end WHERE of_id = relationship.id) AS ended_at
    FROM relationship JOIN link ON link.source_record_id = relationship.source_record_id AND link.ended_at IS NULL
    LEFT JOIN relationship_last_day AS later ON later.relationship_id = relationship.id AND NOT EXISTS (
        SELECT 1 FROM relationship_last_day AS last
        WHERE last.relationship_id = later.relationship_id AND last.id > later.id
    )
UNION ALL
    SELECT id, person_id, organisation_id, user_id, kind, from_date, until_date, expires_at,
        (SELECT min(ends_at) FROM access_end WHERE of_id = relationship.id)
    FROM relationship WHERE person_id IS NOT NULL
UNION ALL
    SELECT patient.id, patient.person_id, care_team.organisation_id, place.user_id, 'care-team',
        greatest(patient.from_date, place.from_date), least(patient.until_date, place.until_date), NULL,
        (SELECT min(ends_at) FROM access_end WHERE of_id IN (care_team.id, patient.id, place.id))
    FROM care_team
    JOIN care_team_patient AS patient ON patient.team_id = care_team.id
    JOIN care_team_place AS place ON place.team_id = care_team.id
"""
APPEND_ONLY = """
CREATE FUNCTION relationship_last_day_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was said of a last day is never changed or deleted'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER relationship_last_day_append_only BEFORE UPDATE OR DELETE ON relationship_last_day
    FOR EACH STATEMENT EXECUTE FUNCTION relationship_last_day_refuse_change();
ALTER TABLE relationship_last_day ENABLE ALWAYS TRIGGER relationship_last_day_append_only;
"""
CHANGEABLE = """
DROP TRIGGER relationship_last_day_append_only ON relationship_last_day;
DROP FUNCTION relationship_last_day_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("relationships", "0002_care_teams_and_claims")]

    operations = [
        migrations.CreateModel(
            name="LastDay",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("until_date", models.DateField(null=True)),
                ("recorded_at", models.DateTimeField()),
                (
                    "relationship",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="last_days",
                        to="relationships.relationship",
                    ),
                ),
            ],
            options={"db_table": "relationship_last_day"},
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
        migrations.RunSQL(NOW, BEFORE),
    ]
