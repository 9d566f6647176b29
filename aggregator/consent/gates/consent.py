"""Whether the patient lets anything of their record be opened by this requester. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, PersonGate


def ask(case: Case) -> Answer:
    """Return whether the person's policies leave anything to be shown.

    Refused in the same words whatever was decided: whom else the patient has named is nobody's business.
    """
    if not case.rules.may_open:
        return Answer(passed=False, reason="The patient has objected to sharing their record in this service.")
    return Answer(passed=True, reason="The patient has not objected.")


GATE = PersonGate(
    name="consent",
    advice=(
        "The patient's own decision stands. Talk to the patient: they can change it at any time through their practice."
    ),
    in_emergency="In an emergency, contact the organisations that treat them.",
    ask=ask,
)
