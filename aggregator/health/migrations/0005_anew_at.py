from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("health", "0004_what_a_trial_replaces"),
    ]

    operations = [
        migrations.AddField(
            model_name="sourcehealth",
            name="anew_at",
            field=models.DateTimeField(null=True),
        ),
    ]
