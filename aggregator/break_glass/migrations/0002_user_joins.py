"""Which person a user is, which the database keeps as it was written."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION user_join_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'which person a user is is ended by a row, and never changed or deleted'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER user_join_append_only BEFORE UPDATE OR DELETE ON user_join
    FOR EACH STATEMENT EXECUTE FUNCTION user_join_refuse_change();
ALTER TABLE user_join ENABLE ALWAYS TRIGGER user_join_append_only;
"""
CHANGEABLE = """
DROP TRIGGER user_join_append_only ON user_join;
DROP FUNCTION user_join_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("break_glass", "0001_initial"),
        ("mpi", "0002_deaths_and_decisions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UserJoin",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("note", models.TextField()),
                ("joined_by", models.UUIDField(null=True)),
                ("joined_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="mpi.person"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "user_join",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="user_join_with_a_note"
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
