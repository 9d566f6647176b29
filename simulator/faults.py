"""What can go wrong at a source: the kinds of fault, and the board of faults that are in force now.

Standing faults come from the region's `faults.json`; others are put on the board over HTTP while a server runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

EVERYONE = "*"


class Mode(StrEnum):
    """The ways in which an answer goes wrong."""

    SLOW = "slow"  # answers after `seconds`
    HANG = "hang"  # never answers
    REFUSE = "refuse"  # resets the connection
    STATUS_500 = "status-500"
    STATUS_503 = "status-503"
    HTML = "html"  # a log-in page, status 200
    HALF_JSON = "half-json"  # a whole HTTP answer whose JSON stops half-way
    HUGE = "huge"  # 50 MB
    ANSWER_AS = "answer-as"  # the record of `answer_as`
    INVALID_ENTRY = "invalid-entry"  # one entry that breaks FHIR among the good ones
    EMPTY = "empty"  # knows the person, holds nothing
    UNKNOWN = "unknown"  # does not know the person
    DRIP = "drip"  # a few bytes every `seconds`
    CUT_GZIP = "cut-gzip"  # a gzip stream that stops half-way
    SPINE_ERROR = "spine-error"  # GP Connect only: the error `code`, such as NO_PATIENT_CONSENT


class BadFault(ValueError):
    """The description of a fault is invalid."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault for one person (or everybody), for `times` answers (None: until it is removed)."""

    local_id: str
    mode: Mode
    seconds: float = 2.0
    times: int | None = None
    answer_as: str = ""
    code: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the fault as JSON describes it."""
        return {
            "local_id": self.local_id,
            "mode": str(self.mode),
            "seconds": self.seconds,
            "times": self.times,
            "answer_as": self.answer_as,
            "code": self.code,
        }


def read_fault(*, described: Mapping[str, Any]) -> Fault:
    """Return the fault that JSON describes.

    Raises: BadFault.
    """
    try:
        times = described.get("times")
        return Fault(
            local_id=str(described.get("local_id", EVERYONE)),
            mode=Mode(described["mode"]),
            seconds=float(described.get("seconds", 2.0)),
            times=None if times is None else int(times),
            answer_as=str(described.get("answer_as", "")),
            code=str(described.get("code", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadFault(f"a fault needs a mode, one of: {', '.join(Mode)}") from error


class FaultBoard:
    """The faults in force: at most one per person, and one for everybody else. The latest counts."""

    def __init__(self, *, standing: Iterable[Fault] = ()) -> None:
        self._standing = {fault.local_id: fault for fault in standing}
        self._put_up: dict[str, Fault] = {}

    def put(self, *, fault: Fault) -> None:
        """Add a fault."""
        self._put_up[fault.local_id] = fault

    def clear(self) -> None:
        """Remove every fault that was added; the permanent ones stay."""
        self._put_up.clear()

    def all(self) -> list[Fault]:
        """Return the faults in force."""
        return list({**self._standing, **self._put_up}.values())

    def take(self, *, local_id: str) -> Fault | None:
        """Return the fault for this answer, and count it."""
        for held in (self._put_up, self._standing):
            fault = held.get(local_id) or held.get(EVERYONE)
            if fault is None:
                continue
            if fault.times is not None:
                _count_off(held=held, fault=fault)
            return fault
        return None


def _count_off(*, held: dict[str, Fault], fault: Fault) -> None:
    left = (fault.times or 0) - 1
    if left > 0:
        held[fault.local_id] = replace(fault, times=left)
    else:
        del held[fault.local_id]


class CallCounter:
    """How often the server was asked about whom, so that tests can assert that a question was asked once."""

    def __init__(self) -> None:
        self._by_person: Counter[str] = Counter()
        self._total = 0

    def note(self, *, local_id: str) -> None:
        """Count one request; an empty `local_id` is one about nobody, such as `metadata`."""
        self._total += 1
        if local_id:
            self._by_person[local_id] += 1

    def clear(self) -> None:
        """Reset the counts to zero."""
        self._by_person.clear()
        self._total = 0

    def as_json(self) -> dict[str, object]:
        """Return the counts."""
        return {"total": self._total, "by_local_id": dict(self._by_person)}
