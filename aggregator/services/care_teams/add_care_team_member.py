"""Give a user a place in a care team: they may see its patients' records, where they act for its organisation."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import acts_for
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound
from aggregator.relationships import operations
from aggregator.relationships.queries import care_team
from aggregator.relationships.terms import check_days


def add_care_team_member(
    *,
    requester: Requester,
    team_id: UUID,
    username: str,
    from_date: date,
    until_date: date | None = None,
    now: datetime,
) -> UUID:
    """Give a user a place in a care team; return its id, or that of the place that says the same.

    Raises: NotPermitted; NotFound, also for a team of another organisation; Invalid naming the input, when the user has
    no role in the team's organisation in which they see records, or the team has been ended.
    """
    with acting(requester, Action.ADD_CARE_TEAM_MEMBER, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.about_nothing_single()
        act.note(team=team_id)
        team = care_team(team_id=team_id, now=now)
        if team is None or not acts_for(requester=requester, organisation_id=team.organisation_id):
            raise NotFound
        user_id = user_id_for(username=username.strip())
        roles = requesters_for(user_id=user_id, now=now) if user_id else ()
        sees_records = any(
            role.organisation_id == team.organisation_id and role.may(Permission.VIEW_RECORD) for role in roles
        )
        if user_id is None or not sees_records:
            raise Invalid("Nobody of that user name sees records for the team's organisation.", field="username")
        check_days(from_date=from_date, until_date=until_date)
        if team.has_ended:
            raise Invalid("This team has been ended. Add another one.", field="username")
        act.begin()
        place_id = operations.add_care_team_member(
            team_id=team_id,
            user_id=user_id,
            from_date=from_date,
            until_date=until_date,
            recorded_by=requester.user_id,
            now=now,
        )
        act.note(place=place_id, member=user_id)
        return place_id
