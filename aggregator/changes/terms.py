"""Reading the terms of a change, which came from a form, a file or a request."""

from __future__ import annotations

from datetime import date, datetime

from aggregator.accounts.models import Organisation
from aggregator.accounts.queries import organisation_by_code
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Role
from aggregator.changes.kind import Terms
from aggregator.errors import Invalid
from aggregator.relationships.terms import london_day, start_of_day


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
