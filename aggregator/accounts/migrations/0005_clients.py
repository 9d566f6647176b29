"""Systems that are registered to ask by themselves. A registration is never changed: its end is a row of its own."""

from __future__ import annotations

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

NEW_ROWS_ONLY = """
CREATE FUNCTION client_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a registration is never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER client_new_rows_only BEFORE UPDATE OR DELETE ON client
    FOR EACH STATEMENT EXECUTE FUNCTION client_refuse_change();
"""
UNDO = """
DROP TRIGGER client_new_rows_only ON client;
DROP FUNCTION client_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0004_roles")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Client",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("oauth_id", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("key_set", models.JSONField(null=True)),
                ("key_set_url", models.CharField(blank=True, max_length=500)),
                ("scopes", models.CharField(max_length=2000)),
                ("registered_at", models.DateTimeField()),
                ("registered_by", models.UUIDField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.organisation"),
                ),
            ],
            options={
                "db_table": "client",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("key_set__isnull", True), ("key_set_url", ""), _connector="XOR"),
                        name="client_keys_by_file_or_address",
                    )
                ],
            },
        ),
        migrations.RunSQL(NEW_ROWS_ONLY, UNDO),
    ]
