"""A connector is called here, and nowhere else. Whatever it does, whoever waits for it gets a value or an Exception.

It runs in a task of its own: what ends a task, such as a SystemExit, would end the loop or another's retrieval, and one
that goes on though it was cancelled is left to itself at its deadline. What a connector of another distribution
gives is read again before it is used.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from aggregator.sources import catalogue
from connectors.contract.errors import SourceError, Unreachable, WrongPatient
from connectors.contract.outcomes import Outcome, Reason, reason_of
from connectors.contract.protocol import Channels, Connector
from connectors.contract.values import CheckedSource, Document, DocumentQuery, Query, Reply, SourceAddress
from connectors.read_again import packed, read_again, unpacked
from connectors.transport.offload import Offload, Work
from connectors.transport.retry import LONGEST_ASKED_S

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How long one that is out of time may take to end: what it closes on its way takes no time, and the outcome must land.
END_S = 0.02
# What may show that an answer is about somebody else, as the contract says.
DISAGREES = frozenset({"nhs_number", "birth_date", "sex", "name", "given", "identifier"})

_left: set[asyncio.Task[Any]] = set()  # a loop itself would let go of them


class ConnectorFault(Exception):
    """A connector did what none may. `name` is the class of what it raised, or says what it did."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


async def ask(*, kind: str, source: SourceAddress, query: Query, channels: Channels) -> Reply:
    """Ask a source by the connector of its kind, until the query's deadline.

    Raises: SourceError; TimeoutError; any other Exception for a fault of the connector's.
    """
    connector = catalogue.connector_for(kind=kind)
    reply = await contained(lambda: connector.ask(source=source, query=query, channels=channels), until=query.deadline)
    if _is_ours(connector):
        return reply
    work = Work(
        function=read_again,
        bodies=(packed(reply, kind=Reply),),
        inputs={"base_url": source.base_url},
        result=Reply,
        connector=type(connector),
    )
    return await channels.get(Offload).do(work, source_id=source.source_id, deadline=query.deadline)


async def check(*, kind: str, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
    """Find out what is at an address by the connector of its kind.

    Raises: as `ask`.
    """
    connector = catalogue.connector_for(kind=kind)
    found = await contained(
        lambda: connector.check(source=source, channels=channels, deadline=deadline), until=deadline
    )
    return found if _is_ours(connector) else _as_promised(found, kind=CheckedSource)


async def fetch_document(*, kind: str, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
    """Fetch a document by the connector of its source's kind, until the query's deadline.

    Raises: as `ask`.
    """
    connector = catalogue.connector_for(kind=kind)
    document = await contained(
        lambda: connector.fetch_document(source=source, query=query, channels=channels), until=query.deadline
    )
    return document if _is_ours(connector) else _as_promised(document, kind=Document)


async def contained(call: Callable[[], Awaitable[T]], /, *, until: float) -> T:
    """Await what a connector does in a task of its own, until a `loop.time()`.

    Raises: TimeoutError then, whether it ends or not; ConnectorFault for what is no Exception; what it raises.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(_only_exceptions(call))
    try:
        await asyncio.wait({task}, timeout=max(0.0, until - loop.time()))
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=END_S)
            if not task.done():
                log.error("connector_goes_on")
            if not task.done() or task.cancelled():
                raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            _left.add(task)
            task.add_done_callback(_let_go)
    if task.cancelled():  # which nobody here did
        raise ConnectorFault("CancelledError")
    try:
        return task.result()
    except SourceError as error:
        _bring_to_contract(error)
        raise


def run_apart(work: Coroutine[Any, Any, T], /) -> T:
    """Run work on an event loop of its own, as `asyncio.run` does, which would wait for a connector that never ends."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=END_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _only_exceptions(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001  a SystemExit would end the loop, and all that runs on it
        raise ConnectorFault(type(error).__name__) from None


def _let_go(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # nobody else asks how it ended


def _bring_to_contract(error: SourceError) -> None:
    """Leave of an error only what the contract says may be in it.

    Raises: ConnectorFault for one that stands for no failure.
    """
    if not isinstance(error.outcome, Outcome) or error.outcome.is_answer:
        raise ConnectorFault(type(error).__name__)
    reason = reason_of(error.reason) if isinstance(error.reason, str) else None
    error.reason = reason if reason is not None and reason.outcome is error.outcome else None
    if isinstance(error, Unreachable):
        error.wait_s = _wait_s(error.wait_s)
    elif isinstance(error, WrongPatient):
        error.reason = Reason.WRONG_PATIENT
        given = error.disagrees if isinstance(error.disagrees, (tuple, list)) else ()
        error.disagrees = tuple(name for name in given if isinstance(name, str) and name in DISAGREES)


def _wait_s(given: object) -> float:
    if not isinstance(given, (int, float)) or not math.isfinite(given):
        return 0.0
    return min(max(0.0, float(given)), LONGEST_ASKED_S)


def _as_promised(value: object, *, kind: type[T]) -> T:
    return unpacked(packed(value, kind=kind), kind=kind)


def _is_ours(connector: Connector) -> bool:
    return type(connector).__module__.partition(".")[0] == "connectors"
