"""Break the glass: open one patient's record in an emergency, for half an hour. A privacy officer reviews every case.

It goes past the gates of relationships and of labels as far as the patient's decisions let it, and past no denial nor
anything that a source withholds.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest

from aggregator.accounts import lockout
from aggregator.accounts.passwords import confirm_identity
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.alerts.raising import raise_alert
from aggregator.alerts.terms import AlertKind
from aggregator.audit.events import Action, Subject
from aggregator.break_glass.operations import record_access
from aggregator.break_glass.terms import EmergencyAccess, EmergencyReason
from aggregator.consent.queries import decide
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.limits import checked_note
from aggregator.mpi.queries import person_summary


def open_break_glass(
    *,
    request: HttpRequest,
    requester: Requester,
    person_id: UUID,
    reason: str,
    note: str,
    password: str,
    now: datetime,
) -> EmergencyAccess:
    """Record emergency access and return it, or the requester's that still stands.

    Raises: NotPermitted, `password` when it is wrong, also for whoever is no user of an organisation, does not ask for
    treatment or would not be helped; TooMany after too many wrong passwords; NotFound; Invalid naming the input.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.OPEN_BREAK_GLASS, needs=Permission.BREAK_GLASS, about=about) as act:
        if requester.user_id is None or requester.membership_id is None or requester.organisation_id is None:
            raise NotPermitted("Only a user who acts for an organisation can open a record in an emergency.")
        if requester.purpose is not PurposeOfUse.TREATMENT:
            raise NotPermitted("A record can be opened in an emergency for treatment only.")
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        decision = decide(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
        if not decision.permitted and not decision.may_break_glass:
            raise decision.refusal()
        if reason not in set(EmergencyReason):
            raise Invalid("Select why you need this record now", code="reason", field="reason")
        words = checked_note(text=note, ask="Enter what has happened", field="note")
        act.note(address=lockout.address_mark(request.META.get("REMOTE_ADDR", "")))
        confirm_identity(request=request, user_id=requester.user_id, password=password, now=now)
        act.begin()
        access = record_access(
            user_id=requester.user_id,
            membership_id=requester.membership_id,
            organisation_id=requester.organisation_id,
            person_id=person_id,
            reason=EmergencyReason(reason),
            note=words,
            now=now,
        )
        raise_alert(
            kind=AlertKind.BREAK_GLASS, subject_id=access.id, organisation_id=requester.organisation_id, now=now
        )
        act.breaks_glass(access=access)
        act.note(expires_at=access.ends_at.isoformat(), for_review=True)
        return access
