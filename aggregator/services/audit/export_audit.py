"""Export the audit as FHIR AuditEvents, one per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

from django.conf import settings

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.audit.fhir_events import audit_event
from aggregator.audit.looked_for import Sought
from aggregator.audit.trail import every_event
from aggregator.relationships.terms import end_of_day, start_of_day


def export_audit(*, requester: Requester, first_day: date | None, last_day: date | None) -> Iterator[str]:
    """Return the events of these British days, oldest first, as lines of NDJSON; None: from the first, to the last.

    Those of the requester's organisation; of every one for who may act for any. The event that tells of the export is
    written before the first line is read.
    Raises: NotPermitted.
    """
    with acting(requester, Action.EXPORT_AUDIT, needs=Permission.READ_AUDIT) as act:
        act.about_nothing_single()
        act.note(first_day=first_day.isoformat() if first_day else None)
        act.note(last_day=last_day.isoformat() if last_day else None)
        sought = Sought(
            organisation_ods=None if requester.may(Permission.ANY_ORGANISATION) else requester.organisation_ods,
            from_at=start_of_day(first_day) if first_day else None,
            until_at=end_of_day(last_day) if last_day else None,
        )
        base = f"{settings.PUBLIC_URL.rstrip('/')}/fhir"
        return (
            json.dumps(audit_event(event=event, base=base), ensure_ascii=False) for event in every_event(sought=sought)
        )
