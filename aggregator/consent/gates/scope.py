"""Whether the token of a client is for a patient's record at all. A person acts without one. Pure."""

from __future__ import annotations

from aggregator.accounts.roles import Role
from aggregator.consent.gate import Answer, Case, PersonGate

# Everything in a record is about the patient: who may not read who that is may read nothing of it.
PATIENT = "Patient"


def ask(case: Case) -> Answer:
    """Return whether the requester's token, where there is one, lets them read who the patient is."""
    scopes = case.requester.scopes
    if scopes is None:
        is_client = case.requester.role is Role.CLIENT
        return Answer(passed=not is_client, reason=f"{'A system' if is_client else 'A person'} asks without a token.")
    passed = scopes.may_read(PATIENT)
    reason = f"The access token's scopes {'include' if passed else 'do not include'} reading the Patient."
    return Answer(passed=passed, reason=reason)


GATE = PersonGate(
    name="scope",
    advice="Ask for a token with system/Patient.r, or system/*.rs, within what the client is registered for.",
    ask=ask,
)
