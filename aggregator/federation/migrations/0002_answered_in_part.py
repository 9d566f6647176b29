from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("federation", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="sourceoutcome",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("answered", "answered"),
                    ("answered-in-part", "answered-in-part"),
                    ("empty", "empty"),
                    ("unknown-patient", "unknown-patient"),
                    ("refused", "refused"),
                    ("timed-out", "timed-out"),
                    ("unreachable", "unreachable"),
                    ("malformed", "malformed"),
                    ("failed", "failed"),
                    ("not-asked", "not-asked"),
                ],
                max_length=20,
                null=True,
            ),
        ),
    ]
