"""A source that is examined by the checks of its kind, over real HTTP: what was found of each point."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from connectors.contract.conformance import Examination, Finding, PointVerdict, conformance_of
from connectors.contract.values import Asker, Identifier, SourceAddress
from connectors.promises.serving import LOOPBACK
from connectors.promises.stage import ASKER
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from connectors.transport.limits import TransportLimits
from tests.contract.loopback import CONNECTORS, CORRELATION

# Without retries, so that a fault is met once.
LIMITS = TransportLimits(retries=0)


async def examined(
    *,
    kind: str,
    base: str,
    patient: Identifier | None = None,
    patient_withheld: Identifier | None = None,
    asker: Asker | None = ASKER,
    options: Mapping[str, str] | None = None,
    secrets: Mapping[str, Path] | None = None,
) -> dict[str, Finding]:
    """Return what was found of each point of the kind's standard, by its id."""
    conformance = conformance_of(CONNECTORS[kind])
    assert conformance is not None
    found: dict[str, Finding] = {}
    examination = Examination(
        patient=patient,
        patient_withheld=patient_withheld,
        asker=asker,
        request_s=5.0,
        deadline=asyncio.get_running_loop().time() + 20.0,
        correlation_id=CORRELATION,
    )
    address = SourceAddress(source_id="source-1", base_url=base, options=options or {}, secrets=secrets or {})
    async with LoopChannels(HttpTransport(limits=LIMITS, reach=LOOPBACK)) as channels:
        await conformance.examine(source=address, examination=examination, channels=channels, tell=found.__setitem__)
    assert list(found) == [point.id for point in conformance.points]
    return found


def with_verdict(found: Mapping[str, Finding], verdict: PointVerdict, /) -> set[str]:
    """Return the points of a verdict."""
    return {name for name, finding in found.items() if finding.verdict is verdict}
