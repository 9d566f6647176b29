"""The requester: who asks, where they work, as what and why. Every service takes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.roles import Permission, Role, role_may
from aggregator.accounts.scopes import Scopes


class PurposeOfUse(StrEnum):
    """Source: HL7 v3-ActReason, the codes of IHE PCF and BALP."""

    TREATMENT = "TREAT"
    COORDINATION = "COC"
    EMERGENCY = "ETREAT"
    BREAK_GLASS = "BTG"
    OPERATIONS = "HOPERAT"
    PAYMENT = "HPAYMT"
    RESEARCH = "HRESCH"
    PUBLIC_HEALTH = "PUBHLTH"
    PATIENT_REQUEST = "PATRQT"


@dataclass(frozen=True, kw_only=True)
class Requester:
    """A person at a door in one of their memberships, or (no user) a registered client or a command of this machine."""

    user_id: UUID | None
    membership_id: UUID | None = None
    client_id: UUID | None = None
    family: str
    given: str
    prefix: str = ""
    sds_user_id: str = ""
    sds_role_profile_id: str = ""
    organisation_id: UUID | None
    organisation_ods: str
    organisation_name: str
    role: Role
    purpose: PurposeOfUse = PurposeOfUse.TREATMENT
    scopes: Scopes | None = None  # what a client's token is for; None for a person, whom no token narrows

    @property
    def asker_id(self) -> UUID | None:
        """The id of who asks: the membership, or the client; None for nobody to whom anything belongs."""
        return self.membership_id or self.client_id

    def may(self, permission: Permission) -> bool:
        """Return whether this requester's role carries the permission."""
        return role_may(role=self.role, permission=permission)


def operator() -> Requester:
    """Return the requester for a command on the service's own machine."""
    return _without_membership(role=Role.OPERATOR)


def anonymous() -> Requester:
    """Return the requester for somebody who has not signed in."""
    return _without_membership(role=Role.ANONYMOUS)


def not_chosen(*, user_id: UUID) -> Requester:
    """Return the requester for somebody who has signed in and not chosen in which membership they act."""
    return _without_membership(role=Role.NOT_CHOSEN, user_id=user_id)


def _without_membership(*, role: Role, user_id: UUID | None = None) -> Requester:
    return Requester(
        user_id=user_id,
        family="",
        given="",
        organisation_id=None,
        organisation_ods="",
        organisation_name="",
        role=role,
        purpose=PurposeOfUse.OPERATIONS,
    )
