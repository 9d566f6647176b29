"""Report who looked at a patient's record, as the patient may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import names_of_organisations, names_of_users
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.audit.looked_for import Sought
from aggregator.audit.looks import Look, looks
from aggregator.audit.trail import every_event
from aggregator.break_glass.terms import EmergencyReason
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.services.audit.stretches import stretches_of


@dataclass(frozen=True, kw_only=True)
class AccessReport:
    """What was done with one person's details, the most recent first, with the names of who did it and of where.

    No source is named: that one holds something of the person may itself be confidential.
    """

    person: PersonSummary
    looks: tuple[Look, ...]
    users: Mapping[UUID, str]
    organisations: Mapping[str, str]
    reported_at: datetime

    def who(self, look: Look) -> str:
        """Return the name of who did it."""
        if look.user_id is not None:
            return self.users.get(look.user_id, "Somebody whose account is not known any more")
        return "A connected computer system" if look.client_id is not None else "The operator of this service"

    def where(self, look: Look) -> str:
        """Return the organisation for which they did it."""
        return self.organisations.get(look.organisation_ods, look.organisation_ods)

    def why(self, look: Look) -> str:
        """Return why they did it; of an emergency, what they said of it."""
        if look.break_glass not in set(EmergencyReason):
            return look.why
        return f"{look.why}: {EmergencyReason(look.break_glass).words}"


def report_access(*, requester: Requester, person_id: UUID, now: datetime) -> AccessReport:
    """Return the report of one person, also of when a record of theirs was shown as another's.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.REPORT_ACCESS, needs=Permission.REPORT_ACCESS, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        sought = Sought(person_id=person_id, stretches=stretches_of(person_id=person_id))
        found = looks(events=every_event(sought=sought))
        act.note(lines=len(found))
        return AccessReport(
            person=person,
            looks=found,
            users=names_of_users(user_ids={look.user_id for look in found if look.user_id}),
            organisations=names_of_organisations(ods_codes={look.organisation_ods for look in found}),
            reported_at=now,
        )
