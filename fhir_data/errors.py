"""What is raised when a payload, or one entry of it, cannot be read. Pure."""

from __future__ import annotations

from enum import StrEnum


class PayloadFault(StrEnum):
    """Why a payload as a whole cannot be read."""

    NOT_FHIR = "not-fhir"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"


class EntryFault(StrEnum):
    """Why one entry cannot be used."""

    INVALID = "invalid"  # it is not JSON, or not as its type demands
    UNKNOWN_TYPE = "unknown-type"
    DUPLICATE_KEY = "duplicate-key"
    BAD_NUMBER = "bad-number"
    BAD_TEXT = "bad-text"
    BAD_DOCUMENT = "bad-document"
    TOO_DEEP = "too-deep"
    TOO_LARGE = "too-large"
    OTHER_PATIENT = "other-patient"  # it names somebody else, or nothing shows that it is the patient's


class UnreadablePayload(Exception):
    """A payload as a whole cannot be read."""

    def __init__(self, *, fault: PayloadFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class UnreadableEntry(Exception):
    """One entry cannot be read. `detail` names a field and never a value."""

    def __init__(self, *, fault: EntryFault, detail: str = "") -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.detail = detail
