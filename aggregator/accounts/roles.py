"""May I press this button? Roles, and what each may do, as data. Nothing listed means no."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    FIND_PERSON = "find-person"
    VIEW_RECORD = "view-record"
    MANAGE_CONSENT = "manage-consent"
    VIEW_SOURCES = "view-sources"
    MANAGE_SOURCES = "manage-sources"
    LOAD_IDENTITIES = "load-identities"
    MANAGE_USERS = "manage-users"
    REVIEW_LINKS = "review-links"


class Role(StrEnum):
    CLINICIAN = "clinician"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"  # runs the service's commands on its own machine; never signs in at a door
    ANONYMOUS = "anonymous"  # has not signed in


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.CLINICIAN: frozenset({Permission.FIND_PERSON, Permission.VIEW_RECORD}),
    # Finds people to record their choices, and sees no clinical content.
    Role.ADMINISTRATOR: frozenset(
        {Permission.FIND_PERSON, Permission.MANAGE_CONSENT, Permission.VIEW_SOURCES, Permission.REVIEW_LINKS}
    ),
    Role.OPERATOR: frozenset(
        {
            Permission.VIEW_SOURCES,
            Permission.MANAGE_SOURCES,
            Permission.LOAD_IDENTITIES,
            Permission.MANAGE_USERS,
            Permission.MANAGE_CONSENT,
            Permission.REVIEW_LINKS,
        }
    ),
}


def role_may(*, role: Role, permission: Permission) -> bool:
    """Return whether a role carries a permission."""
    return permission in PERMISSIONS.get(role, frozenset())
