"""Find a person: by NHS number, or by surname and date of birth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.mpi import queries
from aggregator.mpi.demographics import clean_name, digits_of, valid_nhs_number
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import SEARCH_LIMIT


@dataclass(frozen=True, kw_only=True)
class PeopleFound:
    """The people who match. `too_many`: more match than are listed, so the search must be narrowed."""

    people: tuple[PersonSummary, ...]
    too_many: bool


def find_person(
    *, requester: Requester, nhs_number: str = "", family: str = "", given: str = "", birth_date: date | None = None
) -> PeopleFound:
    """Return the people who match, at most `SEARCH_LIMIT` of them. The audit has one event per person shown.

    Raises: NotPermitted; Invalid when the number cannot be an NHS number, or too little was entered.
    """
    with acting(requester, Action.FIND_PERSON, needs=Permission.FIND_PERSON) as act:
        people = _search(nhs_number=nhs_number, family=family, given=given, birth_date=birth_date)
        shown = people[:SEARCH_LIMIT]
        act.about_people(person_ids=[person.person_id for person in shown])
        act.note(by="nhs-number" if nhs_number.strip() else "name", found=len(people))
        return PeopleFound(people=tuple(shown), too_many=len(people) > SEARCH_LIMIT)


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
