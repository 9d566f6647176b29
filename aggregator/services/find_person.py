"""Find a person: by NHS number, by surname and date of birth, or by the id of one found before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent import queries as consent_queries
from aggregator.errors import Invalid, NotPermitted
from aggregator.mpi import queries
from aggregator.mpi.demographics import clean_name, digits_of, valid_nhs_number
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import SEARCH_LIMIT

PATIENT = "Patient"


@dataclass(frozen=True, kw_only=True)
class PeopleFound:
    """The people who match. `too_many`: more match than are listed, so the search must be narrowed."""

    people: tuple[PersonSummary, ...]
    too_many: bool


def find_person(
    *,
    requester: Requester,
    now: datetime,
    nhs_number: str = "",
    family: str = "",
    given: str = "",
    birth_date: date | None = None,
    person_id: UUID | None = None,
) -> PeopleFound:
    """Return the people who match, at most `SEARCH_LIMIT` of them. The audit has one event per person shown.

    A registered system is told only of those whose record it may open, and of nobody where there are too many: it acts
    without anybody who could say why they looked. By the id of somebody who was joined to another, that other is found.
    Raises: NotPermitted; Invalid when the number cannot be an NHS number, or too little was entered.
    """
    with acting(requester, Action.FIND_PERSON, needs=_needed(requester)) as act:
        _check_scopes(requester)
        if person_id is not None:
            people = list(queries.summaries(person_ids=[person_id]).values())
        else:
            people = _search(nhs_number=nhs_number, family=family, given=given, birth_date=birth_date)
        too_many = len(people) > SEARCH_LIMIT
        shown = people[:SEARCH_LIMIT]
        if requester.client_id is not None:
            shown = [] if too_many else [person for person in shown if _may_open(requester, person, now=now)]
            act.note(told=len(shown))
        act.about_people(person_ids=[person.person_id for person in shown])
        act.note(by=_way(person_id=person_id, nhs_number=nhs_number), found=len(people))
        return PeopleFound(people=tuple(shown), too_many=too_many)


def _needed(requester: Requester, /) -> Permission:
    return Permission.VIEW_RECORD if requester.client_id is not None else Permission.FIND_PERSON


def _check_scopes(requester: Requester, /) -> None:
    scopes = requester.scopes
    if scopes is not None and not (scopes.may_search(PATIENT) and scopes.may_read(PATIENT)):
        raise NotPermitted(
            "This token may not search for patients.",
            code="refused-scope",
            reasons=("Ask for a token with system/Patient.rs, within what the client is registered for.",),
        )


def _may_open(requester: Requester, person: PersonSummary, /, *, now: datetime) -> bool:
    return consent_queries.decide(
        requester=requester, permission=Permission.VIEW_RECORD, person_id=person.person_id, now=now
    ).permitted


def _way(*, person_id: UUID | None, nhs_number: str) -> str:
    if person_id is not None:
        return "id"
    return "nhs-number" if nhs_number.strip() else "name"


def _search(*, nhs_number: str, family: str, given: str, birth_date: date | None) -> list[PersonSummary]:
    """Return who matches: at most one more than the limit, to show that there are more."""
    if nhs_number.strip():
        return queries.people_with_number(nhs_number=_checked_number(nhs_number))
    if not clean_name(text=family):
        raise Invalid("Enter an NHS number, or a surname and a date of birth.", code="missing", field="family")
    if birth_date is None:
        raise Invalid("Enter the date of birth, for example 14 8 1980.", code="missing", field="birth_date")
    return queries.people_with_name(family=family, given=given, birth_date=birth_date)


def _checked_number(text: str) -> str:
    digits = digits_of(text=text)
    if not (digits.isascii() and digits.isdigit() and len(digits) == 10):
        raise Invalid("An NHS number must have 10 digits.", code="nhs-number-length", field="nhs_number")
    number = valid_nhs_number(text=text)
    if not number:
        raise Invalid(
            "This is not a valid NHS number: the check digit is wrong. Check that you entered it correctly.",
            code="nhs-number-check-digit",
            field="nhs_number",
        )
    return number
