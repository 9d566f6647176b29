"""Reads of the trail for those who look into it: found by what they are about, the most recent first."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from aggregator.accounts.ends import Ends
from aggregator.audit.events import Action
from aggregator.audit.looked_for import Sought, TrailEvent
from aggregator.audit.models import AuditEvent

# Read from the database at once while many are written out.
AT_ONCE = 2000
# As `fhir_events.alert_of` has it. Each names its actions, by which there is an index.
_IS_ALERT = Q(action__in=[Action.OPEN_BREAK_GLASS, Action.END_BREAK_GLASS]) | Q(
    action__in=[Action.REVIEW_BREAK_GLASS, Action.SIGN_OUT, Action.CHOOSE_MEMBERSHIP],
    detail__contains={"end-of": Ends.BREAK_GLASS},
)


def find_events(*, sought: Sought, before: int | None, limit: int) -> tuple[TrailEvent, ...]:
    """Return the most recent events that match, at most `limit`, of those before the number `before`."""
    rows = _matching(sought)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    return tuple(_event(row) for row in rows.order_by("-seq")[:limit])


def every_event(*, sought: Sought) -> Iterator[TrailEvent]:
    """Yield all events that match, the oldest first."""
    for row in _matching(sought).order_by("seq").iterator(chunk_size=AT_ONCE):
        yield _event(row)


def _matching(sought: Sought) -> QuerySet[AuditEvent]:
    conditions = {
        "user_id": sought.user_id,
        "organisation_ods": sought.organisation_ods,
        "purpose": sought.purpose,
        "action": sought.action,
        "outcome": sought.outcome,
        "at__gte": sought.from_at,
        "at__lt": sought.until_at,
    }
    rows = AuditEvent.objects.filter(**{name: value for name, value in conditions.items() if value is not None})
    if sought.person_id is not None:
        about = Q(person_id=sought.person_id)
        for stretch in sought.stretches:
            about |= Q(person_id=stretch.person_id, at__gte=stretch.from_at, at__lt=stretch.until_at)
        rows = rows.filter(about)
    return rows.filter(_IS_ALERT) if sought.is_alert else rows


def _event(row: AuditEvent) -> TrailEvent:
    return TrailEvent(
        seq=row.seq,
        at=row.at,
        action=row.action,
        outcome=row.outcome,
        user_id=row.user_id,
        client_id=row.client_id,
        organisation_ods=row.organisation_ods,
        role=row.role,
        purpose=row.purpose,
        person_id=row.person_id,
        source_id=row.source_id,
        retrieval_id=row.retrieval_id,
        entry=row.entry,
        detail=row.detail,
    )
