"""Emergency access, and the reviews of it, which the database keeps as they were written."""

import datetime as dt
import uuid

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

# Neither what was done in an emergency nor what was made of it is ever changed.
APPEND_ONLY = """
CREATE FUNCTION break_glass_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'emergency access and its reviews are never changed or deleted'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER break_glass_append_only BEFORE UPDATE OR DELETE ON break_glass
    FOR EACH STATEMENT EXECUTE FUNCTION break_glass_refuse_change();
ALTER TABLE break_glass ENABLE ALWAYS TRIGGER break_glass_append_only;
CREATE TRIGGER break_glass_review_append_only BEFORE UPDATE OR DELETE ON break_glass_review
    FOR EACH STATEMENT EXECUTE FUNCTION break_glass_refuse_change();
ALTER TABLE break_glass_review ENABLE ALWAYS TRIGGER break_glass_review_append_only;
"""
CHANGEABLE = """
DROP TRIGGER break_glass_append_only ON break_glass;
DROP TRIGGER break_glass_review_append_only ON break_glass_review;
DROP FUNCTION break_glass_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0005_clients"),
        ("mpi", "0002_deaths_and_decisions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakGlassReview",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("break-glass", "break-glass"), ("self-claim", "self-claim")], max_length=30
                    ),
                ),
                ("of_id", models.UUIDField(db_index=True)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("appropriate", "appropriate"),
                            ("not-appropriate", "not-appropriate"),
                            ("needs-conversation", "needs-conversation"),
                        ],
                        max_length=30,
                    ),
                ),
                ("note", models.TextField()),
                ("reviewed_by", models.UUIDField(null=True)),
                ("reviewed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "break_glass_review",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="break_glass_review_with_a_note"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("unconscious", "unconscious"),
                            ("lacks-capacity", "lacks-capacity"),
                            ("cannot-communicate", "cannot-communicate"),
                            ("agreed", "agreed"),
                            ("serious-harm", "serious-harm"),
                            ("legal-duty", "legal-duty"),
                        ],
                        max_length=30,
                    ),
                ),
                ("note", models.TextField()),
                ("opened_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "membership",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.membership"
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organisation"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="mpi.person"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "break_glass",
                "indexes": [
                    models.Index(fields=["person", "membership", "expires_at"], name="break_glass_standing"),
                    models.Index(fields=["user", "opened_at"], name="break_glass_of_user"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="break_glass_with_a_note"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__gt", models.F("opened_at")),
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("opened_at"), "+", models.Value(dt.timedelta(minutes=30))
                                ),
                            ),
                        ),
                        name="break_glass_lasts_so_long_at_most",
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
