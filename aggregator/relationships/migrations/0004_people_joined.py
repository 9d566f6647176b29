"""Who cares for somebody who was joined to another cares for whom they were joined to, while that stands."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("aggregator.relationships.migrations.0003_last_days").NOW
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
    FROM relationship WHERE person_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM person WHERE person.id = relationship.person_id AND person.joined_to_id IS NOT NULL
    )
UNION ALL
    SELECT relationship.id, person.joined_to_id, organisation_id, user_id, kind, from_date, until_date, expires_at,
        (SELECT min(ends_at) FROM access_end WHERE of_id = relationship.id)
    FROM relationship JOIN person ON person.id = relationship.person_id AND person.joined_to_id IS NOT NULL
UNION ALL
    SELECT patient.id, patient.person_id, care_team.organisation_id, place.user_id, 'care-team',
        greatest(patient.from_date, place.from_date), least(patient.until_date, place.until_date), NULL,
        (SELECT min(ends_at) FROM access_end WHERE of_id IN (care_team.id, patient.id, place.id))
    FROM care_team
    JOIN care_team_patient AS patient ON patient.team_id = care_team.id AND NOT EXISTS (
        SELECT 1 FROM person WHERE person.id = patient.person_id AND person.joined_to_id IS NOT NULL
    )
    JOIN care_team_place AS place ON place.team_id = care_team.id
UNION ALL
    SELECT patient.id, person.joined_to_id, care_team.organisation_id, place.user_id, 'care-team',
        greatest(patient.from_date, place.from_date), least(patient.until_date, place.until_date), NULL,
        (SELECT min(ends_at) FROM access_end WHERE of_id IN (care_team.id, patient.id, place.id))
    FROM care_team
    JOIN care_team_patient AS patient ON patient.team_id = care_team.id
    JOIN person ON person.id = patient.person_id AND person.joined_to_id IS NOT NULL
    JOIN care_team_place AS place ON place.team_id = care_team.id
"""


class Migration(migrations.Migration):
    dependencies = [("relationships", "0003_last_days"), ("mpi", "0004_people_joined")]

    operations = [migrations.RunSQL(NOW, BEFORE)]
