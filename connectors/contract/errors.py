"""How a source can fail: what a connector raises in place of a Reply.

    SourceError
     +-- UnknownPatient     the source does not know this patient
     +-- Refused            the source would not release the record (reason says why)
     +-- TimedOut           no whole answer inside the time limit
     +-- Unreachable        no connection, or the source says that it is not able to answer now
     +-- Malformed          an answer came that cannot be used (reason says why)
     |    +-- CutShort      the connection ended in the middle of it: what came before it is none the worse
     +-- NotAsked           the guard says that this source may not be called now
     +-- NotRead            an answer came that we had no time to read: no fault of the source's
     +-- NoCredentials      we could not say who is asking: a secret or setting of ours is missing

No message of these errors holds a name, an NHS number, an address or anything that the source sent.
"""

from __future__ import annotations

from typing import ClassVar

from connectors.contract.outcomes import Outcome, Reason


class SourceError(Exception):
    """A source's failure: how it ended and, where it says more than that, why."""

    outcome: ClassVar[Outcome] = Outcome.FAILED

    def __init__(self, reason: Reason | None = None) -> None:
        super().__init__(f"{self.outcome}: {reason}" if reason else str(self.outcome))
        self.reason = reason


class UnknownPatient(SourceError):
    outcome = Outcome.UNKNOWN_PATIENT


class Refused(SourceError):
    outcome = Outcome.REFUSED


class TimedOut(SourceError):
    outcome = Outcome.TIMED_OUT


class Unreachable(SourceError):
    """`wait_s`: for how long the source asks not to be asked again; 0 where it does not say."""

    outcome = Outcome.UNREACHABLE

    def __init__(self, reason: Reason | None = None, *, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Malformed(SourceError):
    outcome = Outcome.MALFORMED


class CutShort(Malformed):
    """The connection ended in the middle of an answer: lost, as one that never came, and worth asking for again."""

    def __init__(self) -> None:
        super().__init__(Reason.TRUNCATED)


class WrongPatient(Malformed):
    """The answer is about somebody else. `disagrees` names what shows it: nhs_number, birth_date, sex, name, given, or
    identifier when the source's own identifier is not the one asked for."""

    def __init__(self, *, disagrees: tuple[str, ...]) -> None:
        super().__init__(Reason.WRONG_PATIENT)
        self.disagrees = disagrees


class NotAsked(SourceError):
    outcome = Outcome.NOT_ASKED


class NotRead(SourceError):
    outcome = Outcome.FAILED


class NoCredentials(SourceError):
    outcome = Outcome.FAILED
