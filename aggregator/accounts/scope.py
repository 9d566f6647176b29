"""For which organisation somebody may act: their own, or any, where their role says so."""

from __future__ import annotations

from uuid import UUID

from aggregator.accounts.models import Organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotPermitted


def acts_for(*, requester: Requester, organisation_id: UUID) -> bool:
    """Return whether somebody may do what their role may do for this organisation."""
    return requester.organisation_id == organisation_id or requester.may(Permission.ANY_ORGANISATION)


def organisation_to_act_for(*, requester: Requester, ods_code: str) -> Organisation:
    """Return the organisation that is meant by a code, or by none: the requester's own.

    Raises: NotPermitted when somebody may not act for it, or it is none and they may not act for others; Invalid when
    there is no such organisation, or they belong to none and have named none.
    """
    code = ods_code.strip().upper() or requester.organisation_ods
    if not code:
        raise Invalid("Enter the code of the organisation.", field="organisation_ods")
    if code != requester.organisation_ods and not requester.may(Permission.ANY_ORGANISATION):
        raise NotPermitted("You may do this for your own organisation only.")
    organisation = Organisation.objects.filter(ods_code=code).first()
    if organisation is None:
        raise Invalid("No organisation has that code.", field="organisation_ods")
    return organisation


def organisation_in_sight(*, requester: Requester) -> UUID | None:
    """Return the one organisation of which somebody may see what is recorded; None: of every organisation.

    Raises: NotPermitted for somebody who belongs to none and may not act for others.
    """
    if requester.may(Permission.ANY_ORGANISATION):
        return None
    if requester.organisation_id is None:
        raise NotPermitted("You may do this for your own organisation only.")
    return requester.organisation_id
