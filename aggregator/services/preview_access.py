"""What would a user see of a patient's record? Gate by gate and section by section, and nothing clinical."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import queries
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


@dataclass(frozen=True, kw_only=True)
class GatePreview:
    """How one gate about the person would answer, in the words that the user would read."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class RolePreview:
    """What the user would see in one of their roles. `sections`: each title, and how much of it might be shown.

    Nothing is looked up in any record: whether there is anything in a section is not known here.
    """

    organisation: str
    role: str
    is_opened: bool
    gates: tuple[GatePreview, ...]
    sections: tuple[tuple[str, Reach], ...]


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

    Raises: NotPermitted; NotFound; Invalid when nobody has that user name.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.PREVIEW_ACCESS, needs=Permission.VIEW_ACCESS, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        user_id = user_id_for(username=username)
        if user_id is None:
            raise Invalid("Nobody has this user name.", code="username", field="username")
        act.note(user=user_id, purpose=purpose, reason=reason)
        users = requesters_for(user_id=user_id, now=now, purpose=purpose)
        return AccessPreview(person=person, roles=tuple(_role(user, person_id=person_id, now=now) for user in users))


def _role(user: Requester, /, *, person_id: UUID, now: datetime) -> RolePreview:
    decision = queries.decide(requester=user, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
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
