"""Record a care team of an organisation. By itself it gives nobody access."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_to_act_for
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.limits import check_length
from aggregator.relationships import operations
from aggregator.relationships.models import CareTeam


def add_care_team(*, requester: Requester, name: str, now: datetime, organisation_ods: str = "") -> UUID:
    """Record a care team; return its id. `organisation_ods` "": of the requester's own organisation.

    Raises: NotPermitted; Invalid naming the input.
    """
    with acting(requester, Action.ADD_CARE_TEAM, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.about_nothing_single()
        organisation = organisation_to_act_for(requester=requester, ods_code=organisation_ods)
        if not name.strip():
            raise Invalid("Enter the name of the team.", field="name")
        check_length(model=CareTeam, field="name", value=name.strip(), label="Name of the team")
        act.begin()
        team_id = operations.add_care_team(
            organisation_id=organisation.id, name=name.strip(), recorded_by=requester.user_id, now=now
        )
        act.note(team=team_id, for_organisation=organisation.ods_code)
        return team_id
