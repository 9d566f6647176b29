from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from aggregator.mpi.demographics import clean_name, first_given

BATCH = 500


def clean_again(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Clean the names of all source records as they are cleaned now, or a search would not find some of them."""
    records = apps.get_model("mpi", "SourceRecord").objects
    changed = []
    for record in records.only("family", "given", "family_clean", "given_clean").iterator(chunk_size=BATCH):
        cleaned = clean_name(text=record.family), first_given(text=record.given)
        if cleaned != (record.family_clean, record.given_clean):
            record.family_clean, record.given_clean = cleaned
            changed.append(record)
    records.bulk_update(changed, ["family_clean", "given_clean"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("mpi", "0004_people_joined"),
    ]

    operations = [
        migrations.RunPython(clean_again, migrations.RunPython.noop),
    ]
