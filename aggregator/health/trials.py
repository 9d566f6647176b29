"""Try a source step by step, and record each step as it is done, for somebody who watches.

The address is judged and connected to by itself first; what comes after is told by how the connector's own check ends.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from queue import SimpleQueue
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from aggregator.federation import asking
from aggregator.federation.reach import configured_reach, open_channels
from aggregator.health import operations
from aggregator.health.checking import MOST_S, ask_what_it_is
from aggregator.health.queries import trial_by_id
from aggregator.health.steps import steps_after_failure, steps_of_check
from aggregator.health.terms import CheckResult, Step, StepState, TrialEnd, TrialStep
from aggregator.record.completeness.words import outcome_words
from aggregator.sources import catalogue
from aggregator.sources.queries import address_at, address_of, source_by_id
from aggregator.sources.secret_files import SUFFIX
from connectors.contract.errors import SourceError
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import CheckedSource, SourceAddress

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
# To find its name, to connect and to ask it, and what it takes to begin and to record.
LONGEST = timedelta(seconds=2 * CONNECT_S + MOST_S + 5)
DEFAULT_PORTS = {"https": 443, "http": 80}
AUTHORITIES = "ca_secret"
# The option that names a proxy in front of a source: every request goes there, and nothing else may reach the source.
PROXY = "ssp_url"

Done = Callable[[tuple[Step, ...]], None]


def run_trial(*, trial_id: UUID, clock: Callable[[], datetime]) -> None:
    """Try what a trial is about; do nothing for one that has ended."""
    trial = trial_by_id(trial_id=trial_id)
    if trial is None or trial.ended_at is not None:
        return
    if trial.settings is not None:
        kind, limit_s = str(trial.settings["kind"]), float(str(trial.settings["time_limit_s"]))
        options = trial.settings["options"]
        address = address_at(
            source_id=str(trial.source_id or trial.id),
            base_url=str(trial.settings["base_url"]).rstrip("/"),
            options={str(name): str(value) for name, value in options.items()} if isinstance(options, dict) else {},
        )
    else:
        source = source_by_id(source_id=trial.source_id) if trial.source_id else None
        if source is None:
            return
        kind, limit_s, address = source.kind, source.time_limit_s, address_of(source=source)
    landed: SimpleQueue[tuple[Step, ...] | TrialEnd] = SimpleQueue()
    thread = threading.Thread(
        target=_run,
        kwargs={"kind": kind, "address": address, "within_s": min(MOST_S, limit_s), "landed": landed},
        name="source-trial",
    )
    thread.start()
    while not isinstance(each := landed.get(), TrialEnd):
        operations.record_steps(trial_id=trial_id, steps=each)
    operations.end_trial(trial_id=trial_id, end=each, now=clock())
    thread.join()


def _run(
    *, kind: str, address: SourceAddress, within_s: float, landed: SimpleQueue[tuple[Step, ...] | TrialEnd]
) -> None:
    reached: list[tuple[Step, ...]] = [()]

    def done(steps: tuple[Step, ...]) -> None:
        reached.append(steps)
        landed.put(steps)

    async def trial() -> None:
        # Said before the loop is closed: that waits for a name server that hangs.
        landed.put(await _try(kind=kind, address=address, within_s=within_s, done=done))

    try:
        asking.run_apart(trial())
    except Exception as error:  # noqa: BLE001  the boundary of a trial: whoever watches is told that it broke
        log.error("trial_broke", error=type(error).__name__)
    finally:
        landed.put(_broken(reached[-1]))  # of two ends the first counts


def _broken(done: tuple[Step, ...]) -> TrialEnd:
    """Return the end of a trial that broke through a fault of ours, after these steps."""
    next_step = list(TrialStep)[len(done)]
    return TrialEnd(steps=steps_after_failure(done=(*done, _failed(next_step, Outcome.FAILED, Reason.OUR_FAULT))))


async def _try(*, kind: str, address: SourceAddress, within_s: float, done: Done) -> TrialEnd:
    asked_at = address.options.get(PROXY) or address.base_url
    first = await _judge_address(asked_at)
    if isinstance(first, Step):
        return TrialEnd(steps=steps_after_failure(done=(first,)))
    steps: tuple[Step, ...] = (Step(step=TrialStep.ADDRESS, state=StepState.DONE),)
    done(steps)
    steps = (*steps, await _connect(first))
    if steps[-1].state is StepState.FAILED:
        return TrialEnd(steps=steps_after_failure(done=steps))
    done(steps)
    uses_tls = urlsplit(asked_at).scheme == "https"
    result, checked = await _ask(kind=kind, address=address, within_s=within_s)
    all_steps = steps_of_check(
        result=result, done=steps, uses_tls=uses_tls, uses_credentials=_uses_credentials(address.options)
    )
    return TrialEnd(
        steps=all_steps if kind in catalogue.kinds() else tuple(map(_without_connector, all_steps)),
        description=checked.words if checked else "",
        holds=tuple(sorted(checked.holds)) if checked and checked.holds is not None else None,
    )


def _without_connector(step: Step) -> Step:
    is_failed = step.state is StepState.FAILED
    return replace(step, detail="Fault on our side: there is no connector for its kind") if is_failed else step


def _uses_credentials(options: Mapping[str, str]) -> bool:
    """Return whether the source is shown a secret of ours; the authorities by which it is judged are none."""
    return any(name.endswith(SUFFIX) and name != AUTHORITIES for name in options)


async def _judge_address(url: str) -> list[tuple[str, int]] | Step:
    """Return where an address leads, or the step that failed."""
    reach = configured_reach()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 443)
    except ValueError:  # such as half an IPv6 address, or a port that there is not
        return Step(step=TrialStep.ADDRESS, state=StepState.FAILED, detail="It cannot be read")
    if not reach.may_speak(scheme=parts.scheme, host=host):
        return _failed(TrialStep.ADDRESS, Outcome.UNREACHABLE, Reason.ADDRESS)
    try:
        async with asyncio.timeout(CONNECT_S):
            addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return Step(step=TrialStep.ADDRESS, state=StepState.FAILED, detail="Its name is not known")
    places = [(str(place[4][0]), port) for place in addresses]
    if not places or not all(reach.includes(address=place) for place, _ in places):
        return _failed(TrialStep.ADDRESS, Outcome.UNREACHABLE, Reason.ADDRESS)
    return places


async def _connect(places: list[tuple[str, int]]) -> Step:
    """Connect, to one of the places that were judged and to no name, and send nothing."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for place, port in places:
        try:
            async with asyncio.timeout(CONNECT_S / len(places)):
                _, writer = await asyncio.open_connection(str(ipaddress.ip_address(place.partition("%")[0])), port)
        except (OSError, TimeoutError):
            continue
        writer.close()
        took_ms = round((loop.time() - began) * 1000)
        return Step(step=TrialStep.CONNECTION, state=StepState.DONE, took_ms=took_ms)
    return _failed(TrialStep.CONNECTION, Outcome.UNREACHABLE, Reason.CONNECTION)


async def _ask(*, kind: str, address: SourceAddress, within_s: float) -> tuple[CheckResult, CheckedSource | None]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcome: Outcome | None = None
    reason: Reason | None = None
    checked = None
    async with open_channels() as channels:
        try:
            checked = await ask_what_it_is(kind=kind, address=address, channels=channels, within_s=within_s)
        except SourceError as error:
            outcome, reason = error.outcome, error.reason
        except Exception as error:  # noqa: BLE001  of a connector, which may be another distribution's, or be gone
            log.error("trial_broke", error=type(error).__name__)
            outcome, reason = Outcome.FAILED, Reason.OUR_FAULT
    return CheckResult(outcome=outcome, reason=reason, took_ms=round((loop.time() - began) * 1000)), checked


def _failed(step: TrialStep, outcome: Outcome, reason: Reason) -> Step:
    return Step(step=step, state=StepState.FAILED, detail=outcome_words(outcome=outcome, reason=reason))
