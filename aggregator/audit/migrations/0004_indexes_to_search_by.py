"""Indexes for searches by organisation, by action and by time."""

from typing import ClassVar

from django.db import migrations

ADD = """
CREATE INDEX audit_event_organisation ON audit_event (organisation_ods, seq);
CREATE INDEX audit_event_action ON audit_event (action, seq);
CREATE INDEX audit_event_at ON audit_event (at);
"""
REMOVE = """
DROP INDEX audit_event_organisation;
DROP INDEX audit_event_action;
DROP INDEX audit_event_at;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0003_clients")]
    operations: ClassVar = [migrations.RunSQL(ADD, REMOVE)]
