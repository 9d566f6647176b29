"""Each account lists the sessions that it has; closing it, or opening it again, by whatever statement, ends them all."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

END_SESSIONS = """
CREATE FUNCTION end_sessions_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.session_keys := '[]';
    RETURN NEW;
END $$;
CREATE TRIGGER end_sessions BEFORE UPDATE ON "user"
    FOR EACH ROW WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active) EXECUTE FUNCTION end_sessions_of_account();
"""
LEAVE_SESSIONS = """
DROP TRIGGER end_sessions ON "user";
DROP FUNCTION end_sessions_of_account();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField("user", "session_keys", models.JSONField(default=list)),
        migrations.RunSQL(END_SESSIONS, LEAVE_SESSIONS),
    ]
