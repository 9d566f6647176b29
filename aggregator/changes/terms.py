"""Reading the terms of a change, which came from a form, a file or a request."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aggregator.accounts.models import Organisation
from aggregator.accounts.queries import organisation_by_code
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Role
from aggregator.accounts.scope import organisation_in_sight
from aggregator.changes.kind import Terms
from aggregator.errors import Invalid, NotFound
from aggregator.mpi.demographics import whole_date
from aggregator.mpi.queries import person_summary
from aggregator.relationships.listing import CareTeamSummary
from aggregator.relationships.queries import care_team
from aggregator.relationships.terms import OF_ORGANISATIONS, RelationshipKind, check_days, london_day, start_of_day


def organisation_of(terms: Terms, /) -> Organisation:
    """Return the organisation that the terms name by its ODS code.

    Raises: Invalid.
    """
    organisation = organisation_by_code(ods_code=terms.get("organisation_ods", ""))
    if organisation is None:
        raise Invalid("No organisation has this ODS code here.", code="organisation", field="organisation_ods")
    return organisation


def role_of(terms: Terms, /) -> Role:
    """Return the role that the terms name.

    Raises: Invalid.
    """
    role = next((role for role in MEMBERSHIP_ROLES if role.value == terms.get("role")), None)
    if role is None:
        raise Invalid("Select a role", code="role", field="role")
    return role


def start_of(terms: Terms, /, *, now: datetime) -> datetime:
    """Return when what is given begins: at once, or at the beginning of a British day to come.

    Raises: Invalid for what is no date, and for a day of the past.
    """
    text = terms.get("from_date", "")
    if not text:
        return now
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Enter a real date, for example 14 8 2026", code="date", field="from_date") from None
    today = london_day(now)
    if day < today:
        raise Invalid("Enter today's date or a later one", code="past", field="from_date")
    return now if day == today else start_of_day(day)


def id_of(terms: Terms, name: str, /) -> UUID:
    """Return an id of the terms.

    Raises: NotFound for what cannot be one.
    """
    try:
        return UUID(terms.get(name, ""))
    except ValueError:
        raise NotFound from None


def person_of(terms: Terms, /) -> UUID:
    """Return the person whom the terms name, or whom they were joined to.

    Raises: NotFound.
    """
    person = person_summary(person_id=id_of(terms, "person_id"))
    if person is None:
        raise NotFound
    return person.person_id


def team_of(terms: Terms, /, *, requester: Requester, now: datetime) -> CareTeamSummary:
    """Return the care team that the terms name.

    Raises: NotFound, also for one that the requester may not act for; Invalid for one that has ended.
    """
    in_sight = organisation_in_sight(requester=requester)
    team = care_team(team_id=id_of(terms, "team_id"), organisation_id=in_sight, now=now)
    if team is None:
        raise NotFound
    if team.has_ended:
        raise Invalid("This team has been ended. Add another one.", field="team_id")
    return team


def relationship_kind_of(terms: Terms, /) -> RelationshipKind:
    """Return how an organisation is to care for a person.

    Raises: Invalid.
    """
    if terms.get("kind") not in OF_ORGANISATIONS:
        raise Invalid("Select how the organisation cares for the patient", field="kind")
    return RelationshipKind(terms["kind"])


def days_of(terms: Terms, /) -> tuple[date, date | None]:
    """Return the first day and the last, which may both be past; None: open.

    Raises: Invalid.
    """
    from_date, until_date = (_day_of(terms, name) for name in ("from_date", "until_date"))
    if from_date is None:
        raise Invalid("Enter the first day, for example 14 8 2026", field="from_date")
    check_days(from_date=from_date, until_date=until_date)
    return from_date, until_date


def days_words(terms: Terms, /) -> str:
    """Return from when until when, as the end of a sentence."""
    until = f" until {terms['until_date']}" if terms.get("until_date") else ""
    return f", from {terms['from_date']}{until}"


def _day_of(terms: Terms, name: str, /) -> date | None:
    text = terms.get(name, "")
    day = whole_date(text=text)
    if text and day is None:
        raise Invalid("Enter a real date, for example 14 8 2026", field=name)
    return day
