"""Record that a care team cares for a patient: its members may see the record."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import acts_for
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.errors import Invalid, NotFound
from aggregator.mpi.queries import person_summary
from aggregator.relationships import operations
from aggregator.relationships.queries import care_team
from aggregator.relationships.terms import check_days


def add_care_team_patient(
    *,
    requester: Requester,
    team_id: UUID,
    person_id: UUID,
    from_date: date,
    until_date: date | None = None,
    now: datetime,
) -> UUID:
    """Record a patient of a care team; return the id, or that of the one that says the same.

    Raises: NotPermitted; NotFound, also for a team of another organisation; Invalid naming the input, or when the team
    has been ended.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.ADD_CARE_TEAM_PATIENT, needs=Permission.MANAGE_RELATIONSHIPS, about=about) as act:
        act.note(team=team_id)
        team = care_team(team_id=team_id, now=now)
        if team is None or not acts_for(requester=requester, organisation_id=team.organisation_id):
            raise NotFound
        if person_summary(person_id=person_id) is None:
            raise NotFound
        check_days(from_date=from_date, until_date=until_date)
        if team.has_ended:
            raise Invalid("This team has been ended. Choose another one.", field="team")
        act.begin()
        patient_id = operations.add_care_team_patient(
            team_id=team_id,
            person_id=person_id,
            from_date=from_date,
            until_date=until_date,
            recorded_by=requester.user_id,
            now=now,
        )
        act.note(patient=patient_id)
        return patient_id
