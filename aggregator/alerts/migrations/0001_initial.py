"""The outbox of alerts. What is in it is not changed but to say how a delivery ended, and then no more."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

NEVER_CHANGED = """
CREATE FUNCTION alert_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'alerts and webhooks are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER alert_new_rows_only BEFORE UPDATE OR DELETE ON alert
    FOR EACH STATEMENT EXECUTE FUNCTION alert_refuse_change();
CREATE TRIGGER webhook_new_rows_only BEFORE UPDATE OR DELETE ON webhook
    FOR EACH STATEMENT EXECUTE FUNCTION alert_refuse_change();
CREATE TRIGGER alert_delivery_stays BEFORE DELETE ON alert_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION alert_refuse_change();

-- Whoever has been told is not told again, whatever a process believes that comes late.
CREATE FUNCTION alert_delivery_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'waiting' OR (NEW.id, NEW.alert_id, NEW.medium, NEW.recipient_id)
        IS DISTINCT FROM (OLD.id, OLD.alert_id, OLD.medium, OLD.recipient_id)
    THEN
        RAISE EXCEPTION 'a delivery that has ended is never changed, nor to whom it goes'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER alert_delivery_ends_once BEFORE UPDATE ON alert_delivery
    FOR EACH ROW EXECUTE FUNCTION alert_delivery_refuse_change();
"""
CHANGEABLE = """
DROP TRIGGER alert_delivery_ends_once ON alert_delivery;
DROP FUNCTION alert_delivery_refuse_change();
DROP TRIGGER alert_delivery_stays ON alert_delivery;
DROP TRIGGER webhook_new_rows_only ON webhook;
DROP TRIGGER alert_new_rows_only ON alert;
DROP FUNCTION alert_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0006_user_email"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=30)),
                ("subject_id", models.UUIDField()),
                ("occasion", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(db_index=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "db_table": "alert",
            },
        ),
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("medium", models.CharField(choices=[("email", "email"), ("webhook", "webhook")], max_length=10)),
                ("recipient_id", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("delivered", "delivered"), ("given-up", "given-up")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("claim", models.UUIDField(null=True)),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no-address", "no-address"),
                            ("no-mail-server", "no-mail-server"),
                            ("mail-server", "mail-server"),
                            ("mail-refused", "mail-refused"),
                            ("no-longer-told", "no-longer-told"),
                            ("webhook-ended", "webhook-ended"),
                            ("secret", "secret"),
                            ("address", "address"),
                            ("connection", "connection"),
                            ("tls", "tls"),
                            ("timed-out", "timed-out"),
                            ("redirect", "redirect"),
                            ("status", "status"),
                            ("bad-answer", "bad-answer"),
                            ("our-fault", "our-fault"),
                        ],
                        max_length=20,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="alerts.alert"
                    ),
                ),
            ],
            options={
                "db_table": "alert_delivery",
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("url", models.CharField(max_length=500)),
                ("kinds", models.JSONField()),
                ("sealed_secret", models.BinaryField()),
                ("registered_at", models.DateTimeField()),
                ("registered_by", models.UUIDField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "db_table": "webhook",
            },
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("kind", "subject_id", "occasion"), name="alert_once_for_an_occasion"
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["medium", "recipient_id", "next_at"],
                name="alert_delivery_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.UniqueConstraint(fields=("alert", "medium", "recipient_id"), name="alert_delivery_once"),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "waiting"), ("ended_at__isnull", False), _connector="XOR"),
                name="alert_delivery_waits_or_ended",
            ),
        ),
        migrations.RunSQL(NEVER_CHANGED, CHANGEABLE),
    ]
