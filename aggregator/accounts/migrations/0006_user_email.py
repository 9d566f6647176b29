"""Where alerts to an account are sent."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0005_clients")]

    operations: ClassVar = [migrations.AddField("user", "email", models.EmailField(blank=True, max_length=254))]
