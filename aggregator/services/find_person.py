"""Find a person: by NHS number, or by surname and date of birth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.errors import Invalid, NotPermitted
from aggregator.mpi import queries
from aggregator.mpi.demographics import clean_name, digits_of, valid_nhs_number
from aggregator.mpi.golden import GoldenRecord as GoldenRecord
from aggregator.mpi.queries import SEARCH_LIMIT
from aggregator.mpi.queries import PersonSummary as PersonSummary

ACTION = "find-person"


@dataclass(frozen=True, kw_only=True)
class Found:
    """`too_many`: more people than are listed fit, so the search must be narrowed."""

    people: tuple[PersonSummary, ...]
    too_many: bool


def find_person(
    *, requester: Requester, nhs_number: str = "", family: str = "", given: str = "", birth_date: date | None = None
) -> Found:
    """Return the people who fit. Each person shown is one event in the audit.

    Raises: NotPermitted; Invalid when the number cannot be an NHS number, or too little was given.
    """
    if not requester.may(Permission.FIND_PERSON):
        raise trail.refuse(requester=requester, action=ACTION, error=NotPermitted("You may not search for people."))
    try:
        _check(nhs_number=nhs_number, family=family, birth_date=birth_date)
    except Invalid as error:
        raise trail.refuse(requester=requester, action=ACTION, error=error, outcome=trail.FAILED) from None
    with transaction.atomic():
        if nhs_number.strip():
            found = queries.people_with_number(nhs_number=valid_nhs_number(text=nhs_number))
        else:
            assert birth_date is not None  # noqa: S101  _check saw to it; for the type checker
            found = queries.people_with_name(family=family, given=given, birth_date=birth_date)
        shown = found[:SEARCH_LIMIT]
        detail = {"by": "nhs-number" if nhs_number.strip() else "name", "found": len(found)}
        for person in shown:
            trail.append(requester=requester, action=ACTION, person_id=person.person_id, detail=detail)
        if not shown:
            trail.append(requester=requester, action=ACTION, detail=detail)
    return Found(people=tuple(shown), too_many=len(found) > SEARCH_LIMIT)


def _check(*, nhs_number: str, family: str, birth_date: date | None) -> None:
    if nhs_number.strip():
        digits = digits_of(text=nhs_number)
        if not (digits.isascii() and digits.isdigit() and len(digits) == 10):
            raise Invalid("An NHS number has 10 digits.", code="nhs-number-length", field="nhs_number")
        if not valid_nhs_number(text=nhs_number):
            raise Invalid(
                "This is not a valid NHS number: its last digit does not fit the others. Check it for a slip.",
                code="nhs-number-check-digit",
                field="nhs_number",
            )
        return
    if not clean_name(text=family):
        raise Invalid("Enter an NHS number, or a surname and a date of birth.", code="missing", field="family")
    if birth_date is None:
        raise Invalid("Enter the date of birth, such as 14 8 1980.", code="missing", field="birth_date")
