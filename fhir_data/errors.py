"""What is raised of a payload, or of one entry, that cannot be used. Pure."""

from __future__ import annotations

from enum import StrEnum


class EntryRefused(Exception):
    """One entry cannot be used. `reason` is a code, `detail` names a field and never a value."""

    def __init__(self, *, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class PayloadFault(StrEnum):
    """What is wrong with a payload as a whole."""

    NOT_FHIR = "not-fhir"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"


class PayloadRefused(Exception):
    """A payload as a whole cannot be used."""

    def __init__(self, *, fault: PayloadFault) -> None:
        super().__init__(str(fault))
        self.fault = fault
