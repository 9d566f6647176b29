from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mpi", "0002_deaths_and_decisions"),
    ]

    operations = [
        migrations.AddField(
            model_name="person",
            name="is_whereabouts_restricted",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="sourcerecord",
            name="answer_restricts",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="sourcerecord",
            name="restricted",
            field=models.BooleanField(null=True),
        ),
    ]
