"""Read a care team: its members and its patients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.relationships.listing import CareTeamPart, CareTeamSummary
from aggregator.relationships.queries import care_team, members_of, patients_of

PATIENTS_PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class CareTeamView:
    """A care team with all members, and one page of its patients, those who came to it last first."""

    team: CareTeamSummary
    members: tuple[CareTeamPart, ...]
    patients: tuple[CareTeamPart, ...]
    page: int
    pages: int


def read_care_team(*, requester: Requester, team_id: UUID, now: datetime, page: int = 1) -> CareTeamView:
    """Return a care team. The audit has one event per patient shown.

    Raises: NotPermitted; NotFound, also for a team of another organisation and for a page that there is not.
    """
    with acting(requester, Action.READ_CARE_TEAM, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.note(team=team_id, page=page)
        team = care_team(team_id=team_id, organisation_id=organisation_in_sight(requester=requester), now=now)
        if team is None:
            raise NotFound
        pages = max(1, -(-team.ever_patients // PATIENTS_PER_PAGE))
        if not 1 <= page <= pages:
            raise NotFound
        patients = patients_of(team_id=team_id, now=now, start=(page - 1) * PATIENTS_PER_PAGE, count=PATIENTS_PER_PAGE)
        act.about_people(person_ids=[patient.of_id for patient in patients])
        return CareTeamView(
            team=team,
            members=tuple(members_of(team_id=team_id, now=now)),
            patients=tuple(patients),
            page=page,
            pages=pages,
        )
