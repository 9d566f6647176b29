"""Search the audit. Whoever does leaves an event of their own, about the person whom they searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from aggregator.accounts.queries import names_of_users, user_id_for
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.acting import acting
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.looked_for import Sought, TrailEvent
from aggregator.audit.trail import find_events
from aggregator.errors import Invalid
from aggregator.mpi import queries as mpi_queries
from aggregator.mpi.demographics import valid_nhs_number
from aggregator.mpi.golden import PersonSummary
from aggregator.relationships.queries import relationships_of
from aggregator.relationships.terms import end_of_day, is_current, start_of_day
from aggregator.services.audit.stretches import stretches_of

PAGE_SIZE = 100


OUTCOMES = {
    EventOutcome.SUCCESS.value: "Done",
    EventOutcome.REFUSED.value: "Refused",
    EventOutcome.FAILED.value: "Failed",
}
PURPOSES = {
    PurposeOfUse.TREATMENT.value: "Treatment",
    PurposeOfUse.BREAK_GLASS.value: "Emergency (break-glass)",
    PurposeOfUse.OPERATIONS.value: "Running the service",
    PurposeOfUse.PATIENT_REQUEST.value: "The patient's own request",
}


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


@dataclass(frozen=True, kw_only=True)
class AuditQuestion:
    """What somebody looks for, as they entered it: "" or None for any. Days are British ones, the last included."""

    nhs_number: str = ""
    username: str = ""
    organisation_ods: str = ""
    purpose: str = ""
    action: str = ""
    outcome: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before: int | None = None


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """One event in words. `detail` is what else is kept of it: ids, codes and counts."""

    at: datetime
    words: str
    outcome: str
    is_done: bool
    who: str
    role: str
    organisation_ods: str
    purpose: str
    person: PersonSummary | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """The most recent events that match. `before` leads to the older ones; None: there are none.

    `actions`, `purposes` and `outcomes` are what may be looked for, each as its code and its words.
    """

    lines: tuple[AuditLine, ...]
    before: int | None
    actions: tuple[tuple[str, str], ...] = tuple((action.value, _sentence(action.words)) for action in Action)
    purposes: tuple[tuple[str, str], ...] = tuple(PURPOSES.items())
    outcomes: tuple[tuple[str, str], ...] = tuple(OUTCOMES.items())


def search_audit(*, requester: Requester, question: AuditQuestion, now: datetime) -> AuditPage:
    """Return a page of events: of the requester's organisation, or about a patient in its care; of all, for who may act
    for any.

    Raises: NotPermitted; Invalid naming the input.
    """
    with acting(requester, Action.SEARCH_AUDIT, needs=Permission.READ_AUDIT) as act:
        sought = _read(question, requester=requester, now=now)
        act.about_people(person_ids=[sought.person_id] if sought.person_id else [])
        events = find_events(sought=sought, before=question.before, limit=PAGE_SIZE + 1)
        shown = events[:PAGE_SIZE]
        act.note(
            user=sought.user_id,
            organisation=sought.organisation_ods,
            purpose=sought.purpose,
            action=sought.action,
            outcome=sought.outcome,
            found=len(shown),
        )
        return AuditPage(lines=_lines(shown), before=shown[-1].seq if len(events) > PAGE_SIZE else None)


def _read(question: AuditQuestion, /, *, requester: Requester, now: datetime) -> Sought:
    """Return what a question asks for, as far as the requester may look.

    Raises: Invalid naming the input.
    """
    person_id = _person_of(question.nhs_number)
    user_id = user_id_for(username=question.username) if question.username else None
    if question.username and user_id is None:
        raise Invalid("Nobody has this user name", code="username", field="username")
    if question.first_day and question.last_day and question.last_day < question.first_day:
        raise Invalid("The last day must not be before the first", code="days", field="last_day")
    own_only = not requester.may(Permission.ANY_ORGANISATION)
    if own_only and person_id is not None and requester.organisation_id is not None:
        relationships = relationships_of(person_id=person_id, organisation_id=requester.organisation_id)
        own_only = not any(is_current(relationship=each, now=now) for each in relationships)
    organisation_ods = requester.organisation_ods if own_only else question.organisation_ods or None
    return Sought(
        person_id=person_id,
        stretches=stretches_of(person_id=person_id) if person_id else (),
        user_id=user_id,
        organisation_ods=organisation_ods,
        purpose=_member_of(PurposeOfUse, question.purpose, field="purpose"),
        action=_member_of(Action, question.action, field="action"),
        outcome=_member_of(EventOutcome, question.outcome, field="outcome"),
        from_at=start_of_day(question.first_day) if question.first_day else None,
        until_at=end_of_day(question.last_day) if question.last_day else None,
    )


def _lines(events: Iterable[TrailEvent], /) -> tuple[AuditLine, ...]:
    events = tuple(events)
    users = names_of_users(user_ids={event.user_id for event in events if event.user_id})
    people = mpi_queries.summaries(person_ids={event.person_id for event in events if event.person_id})
    known = {action.value: _sentence(action.words) for action in Action}
    roles = {role.value: role.words for role in Role}
    return tuple(
        AuditLine(
            at=event.at,
            words=known.get(event.action, event.action),
            outcome=OUTCOMES.get(event.outcome, event.outcome),
            is_done=event.outcome == EventOutcome.SUCCESS,
            who=users.get(event.user_id, "") if event.user_id else "",
            role=roles.get(event.role, event.role),
            organisation_ods=event.organisation_ods,
            purpose=PURPOSES.get(event.purpose, event.purpose),
            person=people.get(event.person_id) if event.person_id else None,
            detail=event.detail,
        )
        for event in events
    )


Member = TypeVar("Member", bound=StrEnum)


def _member_of(members: type[Member], text: str, *, field: str) -> Member | None:
    try:
        return members(text) if text else None
    except ValueError:
        raise Invalid("Select one of the list", code=field, field=field) from None


def _person_of(nhs_number: str) -> UUID | None:
    if not nhs_number.strip():
        return None
    number = valid_nhs_number(text=nhs_number)
    people = mpi_queries.people_with_number(nhs_number=number) if number else []
    if len(people) != 1:
        raise Invalid("Nobody, or more than one person, has this NHS number here", code="person", field="nhs_number")
    return people[0].person_id
