"""Whether the requester's organisation cares for the person now. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aggregator.consent.gate import Answer, Case, PersonGate
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms

# Relationships begin and end on British days.
LONDON = ZoneInfo("Europe/London")
# An organisation that has discharged a patient still writes letters and answers questions for a while.
ATTENDED_GRACE = timedelta(days=90)


def ask(case: Case) -> Answer:
    """Return whether one of the person's relationships is with the requester's organisation, and current."""
    today = case.now.astimezone(LONDON).date()
    organisation_id = case.requester.organisation_id
    for relationship in case.relationships:
        if organisation_id is None or relationship.organisation_id != organisation_id:
            continue
        if _is_current(relationship=relationship, today=today):
            return Answer(passed=True, reason=f"The patient is {relationship.kind.words}.")
    return Answer(passed=False, reason="Your organisation is not recorded as caring for this patient at present.")


def _is_current(*, relationship: RelationshipTerms, today: date) -> bool:
    if relationship.from_date > today:
        return False
    if relationship.until_date is None:
        return True
    grace = ATTENDED_GRACE if relationship.kind is RelationshipKind.ATTENDED else timedelta(0)
    return today <= relationship.until_date + grace


GATE = PersonGate(
    name="relationship",
    advice=(
        "If the patient is in your care, ask your administrator whether their registration or attendance has reached "
        "this service. In an emergency, contact the organisations that treat them."
    ),
    ask=ask,
)
