"""Join a user to a person in the index: it is their own record. It gives nobody access; officers see what follows."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts import directory
from aggregator.accounts.authority import check_may_say_who
from aggregator.accounts.queries import given_and_family
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scope import organisation_in_sight
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.break_glass.operations import record_join
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.limits import checked_note
from aggregator.mpi.demographics import clean_name, first_given, valid_nhs_number
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import people_with_number


def join_user(
    *,
    requester: Requester,
    user_id: UUID,
    nhs_number: str,
    birth_date: date | None,
    has_other_name: bool = False,
    note: str,
    now: datetime,
) -> UUID:
    """Record which person a user is, and return the join's id. Of the person nothing is told.

    `has_other_name`: the requester has seen that the record has another name than the account, and is sure of it.
    Raises: NotPermitted, also for the requester's own account; NotFound for one that they may not see; Superseded where
    the account is joined already; Invalid naming the input, for the name too.
    """
    with acting(requester, Action.JOIN_USER, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        act.note(user=user_id)
        in_sight = organisation_in_sight(requester=requester)
        found = directory.user(user_id=user_id, organisation_id=in_sight, now=now)
        if found is None:
            raise NotFound
        organisation_ids = [membership.organisation_id for membership in found[1]]
        check_may_say_who(requester=requester, user_id=user_id, organisation_ids=organisation_ids)
        words = checked_note(text=note, ask="Enter how you know who they are", field="note")
        person = _person(nhs_number=nhs_number, birth_date=birth_date)
        act.about(person_id=person.person_id)
        is_same = _has_name_of(person, user_id=user_id)
        act.note(same_name=is_same)
        if not is_same and not has_other_name:
            raise Invalid(
                "The record has another name than this account. Confirm it if it is the same person; if not, check the "
                "NHS number and the date of birth",
                code="other-name",
                field="has_other_name",
            )
        act.begin()
        join = record_join(
            user_id=user_id, person_id=person.person_id, note=words, joined_by=requester.user_id, now=now
        )
        if join is None:
            raise Superseded("This account is joined to a person already. End that first.")
        act.note(join=join.id)
        return join.id


def _person(*, nhs_number: str, birth_date: date | None) -> PersonSummary:
    """Return the one person of this number and birth date. Whether it was the date that differs is not said."""
    number = valid_nhs_number(text=nhs_number)
    if not number:
        raise Invalid("Enter a valid NHS number, of 10 digits", code="nhs-number", field="nhs_number")
    if birth_date is None:
        raise Invalid("Enter the date of birth, for example 14 8 1980", code="birth-date", field="birth_date")
    people = [person for person in people_with_number(nhs_number=number) if person.golden.birth_date == birth_date]
    if len(people) != 1:
        words = "More than one record has" if people else "No record here has"
        raise Invalid(f"{words} this NHS number and this date of birth", code="no-such-person", field="nhs_number")
    return people[0]


def _has_name_of(person: PersonSummary, /, *, user_id: UUID) -> bool:
    given, family = given_and_family(user_id=user_id)
    has_same_family = clean_name(text=family) == clean_name(text=person.golden.family)
    return has_same_family and first_given(text=given) == first_given(text=person.golden.given)
