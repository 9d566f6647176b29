from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_CONDITIONS = ["up", "degraded", "silent", "down", "unknown"]


def told_as_they_are(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("health", "SourceHealth").objects.update(told=models.F("condition"))


class Migration(migrations.Migration):
    dependencies = [
        ("health", "0002_last_failure"),
    ]

    operations = [
        migrations.AddField(
            model_name="sourcehealth",
            name="told",
            field=models.CharField(
                choices=[(condition, condition) for condition in _CONDITIONS], default="unknown", max_length=10
            ),
        ),
        migrations.RunPython(told_as_they_are, migrations.RunPython.noop),
    ]
