"""How each source is. What was found or reported, and who paused a source, takes new rows only."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

NEW_ROWS_ONLY = """
CREATE FUNCTION health_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of a source is never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER source_condition_change_new_rows_only BEFORE UPDATE OR DELETE ON source_condition_change
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();
CREATE TRIGGER source_check_new_rows_only BEFORE UPDATE OR DELETE ON source_check
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();
CREATE TRIGGER source_report_new_rows_only BEFORE UPDATE OR DELETE ON source_report
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();
CREATE TRIGGER source_pause_new_rows_only BEFORE UPDATE OR DELETE ON source_pause
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();
CREATE TRIGGER report_token_new_rows_only BEFORE UPDATE OR DELETE ON report_token
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();
CREATE TRIGGER source_trial_stays BEFORE DELETE ON source_trial
    FOR EACH STATEMENT EXECUTE FUNCTION health_refuse_change();

-- What was tried is what may be saved: a trial that has ended says what it said, of the settings that it tried.
CREATE FUNCTION source_trial_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.id, NEW.source_id, NEW.settings, NEW.asked_by)
        IS DISTINCT FROM (OLD.id, OLD.source_id, OLD.settings, OLD.asked_by)
    THEN
        RAISE EXCEPTION 'a trial that has ended is never changed, nor what it tries'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER source_trial_ends_once BEFORE UPDATE ON source_trial
    FOR EACH ROW EXECUTE FUNCTION source_trial_refuse_change();
"""
CHANGEABLE = """
DROP TRIGGER source_trial_ends_once ON source_trial;
DROP FUNCTION source_trial_refuse_change();
DROP TRIGGER source_trial_stays ON source_trial;
DROP TRIGGER report_token_new_rows_only ON report_token;
DROP TRIGGER source_pause_new_rows_only ON source_pause;
DROP TRIGGER source_report_new_rows_only ON source_report;
DROP TRIGGER source_check_new_rows_only ON source_check;
DROP TRIGGER source_condition_change_new_rows_only ON source_condition_change;
DROP FUNCTION health_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("sources", "0003_discloses"),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceHealth",
            fields=[
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="health",
                        serialize=False,
                        to="sources.source",
                    ),
                ),
                (
                    "condition",
                    models.CharField(
                        choices=[
                            ("up", "up"),
                            ("degraded", "degraded"),
                            ("silent", "silent"),
                            ("down", "down"),
                            ("unknown", "unknown"),
                        ],
                        default="unknown",
                        max_length=10,
                    ),
                ),
                ("reasons", models.JSONField(default=list)),
                ("since", models.DateTimeField()),
                ("next_check_at", models.DateTimeField(db_index=True)),
                ("recent_checks", models.JSONField(default=list)),
                ("checked_at", models.DateTimeField(null=True)),
                (
                    "check_outcome",
                    models.CharField(
                        blank=True,
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
                    ),
                ),
                ("check_reason", models.CharField(blank=True, max_length=60)),
                ("check_took_ms", models.PositiveIntegerField(null=True)),
                ("checked_well_at", models.DateTimeField(null=True)),
                ("report_statuses", models.JSONField(default=list)),
                ("reported_at", models.DateTimeField(null=True)),
                ("report_interval_s", models.PositiveIntegerField(null=True)),
                ("report_message", models.CharField(blank=True, max_length=200)),
                ("report_counters", models.JSONField(default=dict)),
                ("reports_in_time", models.PositiveIntegerField(default=0)),
                ("success", models.FloatField(null=True)),
                ("p50_ms", models.FloatField(null=True)),
                ("p95_ms", models.FloatField(null=True)),
                ("breaker", models.CharField(blank=True, max_length=10)),
            ],
            options={
                "db_table": "source_health",
            },
        ),
        migrations.CreateModel(
            name="ReportToken",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("token_hash", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.UUIDField(null=True)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "report_token",
            },
        ),
        migrations.CreateModel(
            name="SourceCheck",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
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
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("took_ms", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "source_check",
                "indexes": [models.Index(fields=["source", "-at"], name="source_check_last")],
            },
        ),
        migrations.CreateModel(
            name="SourceConditionChange",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "condition",
                    models.CharField(
                        choices=[
                            ("up", "up"),
                            ("degraded", "degraded"),
                            ("silent", "silent"),
                            ("down", "down"),
                            ("unknown", "unknown"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reasons", models.JSONField()),
                ("at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "source_condition_change",
                "indexes": [models.Index(fields=["source", "-at"], name="source_condition_change_last")],
            },
        ),
        migrations.CreateModel(
            name="SourcePause",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("is_resumed", models.BooleanField()),
                ("reason", models.TextField()),
                ("by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "source_pause",
                "indexes": [models.Index(fields=["source", "-at"], name="source_pause_last")],
            },
        ),
        migrations.CreateModel(
            name="SourceReport",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(choices=[("up", "up"), ("degraded", "degraded"), ("down", "down")], max_length=10),
                ),
                ("message", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "source_report",
                "indexes": [models.Index(fields=["source", "-at"], name="source_report_last")],
            },
        ),
        migrations.CreateModel(
            name="SourceTrial",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("settings", models.JSONField(null=True)),
                ("asked_by", models.UUIDField(null=True)),
                ("asker_organisation", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("steps", models.JSONField(default=list)),
                ("is_good", models.BooleanField(null=True)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("holds", models.JSONField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "source",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "db_table": "source_trial",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source__isnull", False), ("settings__isnull", False), _connector="OR"),
                        name="source_trial_of_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("is_good__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("is_good__isnull", False)),
                            _connector="OR",
                        ),
                        name="source_trial_ended_when_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(NEW_ROWS_ONLY, CHANGEABLE),
    ]
