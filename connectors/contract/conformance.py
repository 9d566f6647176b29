"""What the standard of a kind of source demands, point by point, and what was found of each at one source. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from connectors.contract.protocol import Channels
from connectors.contract.values import Asker, Identifier, SourceAddress


class PointLevel(StrEnum):
    """How strongly a standard asks for a point."""

    words: str

    def __new__(cls, value: str, words: str = "") -> PointLevel:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    REQUIRED = "required", "required"
    RECOMMENDED = "recommended", "recommended"


class PointVerdict(StrEnum):
    """What was found of a point. MET and MISSED: the source was asked, and its answer showed it."""

    words: str

    def __new__(cls, value: str, words: str = "") -> PointVerdict:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    MET = "met", "met"
    MISSED = "missed", "missed"
    NOT_TESTABLE = "not-testable", "not testable"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One thing that a standard demands of a source.

    `id` stays the same from build to build, so that reports can be compared. `clause` is the specification and its
    section, `address` where anybody can read it.
    """

    id: str
    level: PointLevel
    demand: str
    clause: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found of a point. `evidence` says it in counts, status codes and names of types: nothing that the source
    sent of a patient, and no text of its own."""

    verdict: PointVerdict
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Examination:
    """With what a source is examined.

    `patient` is a test patient, under an identifier by which the source holds them; None: no record is read.
    `patient_withheld` is one whose record the source is to refuse. `asker` is in whose name it is asked, None where
    nobody was named. `request_s` is how long one request may take, and `deadline` is as a query's, for all of them.
    """

    patient: Identifier | None
    patient_withheld: Identifier | None
    asker: Asker | None
    request_s: float
    deadline: float
    correlation_id: UUID


class Conformance(Protocol):
    """How sources of one kind are examined: what `conformance` of a connector is, where it has any."""

    @property
    def points(self) -> tuple[Point, ...]:
        """Return what the standard demands, in the order in which it is told."""
        ...

    async def examine(
        self,
        *,
        source: SourceAddress,
        examination: Examination,
        channels: Channels,
        tell: Callable[[str, Finding], None],
    ) -> None:
        """Look at each point in turn, and tell its id and what was found as soon as that is known.

        Raises: NoCredentials for a secret or option of ours; TimeoutError at the deadline. Whatever the source does is
        a finding.
        """
        ...


def conformance_of(connector: object, /) -> Conformance | None:
    """Return how sources of a connector's kind are examined; None where its kind declares no points."""
    declared: Conformance | None = getattr(connector, "conformance", None)
    return declared if declared is not None and declared.points else None


def are_points(points: object, /) -> bool:
    """Whether what a kind declares is points, each with an id of its own."""
    if not isinstance(points, tuple) or not all(isinstance(point, Point) for point in points):
        return False
    return len({point.id for point in points}) == len(points)
