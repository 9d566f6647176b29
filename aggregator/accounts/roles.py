"""May I press this button? Roles, and what each may do, as data. Nothing listed means no."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """`words` complete the sentence "May ..."."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Permission:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    FIND_PERSON = "find-person", "search for people"
    VIEW_RECORD = "view-record", "see clinical content, of patients in their care"
    CLAIM_RELATIONSHIP = "claim-relationship", "say that a patient is in their care, which is reviewed"
    BREAK_GLASS = "break-glass", "open a record in an emergency, which is reviewed"
    MANAGE_CONSENT = "manage-consent", "record what patients have decided"
    MANAGE_RELATIONSHIPS = "manage-relationships", "record who cares for whom"
    VIEW_ACCESS = "view-access", "see who has access to what, and why"
    REPORT_ACCESS = "report-access", "give patients the report of who looked at their record"
    READ_AUDIT = "read-audit", "read the audit"
    REVIEW_BREAK_GLASS = "review-break-glass", "review who opened records in an emergency, or by their own claim"
    VIEW_ALERTS = "view-alerts", "see which alerts were sent, and whether they were delivered"
    MANAGE_ALERTS = "manage-alerts", "say where alerts are sent"
    MANAGE_USERS = "manage-users", "manage accounts and roles"
    MANAGE_CLIENTS = "manage-clients", "register machines"
    ANY_ORGANISATION = "any-organisation", "do this for any organisation, not only their own"
    REVIEW_LINKS = "review-links", "settle doubts about identity"
    VIEW_SOURCES = "view-sources", "see the sources"
    OPERATE_SOURCES = "operate-sources", "pause sources, try them, and be told when one fails"
    MANAGE_SOURCES = "manage-sources", "register sources, and say how they are asked"
    MANAGE_TERMINOLOGY = "manage-terminology", "load what codes are sensitive"
    LOAD_IDENTITIES = "load-identities", "load the people that a source holds"


class Role(StrEnum):
    """As what somebody acts. `words` are the role as people call it."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Role:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    CLINICIAN = "clinician", "clinician"
    NURSE = "nurse", "nurse"
    PHARMACIST = "pharmacist", "pharmacist"
    SOCIAL_CARE = "social-care", "social care worker"
    RECEPTIONIST = "receptionist", "receptionist"
    ADMINISTRATOR = "administrator", "administrator"
    PROGRAMME_ADMINISTRATOR = "programme-administrator", "programme administrator"
    PRIVACY_OFFICER = "privacy-officer", "privacy officer"
    AUDITOR = "auditor", "auditor"
    SOURCE_OPERATOR = "source-operator", "operator of a source"
    CLIENT = "client", "another system"  # a machine with a token; nobody signs in as one
    OPERATOR = "operator", "operator of this service"  # runs its commands on its own machine; never signs in
    NOT_CHOSEN = "not-chosen", "no role yet"  # has signed in, and not said in which of several roles
    ANONYMOUS = "anonymous", "nobody who is known"  # has not signed in

    @property
    def with_article(self) -> str:
        """The role as in "make somebody a nurse"."""
        return f"{'an' if self.words[0] in 'aeiou' else 'a'} {self.words}"


_SEES_RECORDS = frozenset({Permission.FIND_PERSON, Permission.VIEW_RECORD, Permission.CLAIM_RELATIONSHIP})
_TREATS = _SEES_RECORDS | {Permission.BREAK_GLASS}
# Finds people to record their choices and who cares for them, and sees no clinical content.
_ADMINISTERS = frozenset(
    {
        Permission.FIND_PERSON,
        Permission.MANAGE_CONSENT,
        Permission.MANAGE_RELATIONSHIPS,
        Permission.MANAGE_USERS,
        Permission.REPORT_ACCESS,
        Permission.VIEW_ACCESS,
        Permission.VIEW_SOURCES,
        Permission.OPERATE_SOURCES,
        Permission.REVIEW_LINKS,
        Permission.VIEW_ALERTS,
        Permission.MANAGE_ALERTS,
    }
)
_LOOKS_BACK = frozenset(
    {Permission.FIND_PERSON, Permission.READ_AUDIT, Permission.REPORT_ACCESS, Permission.VIEW_ACCESS}
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.CLINICIAN: _TREATS,
    Role.NURSE: _TREATS,
    Role.PHARMACIST: _SEES_RECORDS,
    Role.SOCIAL_CARE: _SEES_RECORDS,
    Role.RECEPTIONIST: frozenset({Permission.FIND_PERSON}),
    Role.ADMINISTRATOR: _ADMINISTERS,
    Role.PROGRAMME_ADMINISTRATOR: _ADMINISTERS
    | {Permission.ANY_ORGANISATION, Permission.MANAGE_CLIENTS, Permission.MANAGE_SOURCES},
    Role.PRIVACY_OFFICER: _LOOKS_BACK | {Permission.REVIEW_BREAK_GLASS, Permission.VIEW_ALERTS},
    Role.AUDITOR: _LOOKS_BACK | {Permission.ANY_ORGANISATION},
    Role.SOURCE_OPERATOR: frozenset({Permission.VIEW_SOURCES, Permission.OPERATE_SOURCES, Permission.MANAGE_SOURCES}),
    Role.CLIENT: frozenset({Permission.VIEW_RECORD}),
    Role.OPERATOR: frozenset(Permission) - _TREATS,
}

# Those that a user can have in an organisation.
MEMBERSHIP_ROLES: tuple[Role, ...] = tuple(
    role for role in Role if role not in {Role.CLIENT, Role.OPERATOR, Role.NOT_CHOSEN, Role.ANONYMOUS}
)


def role_may(*, role: Role, permission: Permission) -> bool:
    """Return whether a role carries a permission."""
    return permission in PERMISSIONS.get(role, frozenset())
