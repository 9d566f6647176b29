"""What can go wrong between a client and a source, and which requests meet it.

Unlike the faults of `faults.py`, which a source has for one person, these are of the connection: the proxy of
`proxy.py` makes them of the answers of any source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from simulator.faults import BadFault

MOST_SECONDS = 3600.0


class Kind(StrEnum):
    """The faults of a connection, by name. `words` say what comes."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Kind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    LATENCY = "latency", "the answer comes `seconds` later"
    JITTER = "jitter", "the answer comes later by a time drawn anew each time, `seconds` at most"
    HANG = "hang", "the request is taken and never answered"
    STALL = "stall", "half of the body comes, and nothing more"
    DRIP = "drip", "the body comes 16 bytes at a time, `seconds` apart"
    RESET = "reset", "the connection is reset before anything comes"
    RESET_IN_HEAD = "reset-in-head", "the connection is reset in the middle of the head"
    RESET_IN_BODY = "reset-in-body", "the connection is reset in the middle of the body"
    TRUNCATED = "truncated", "the connection is closed before as much has come as the length says"
    TRUNCATED_CHUNKS = "truncated-chunks", "the connection is closed before the last chunk"
    TRUNCATED_UNSAID = "truncated-unsaid", "the connection is closed half-way, and no length says so"
    WRONG_BYTES = "wrong-bytes", "a few bytes in the middle of the body are others"
    BAD_STATUS_LINE = "bad-status-line", "the first line is not one of HTTP"
    FALSE_ENCODING = "false-encoding", "the head says gzip, and the body is none"
    REFUSED = "refused", "there is no connection"
    WRONG_CERTIFICATE = "wrong-certificate", "the certificate is of an authority that nobody trusts"
    HANDSHAKE_ABORTED = "handshake-aborted", "the connection is reset in the middle of the TLS handshake"

    @property
    def needs_tls(self) -> bool:
        """Whether there is such a fault only where the connection is encrypted."""
        return self in (Kind.WRONG_CERTIFICATE, Kind.HANDSHAKE_ABORTED)

    @property
    def is_of_connecting(self) -> bool:
        """Whether the client meets it while it connects, so before it has asked anything."""
        return self is Kind.REFUSED or self.needs_tls


@dataclass(frozen=True, kw_only=True)
class ConnectionFault:
    """A fault, and which requests meet it.

    `path` is a regular expression, looked for in a request's path with its query; "" fits any. Of the requests that it
    fits, the `nth` is the first to meet the fault, and `times` says how many do (None: all that follow). A fault of
    connecting is met before there is a request: it begins once the `nth` fitting request has been answered, or at once
    where there is no `path`, and lasts until it is taken away.
    """

    kind: Kind
    path: str = ""
    nth: int = 1
    times: int | None = None
    seconds: float = 1.0

    def as_json(self) -> dict[str, object]:
        """Return the fault as JSON describes it."""
        return {
            "kind": str(self.kind),
            "path": self.path,
            "nth": self.nth,
            "times": self.times,
            "seconds": self.seconds,
        }


def read_connection_fault(*, described: Mapping[str, Any]) -> ConnectionFault:
    """Return the fault that JSON describes.

    Raises: BadFault.
    """
    try:
        times = described.get("times")
        fault = ConnectionFault(
            kind=Kind(described["kind"]),
            path=str(described.get("path", "")),
            nth=int(described.get("nth", 1)),
            times=None if times is None else int(times),
            seconds=float(described.get("seconds", 1.0)),
        )
        re.compile(fault.path)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, re.error) as error:
        raise BadFault(f"a fault needs a kind, one of: {', '.join(Kind)}") from error
    if fault.nth < 1 or (fault.times is not None and fault.times < 1) or not 0 <= fault.seconds <= MOST_SECONDS:
        raise BadFault("nth and times are at least 1, and seconds from 0 to 3600")
    if fault.kind.is_of_connecting and fault.times is not None:
        raise BadFault(f"{fault.kind} lasts until it is taken away: it has no times")
    return fault


class ConnectionFaults:
    """The fault in force at one proxy, if any; the latest counts."""

    def __init__(self) -> None:
        self.current: ConnectionFault | None = None
        self._fitting = 0
        self._met = 0

    def put(self, *, fault: ConnectionFault | None) -> None:
        """Put a fault in place of the one before; None: no fault any more."""
        self.current = fault
        self._fitting = self._met = 0

    def take(self, *, path: str) -> ConnectionFault | None:
        """Return the fault that a request of this path meets, and count it. One of connecting begins after it."""
        fault = self.current
        if fault is None or not re.search(fault.path, path):
            return None
        self._fitting += 1
        if self._fitting < fault.nth or (fault.times is not None and self._met >= fault.times):
            return None
        self._met += 1
        return fault


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A part of a schedule: so many seconds with a fault, or with none."""

    fault: ConnectionFault | None
    lasts_s: float


WELL = "well"


def read_schedule(*, text: str) -> tuple[Turn, ...]:
    """Return the schedule that words describe, such as "well:30,refused:120".

    Raises: BadFault.
    """
    turns = []
    for part in text.split(","):
        name, _, seconds = part.strip().partition(":")
        try:
            lasts_s = float(seconds)
        except ValueError:
            lasts_s = 0.0
        if not 0 < lasts_s <= MOST_SECONDS:
            raise BadFault(f"a part of a schedule is a name and how many seconds it lasts, as in {WELL}:30")
        fault = None if name == WELL else read_connection_fault(described={"kind": name})
        turns.append(Turn(fault=fault, lasts_s=lasts_s))
    return tuple(turns)
