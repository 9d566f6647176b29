"""What the patient has decided about sharing. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, PersonGate
from aggregator.consent.terms import BasePolicy


def ask(case: Case) -> Answer:
    """Return whether the person has not objected. Deny wins; with no policy on record the basic permit applies."""
    if any(policy.base is not BasePolicy.PERMIT for policy in case.policies):
        return Answer(passed=False, reason="The patient has objected to sharing their record in this service.")
    return Answer(passed=True, reason="The patient has not objected.")


GATE = PersonGate(
    name="consent",
    advice=(
        "The patient's own decision stands. Talk to the patient: they can change it at any time through their "
        "practice. In an emergency, contact the organisations that treat them."
    ),
    ask=ask,
)
