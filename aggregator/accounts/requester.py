"""The requester: who asks, where they work, as what and why. Every service takes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.roles import Permission, Role, role_may


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
    """A person at a door, or (role `operator`, no user) a command on the service's own machine."""

    user_id: UUID | None
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

    def may(self, permission: Permission) -> bool:
        """Return whether this requester's role carries the permission."""
        return role_may(role=self.role, permission=permission)


def operator() -> Requester:
    """Return the requester for a command on the service's own machine."""
    return _without_account(role=Role.OPERATOR)


def anonymous() -> Requester:
    """Return the requester for somebody who has not signed in."""
    return _without_account(role=Role.ANONYMOUS)


def _without_account(*, role: Role) -> Requester:
    return Requester(
        user_id=None,
        family="",
        given="",
        organisation_id=None,
        organisation_ods="",
        organisation_name="",
        role=role,
        purpose=PurposeOfUse.OPERATIONS,
    )
