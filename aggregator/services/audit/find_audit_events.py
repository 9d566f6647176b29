"""Find events of the audit as FHIR AuditEvents, for other systems that look back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.audit.fhir_events import audit_event
from aggregator.audit.looked_for import Sought
from aggregator.audit.trail import find_events
from aggregator.services.audit.stretches import stretches_of


@dataclass(frozen=True, kw_only=True)
class FoundEvents:
    """A page of AuditEvents, the most recent first. `before` leads to the older ones; None: there are none."""

    resources: tuple[Mapping[str, Any], ...]
    before: int | None


def find_audit_events(
    *,
    requester: Requester,
    person_id: UUID | None,
    user_id: UUID | None,
    from_at: datetime | None,
    until_at: datetime | None,
    is_alert: bool = False,
    before: int | None,
    count: int,
    base: str,
) -> FoundEvents:
    """Return events about a person, by a user and within a time; None: any. `is_alert`: only security alerts.

    Those of the requester's organisation; of every one for who may act for any.
    Raises: NotPermitted.
    """
    with acting(requester, Action.FIND_AUDIT_EVENTS, needs=Permission.READ_AUDIT) as act:
        act.about_people(person_ids=[person_id] if person_id else [])
        sought = Sought(
            person_id=person_id,
            stretches=stretches_of(person_id=person_id) if person_id else (),
            user_id=user_id,
            organisation_ods=None if requester.may(Permission.ANY_ORGANISATION) else requester.organisation_ods,
            from_at=from_at,
            until_at=until_at,
            is_alert=is_alert,
        )
        events = find_events(sought=sought, before=before, limit=count + 1)
        shown = events[:count]
        act.note(user=user_id, found=len(shown))
        return FoundEvents(
            resources=tuple(audit_event(event=event, base=base) for event in shown),
            before=shown[-1].seq if len(events) > count else None,
        )
