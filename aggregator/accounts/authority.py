"""For whom somebody may act who gives or takes access: never for themselves, and for their own organisation. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Permission, Role
from aggregator.errors import NotFound, NotPermitted

# They act across organisations or look over administrators' shoulders, so administrators do not appoint them.
GIVEN_BY_PROGRAMME = frozenset({Role.PROGRAMME_ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.SOURCE_OPERATOR})


def givable_roles(requester: Requester, /) -> tuple[Role, ...]:
    """Return the roles that somebody may propose for others, and end."""
    return tuple(role for role in MEMBERSHIP_ROLES if _may_give(requester, role))


def may_act_for(*, requester: Requester, organisation_id: UUID) -> bool:
    """Return whether somebody may act for an organisation: their own, or any where their role carries that."""
    return requester.may(Permission.ANY_ORGANISATION) or requester.organisation_id == organisation_id


def check_organisation(*, requester: Requester, organisation_id: UUID) -> None:
    """Go on only if the requester may act for an organisation.

    Raises: NotPermitted.
    """
    if not may_act_for(requester=requester, organisation_id=organisation_id):
        raise NotPermitted(
            "You may do this for your own organisation only.",
            code="other-organisation",
            advice="Ask an administrator of that organisation, or of the programme.",
        )


def check_not_own(*, requester: Requester, user_id: UUID) -> None:
    """Go on only if the requester is somebody else.

    Raises: NotPermitted.
    """
    if requester.user_id == user_id:
        raise NotPermitted(
            "Nobody may change their own access.", code="own-access", advice="Ask another administrator."
        )


def check_may_say_who(*, requester: Requester, user_id: UUID, organisation_ids: Iterable[UUID]) -> None:
    """Go on only if the requester may say which person a user is; `organisation_ids` are where the user has been.

    Raises: NotFound for an account that the requester may not see; NotPermitted for their own.
    """
    if not requester.may(Permission.ANY_ORGANISATION) and requester.organisation_id not in set(organisation_ids):
        raise NotFound
    if requester.user_id == user_id:
        raise NotPermitted(
            "Nobody says of themselves which person they are.", code="own-access", advice="Ask another administrator."
        )


def check_role(*, requester: Requester, role: Role) -> None:
    """Go on only if the requester may give a role, or end it.

    Raises: NotPermitted.
    """
    if not _may_give(requester, role):
        raise NotPermitted(
            f"Only a programme administrator decides who is {role.with_article}.",
            code="role-of-programme",
            advice="Ask an administrator of the programme.",
        )


def _may_give(requester: Requester, role: Role) -> bool:
    return role not in GIVEN_BY_PROGRAMME or requester.may(Permission.ANY_ORGANISATION)
