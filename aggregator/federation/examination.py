"""Has a source examined by the connector of its kind, and keeps what was found as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import structlog

from aggregator.errors import Invalid
from aggregator.federation import asking
from aggregator.federation.reach import open_channels
from aggregator.limits import printable
from aggregator.record.completeness.words import outcome_words
from aggregator.sources import catalogue
from connectors.contract.conformance import (
    Conformance,
    Examination,
    Finding,
    Point,
    PointVerdict,
    are_points,
    conformance_of,
)
from connectors.contract.errors import SourceError
from connectors.contract.values import Asker, Identifier, SourceAddress

log = structlog.get_logger(__name__)

# Evidence is words of a connector's: of another distribution's it may be anything.
MOST_EVIDENCE = 500
OUT_OF_TIME = Finding(verdict=PointVerdict.NOT_TESTABLE, evidence="there was no time left for it")
NOT_SAID = Finding(verdict=PointVerdict.NOT_TESTABLE, evidence="the connector said nothing of it")

Told = Callable[[Point, Finding], None]


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found of each point of a kind's standard. `is_whole`: each was looked at."""

    findings: tuple[tuple[Point, Finding], ...]
    is_whole: bool


def points_of(*, kind: str) -> Conformance:
    """Return how sources of a kind are examined.

    Raises: Invalid for a kind that is not declared, and for one that declares no points.
    """
    conformance = conformance_of(catalogue.connector_for(kind=kind))
    if conformance is None:
        raise Invalid("This kind declares no points: there is nothing to examine a source by.", code="no-points")
    if not are_points(conformance.points):
        raise Invalid("Fault on our side: the points that this kind declares cannot be used.", code="broke")
    return conformance


def examine(
    *,
    kind: str,
    address: SourceAddress,
    patient: Identifier | None,
    patient_withheld: Identifier | None,
    asker: Asker | None,
    request_s: float,
    within_s: float,
    told: Told,
) -> Examined:
    """Hold a source against each point of its standard; `told` is called with each finding as it lands.

    Raises: Invalid, also where a secret or option of ours is missing and where the connector broke. Must not run in a
    transaction: it waits.
    """
    conformance = points_of(kind=kind)
    points = {point.id: point for point in conformance.points}
    found: dict[str, Finding] = {}

    def tell(point_id: str, finding: Finding) -> None:
        if point_id in points and point_id not in found:
            said = Finding(
                verdict=PointVerdict(finding.verdict), evidence=printable(str(finding.evidence))[:MOST_EVIDENCE]
            )
            found[point_id] = said
            told(points[point_id], said)

    async def run() -> bool:
        deadline = asyncio.get_running_loop().time() + within_s
        examination = Examination(
            patient=patient,
            patient_withheld=patient_withheld,
            asker=asker,
            request_s=request_s,
            deadline=deadline,
            correlation_id=uuid4(),
        )
        async with open_channels() as channels:
            try:
                await asking.contained(
                    lambda: conformance.examine(source=address, examination=examination, channels=channels, tell=tell),
                    until=deadline,
                )
            except TimeoutError:
                return False
        return True

    try:
        is_in_time = asking.run_apart(run())
    except SourceError as error:
        words = outcome_words(outcome=error.outcome, reason=error.reason or "")
        raise Invalid(f"{words}. The source was not examined.", code="not-examined") from None
    except Exception as error:  # noqa: BLE001  of a connector, which may be another distribution's
        log.error("examination_broke", error=type(error).__name__)
        raise Invalid("Fault on our side: the connector broke while it examined the source.", code="broke") from None
    rest = NOT_SAID if is_in_time else OUT_OF_TIME
    findings = tuple((point, found.get(point.id, rest)) for point in conformance.points)
    return Examined(findings=findings, is_whole=len(found) == len(points))
