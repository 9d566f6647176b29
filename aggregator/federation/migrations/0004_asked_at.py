from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0003_endings_by_identifier"),
    ]

    operations = [
        migrations.AddField(
            model_name="sourceoutcome",
            name="asked_at",
            field=models.DateTimeField(null=True),
        ),
    ]
