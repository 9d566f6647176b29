"""How an answer is read, as far as it is the same for every kind of source. Pure."""

from __future__ import annotations

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from fhir_data.errors import PayloadFault, PayloadRefused
from fhir_data.splitting import SplitPayload, split

_REASONS = {
    PayloadFault.NOT_FHIR: Reason.NOT_FHIR,
    PayloadFault.TOO_LARGE: Reason.TOO_LARGE,
    PayloadFault.TOO_DEEP: Reason.TOO_DEEP,
}


def split_answer(*, payload: bytes) -> SplitPayload:
    """Split a payload into its entries.

    Raises: Malformed `not-fhir`, `too-large` or `too-deep`.
    """
    try:
        return split(payload=payload)
    except PayloadRefused as refused:
        raise Malformed(_REASONS[refused.fault]) from None


def flaws_notice(*, warnings: tuple[str, ...]) -> tuple[Notice, ...]:
    """Return the notice of what could not be read in the answer's own Patient; none when all could."""
    if not warnings:
        return ()
    text = f"In its details of the patient these could not be read: {', '.join(warnings)}."
    return (Notice(code="resource-warning", text=text, category=RecordCategory.SUPPORTING),)
