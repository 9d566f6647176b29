"""Say whose record somebody is about to open in an emergency, and what that entails, before they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.break_glass.terms import LASTS, EmergencyReason
from aggregator.consent.queries import decide
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary

MINUTE = timedelta(minutes=1)
COSTS = (
    "Your name, the time, your reason and every page that you open are recorded.",
    "The case stands in the list of your organisation's privacy officer, who reviews every one.",
    "The patient can see that you opened their record, and why.",
    (
        f"It is for this patient only, and ends after {LASTS // MINUTE} minutes, when you end it, or when you sign out "
        "or change role."
    ),
    (
        "It shows information that is held back as confidential, as far as the patient allows. It never shows what the "
        "patient has refused to share, nor what a hospital or practice withholds."
    ),
)


@dataclass(frozen=True, kw_only=True)
class BreakGlassTerms:
    """`costs` is what it entails, in sentences. `open_until`: the requester has broken the glass already, until then,
    by the access `access_id`; None: they have not."""

    person: PersonSummary
    costs: tuple[str, ...]
    minutes: int
    reasons: tuple[EmergencyReason, ...]
    open_until: datetime | None
    access_id: UUID | None


def prepare_break_glass(*, requester: Requester, person_id: UUID, now: datetime) -> BreakGlassTerms:
    """Return whose record would be opened, for how long and for which reasons.

    Raises: NotPermitted, also where it would not help; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.PREPARE_BREAK_GLASS, needs=Permission.BREAK_GLASS, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        decision = decide(requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
        if not decision.permitted and not decision.may_break_glass and decision.emergency is None:
            raise decision.refusal()
        return BreakGlassTerms(
            person=person,
            costs=COSTS,
            minutes=LASTS // MINUTE,
            reasons=tuple(EmergencyReason),
            open_until=decision.emergency.ends_at if decision.emergency else None,
            access_id=decision.emergency.id if decision.emergency else None,
        )
