"""Relationships of people and of single users, care teams, and one view of all by which somebody cares for a person."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What is about a source record follows its live link. Of several ends the first counts; a care team's are those of the
# team, of the patient's care by it and of the member's place. `least` and `greatest` pass over what is NULL.
VIEW = """
CREATE VIEW care_relation AS
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


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_roles"),
        ("mpi", "0002_deaths_and_decisions"),
        ("relationships", "0001_taken_over"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CareTeam",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("recorded_at", models.DateTimeField()),
                ("recorded_by", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "care_team",
            },
        ),
        migrations.CreateModel(
            name="CareTeamPatient",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("from_date", models.DateField()),
                ("until_date", models.DateField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("recorded_by", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "care_team_patient",
            },
        ),
        migrations.CreateModel(
            name="CareTeamPlace",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("from_date", models.DateField()),
                ("until_date", models.DateField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("recorded_by", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "care_team_place",
            },
        ),
        migrations.AddField(
            model_name="relationship",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="relationship",
            name="person",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="relationships", to="mpi.person"
            ),
        ),
        migrations.AddField(
            model_name="relationship",
            name="reason",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="relationship",
            name="recorded_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="relationship",
            name="recorded_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="relationship",
            name="user",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            model_name="relationship",
            name="kind",
            field=models.CharField(
                choices=[
                    ("registered", "registered"),
                    ("attended", "attended"),
                    ("referred", "referred"),
                    ("care-team", "care-team"),
                    ("self-claimed", "self-claimed"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="relationship",
            name="source_record",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="relationships",
                to="mpi.sourcerecord",
            ),
        ),
        migrations.AddConstraint(
            model_name="relationship",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("person__isnull", False), ("source_record", None)),
                    models.Q(("person", None), ("source_record__isnull", False)),
                    _connector="OR",
                ),
                name="relationship_of_a_record_or_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="relationship",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "care-team"), _negated=True), name="relationship_no_care_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="relationship",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(("reason", ""), _negated=True),
                        ("expires_at__isnull", False),
                        ("kind", "self-claimed"),
                        ("person__isnull", False),
                        ("user__isnull", False),
                    ),
                    models.Q(models.Q(("kind", "self-claimed"), _negated=True), ("expires_at", None), ("user", None)),
                    _connector="OR",
                ),
                name="relationship_claimed_by_a_user",
            ),
        ),
        migrations.AddField(
            model_name="careteam",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
            ),
        ),
        migrations.AddField(
            model_name="careteampatient",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="mpi.person"),
        ),
        migrations.AddField(
            model_name="careteampatient",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="patients", to="relationships.careteam"
            ),
        ),
        migrations.AddField(
            model_name="careteamplace",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="places", to="relationships.careteam"
            ),
        ),
        migrations.AddField(
            model_name="careteamplace",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(
            VIEW,
            "DROP VIEW care_relation",
            state_operations=[
                migrations.CreateModel(
                    name="CareRelation",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="care_relations",
                                to="mpi.person",
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="care_relations",
                                to="accounts.organisation",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("kind", models.CharField(max_length=30)),
                        ("from_date", models.DateField()),
                        ("until_date", models.DateField(null=True)),
                        ("expires_at", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                    options={"db_table": "care_relation", "managed": False},
                )
            ],
        ),
    ]
