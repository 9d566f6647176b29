"""What would a user see of a patient's record? Gate by gate and section by section, and nothing clinical."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import queries
from aggregator.consent.decision import Decision
from aggregator.consent.policies import Reach
from aggregator.errors import Invalid, NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.record.categories import SECTIONS


class PreviewReason(StrEnum):
    """Why somebody wants to know what another would see."""

    words: str

    def __new__(cls, value: str, words: str = "") -> PreviewReason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    PATIENT_ASKED = "patient-asked", "The patient asked who would see what"
    DECISION = "decision", "To check a decision about sharing"
    COMPLAINT = "complaint", "To look into a complaint"
    HELP = "help", "The user cannot open the record and asked for help"


class EmergencyPreview(StrEnum):
    """Whether somebody would be offered to break the glass, and whether it would help them."""

    words: str

    def __new__(cls, value: str, words: str = "") -> EmergencyPreview:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    NOT_IN_ROLE = "not-in-role", "In this role nobody may open a record in an emergency"
    OPEN = "open", "They have opened this record in an emergency, and that has not ended"
    ADDS = "adds", "They can open the record as it is: it would add what is held back, as far as the patient allows"
    HELPS = "helps", "They would be offered to open this record in an emergency, and it would open"
    IN_VAIN = "in-vain", "They would be offered to open this record in an emergency, and it would show nothing"
    NOT_OFFERED = "not-offered", "They would not be offered to open this record in an emergency: it would not help"


@dataclass(frozen=True, kw_only=True)
class GatePreview:
    """How one gate about the person would answer, in the words that the user would read."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class RolePreview:
    """What the user would see in one of their roles. `sections`: each title, and how much of it might be shown.

    Nothing is looked up in any record: whether there is anything in a section is not known here. Of an emergency, all
    this is with the glass broken, where that may be done at all, and `without` is the same without it.
    """

    organisation: str
    role: str
    is_opened: bool
    gates: tuple[GatePreview, ...]
    sections: tuple[tuple[str, Reach], ...]
    emergency: EmergencyPreview | None = None
    without: RolePreview | None = None


@dataclass(frozen=True, kw_only=True)
class AccessPreview:
    """`roles` is empty for a user who may not sign in, or has no role."""

    person: PersonSummary
    roles: tuple[RolePreview, ...]


def preview_access(
    *,
    requester: Requester,
    person_id: UUID,
    username: str,
    purpose: PurposeOfUse,
    reason: PreviewReason,
    now: datetime,
) -> AccessPreview:
    """Return what a user would see of a person's record, for a purpose, in each of their roles.

    To break the glass is to treat the patient, with the glass broken now: it is decided as a real case is.
    Raises: NotPermitted; NotFound; Invalid when nobody has that user name.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.PREVIEW_ACCESS, needs=Permission.VIEW_ACCESS, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        user_id = user_id_for(username=username)
        if user_id is None:
            raise Invalid("Nobody has this user name.", code="username", field="username")
        act.note(user=user_id, purpose=purpose, reason=reason)
        is_emergency = purpose is PurposeOfUse.BREAK_GLASS
        asked = PurposeOfUse.TREATMENT if is_emergency else purpose
        preview = _in_emergency if is_emergency else _role
        users = requesters_for(user_id=user_id, now=now, purpose=asked)
        return AccessPreview(person=person, roles=tuple(preview(user, person_id=person_id, now=now) for user in users))


def _role(user: Requester, /, *, person_id: UUID, now: datetime) -> RolePreview:
    return _shown(user, queries.decide(requester=user, permission=Permission.VIEW_RECORD, person_id=person_id, now=now))


def _in_emergency(user: Requester, /, *, person_id: UUID, now: datetime) -> RolePreview:
    see = Permission.VIEW_RECORD
    broken = queries.decide_if_broken(requester=user, permission=see, person_id=person_id, now=now)
    ordinary = broken.ordinary
    if ordinary is None or ordinary.case is None or not ordinary.case.may_break_glass:
        return replace(_role(user, person_id=person_id, now=now), emergency=EmergencyPreview.NOT_IN_ROLE)
    if queries.decide(requester=user, permission=see, person_id=person_id, now=now).emergency is not None:
        how = EmergencyPreview.OPEN
    elif ordinary.permitted:
        how = EmergencyPreview.ADDS
    elif not ordinary.may_break_glass:
        how = EmergencyPreview.NOT_OFFERED
    else:
        how = EmergencyPreview.HELPS if broken.permitted else EmergencyPreview.IN_VAIN
    return replace(_shown(user, broken), emergency=how, without=_shown(user, ordinary))


def _shown(user: Requester, decision: Decision, /) -> RolePreview:
    return RolePreview(
        organisation=user.organisation_name,
        role=user.role.words,
        is_opened=decision.permitted,
        gates=tuple(
            GatePreview(name=result.gate.name, passed=result.answer.passed, reason=result.answer.reason)
            for result in decision.results
        ),
        sections=tuple((rules.title, decision.reach_of(category=rules.category)) for rules in SECTIONS),
    )
