"""The table of relationships belongs to a room of its own from now on: it and its rows stay as they are."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("consent", "0001_initial")]

    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Relationship")]),
    ]
