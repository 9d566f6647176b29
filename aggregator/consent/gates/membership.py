"""Whether that by which the requester acts still stands: a user's membership, or a client's registration. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, PersonGate


def ask(case: Case) -> Answer:
    """Return whether the requester still acts for their organisation: who signed in before it ended does not."""
    if case.still_acts:
        return Answer(passed=True, reason="You act for your organisation.")
    return Answer(passed=False, reason="You no longer act for this organisation.")


GATE = PersonGate(
    name="membership",
    advice="Sign in again. If you should still have access, ask your administrator.",
    ask=ask,
)
