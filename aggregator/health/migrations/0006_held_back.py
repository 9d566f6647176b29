from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("health", "0005_anew_at")]

    operations = [
        migrations.AddField(model_name="sourcehealth", name="held_back_at", field=models.DateTimeField(null=True)),
    ]
