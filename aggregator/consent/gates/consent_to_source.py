"""Whether the patient lets anything that a source holds be shown to this requester. Pure."""

from __future__ import annotations

from uuid import UUID

from aggregator.consent.gate import Answer, Case, SourceGate


def ask(case: Case, source_id: UUID) -> Answer:
    """Return whether the person's policies leave anything of a source to be shown."""
    passed = case.rules.may_ask(source_id=source_id)
    return Answer(passed=passed, reason="The patient has not objected." if passed else "The patient has objected.")


GATE = SourceGate(name="consent-to-source", ask=ask)
