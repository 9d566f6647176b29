"""The table of relationships, which consent's first migration made: it and its rows stay as they are."""

from __future__ import annotations

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("mpi", "0001_initial"),
        ("consent", "0002_relationships_have_a_room"),
    ]

    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Relationship",
                    fields=[
                        ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        (
                            "kind",
                            models.CharField(
                                choices=[("registered", "registered"), ("attended", "attended")], max_length=30
                            ),
                        ),
                        ("from_date", models.DateField()),
                        ("until_date", models.DateField(null=True)),
                        (
                            "organisation",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="accounts.organisation"),
                        ),
                        (
                            "source_record",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="relationships",
                                to="mpi.sourcerecord",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "relationship",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("source_record", "organisation", "kind", "from_date"), name="relationship_once"
                            )
                        ],
                    },
                )
            ]
        )
    ]
