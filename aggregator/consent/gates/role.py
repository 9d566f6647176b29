"""Whether this kind of user may do this at all. Pure."""

from __future__ import annotations

from aggregator.consent.gate import Answer, Case, PersonGate


def ask(case: Case) -> Answer:
    """Return whether the requester's role carries the permission."""
    passed = case.requester.may(case.permission)
    return Answer(passed=passed, reason=f"Your role, {case.requester.role}, {'may' if passed else 'may not'} do this.")


GATE = PersonGate(name="role", advice="Ask your administrator whether your role should include this.", ask=ask)
