"""Whether the requester, or their organisation, cares for the person now. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, PersonGate
from aggregator.relationships.terms import RelationshipTerms, is_current


def ask(case: Case) -> Answer:
    """Return whether one of the person's relationships is with the requester's organisation, or them, and current.

    Who has broken the glass needs none.
    """
    for relationship in case.relationships:
        if _is_with(case, relationship) and is_current(relationship=relationship, now=case.now):
            return Answer(passed=True, reason=f"The patient is {relationship.kind.words}.")
    if case.emergency is not None:
        return Answer(passed=True, reason="You have opened this record in an emergency.")
    return Answer(
        passed=False,
        reason="Neither you nor your organisation is recorded as caring for this patient at present.",
    )


def _is_with(case: Case, relationship: RelationshipTerms, /) -> bool:
    """Return whether a relationship is the requester's: one that names a user is that user's, where they act for it."""
    if case.requester.organisation_id is None or relationship.organisation_id != case.requester.organisation_id:
        return False
    return relationship.user_id is None or relationship.user_id == case.requester.user_id


GATE = PersonGate(
    name="relationship",
    advice=(
        "If the patient is in your care, ask your administrator whether their registration or attendance has reached "
        "this service."
    ),
    in_emergency="In an emergency, contact the organisations that treat them.",
    ask=ask,
)
