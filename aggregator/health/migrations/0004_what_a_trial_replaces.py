from django.db import migrations, models

_REFUSE = """
CREATE OR REPLACE FUNCTION source_trial_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.id, NEW.source_id, NEW.settings, NEW.asked_by%(new)s)
        IS DISTINCT FROM (OLD.id, OLD.source_id, OLD.settings, OLD.asked_by%(old)s)
    THEN
        RAISE EXCEPTION 'a trial that has ended is never changed, nor what it tries'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("health", "0003_told")]

    operations = [
        migrations.AddField(
            model_name="sourcetrial",
            name="replaces",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.RunSQL(
            _REFUSE % {"new": ", NEW.replaces", "old": ", OLD.replaces"}, _REFUSE % {"new": "", "old": ""}
        ),
    ]
