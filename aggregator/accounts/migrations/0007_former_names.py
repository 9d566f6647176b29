"""The names that accounts had, which the database keeps as they were written."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION former_name_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the names that accounts had are never changed or deleted'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER former_name_append_only BEFORE UPDATE OR DELETE ON former_name
    FOR EACH STATEMENT EXECUTE FUNCTION former_name_refuse_change();
ALTER TABLE former_name ENABLE ALWAYS TRIGGER former_name_append_only;
"""
CHANGEABLE = """
DROP TRIGGER former_name_append_only ON former_name;
DROP FUNCTION former_name_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0006_user_email")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="FormerName",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("family", models.CharField(max_length=100)),
                ("given", models.CharField(max_length=100)),
                ("prefix", models.CharField(blank=True, max_length=20)),
                ("reason", models.TextField()),
                ("changed_by", models.UUIDField(null=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_names",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "former_name"},
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
