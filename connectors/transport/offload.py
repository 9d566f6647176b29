"""Large answers are read in a process of their own, so that the event loop is never held by one of them.

Parsing and judging hold Python's global lock, so that a thread would not help. What is small is read on the loop: that
is cheaper, and does not wait for what is large. The process (`reader`) forks once for each piece of work; the fork ends
when its time or its memory is used up, and takes nothing else with it.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Generic

import msgspec

from connectors.contract import errors
from connectors.contract.errors import Malformed, NotRead, SourceError, TimedOut
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Connector
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.transport import frames
from connectors.transport.frames import Failure, Mark, Order
from connectors.transport.pace import Result, Steps, TooMuchForLoop, finish_paced
from fhir_data.size import rough_count
from fhir_data.splitting import SentBody

END_S = 1.0
FORK_DIED = "fork-died"


class FaultApart(Exception):
    """Work in the process ended in a fault of ours, or the process did. `name` is the class of the error there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, kw_only=True)
class OffloadLimits:
    """What the loop may be asked to do, and what the process may use for one piece of work."""

    loop_bytes: int = 256 * 1024
    # Twice an ordinary answer of 200 KB; cut into as many small entries as there can be, it takes 40 ms.
    loop_values: int = 16_000
    # A model that finds each of them wrong takes 20 to 30 ms.
    loop_step_values: int = 1_000
    loop_processor_s: float = 0.25
    at_once: int = 2
    processor_s: float = 7.0
    # Beyond what the process has when it begins. An answer that can be read in that time needs up to 160 MB; two at
    # once, the worker and the process stay under 600 MB.
    memory_bytes: int = 192 * 1024 * 1024
    # Who runs out of time because of us is stopped that much before its deadline, so that it can be told from a source
    # that is slow.
    reserve_s: float = 0.05
    # What comes with more time left than this, and is not read in time, is late because of us.
    last_moment_s: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Work(Generic[Result]):
    """Something to do with bodies that a source sent: `function(bodies=..., **inputs)`, whose steps return a `result`.

    The function is known by its name, and `inputs` are plain values. `connector` is the class whose `warm_up` makes
    beforehand what the function needs, such as models.
    """

    function: Callable[..., Steps[Result]]
    bodies: tuple[bytes, ...]
    result: type[Result]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    connector: type[Connector] | None = None

    @property
    def steps(self) -> Steps[Result]:
        """The steps of the work, to be run here."""
        return self.function(bodies=self.bodies, **self.inputs)


class Offload:
    """Does work on the loop where it is small, otherwise in the process, which is started when it is first needed.

    Of one source one piece of work is done at a time, so that no source has the process to itself.
    """

    def __init__(self, *, limits: OffloadLimits | None = None) -> None:
        self.limits = limits or OffloadLimits()
        self.offloaded = 0  # pieces of work that the process was given
        self._turns = asyncio.Semaphore(self.limits.at_once)
        self._sources: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    async def do(self, work: Work[Result], /, *, source_id: str, deadline: float) -> Result:
        """Do a piece of work and return its result. `deadline` is a `loop.time()`.

        Raises: the SourceError that it ends in; TimedOut for what came at the last moment; NotRead `overload` for what
        came before that and was not done in time; Malformed `too-large` for work that takes too much time or memory;
        FaultApart.
        """
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= self.limits.last_moment_s:
            return await self._do(work, source_id=source_id, deadline=deadline)
        try:
            return await self._do(work, source_id=source_id, deadline=deadline - self.limits.reserve_s)
        except TimedOut:
            raise NotRead(Reason.OVERLOAD) from None

    async def _do(self, work: Work[Result], /, *, source_id: str, deadline: float) -> Result:
        limits = self.limits
        if self._is_small(work.bodies):
            with suppress(TooMuchForLoop):
                return await finish_paced(
                    steps=work.steps,
                    deadline=deadline,
                    step_values=limits.loop_step_values,
                    processor_s=limits.loop_processor_s,
                )
        async with self._turn(source_id=source_id, deadline=deadline):
            return await self._do_apart(work, deadline=deadline)

    def start(self, *, connector: type[Connector]) -> None:
        """Start the process, if it is not running, and have it make beforehand what a connector needs."""
        self._send(Order(connector=frames.name_of(connector)))

    async def close(self) -> None:
        """End the process and whatever it is doing."""
        process, self._process = self._process, None
        if self._control is not None:
            self._control.close()
            self._control = None
        if process is not None:
            try:
                await asyncio.to_thread(process.wait, END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)

    def _is_small(self, bodies: Sequence[bytes], /) -> bool:
        if sum(map(len, bodies)) > self.limits.loop_bytes:
            return False
        return sum(map(_values_in, bodies)) <= self.limits.loop_values

    @asynccontextmanager
    async def _turn(self, *, source_id: str, deadline: float) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(deadline - self.limits.reserve_s):
                    await stack.enter_async_context(self._sources[source_id])
                    await stack.enter_async_context(self._turns)
            except TimeoutError:
                raise NotRead(Reason.OVERLOAD) from None
            yield

    async def _do_apart(self, work: Work[Result], *, deadline: float) -> Result:
        self.offloaded += 1
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with theirs:
                self._send(
                    Order(
                        connector=frames.name_of(work.connector) if work.connector else None,
                        clock_s=max(0.001, deadline - asyncio.get_running_loop().time()),
                        processor_s=self.limits.processor_s,
                        memory_bytes=self.limits.memory_bytes,
                    ),
                    theirs,
                )
            try:
                async with asyncio.timeout_at(deadline):
                    await _send_work(work, connection=ours)
                    return await _result(work, connection=ours)
            except TimeoutError:
                raise TimedOut() from None
            except OSError:
                raise FaultApart(FORK_DIED) from None

    def _send(self, order: Order, *connections: socket.socket) -> None:
        """Give the process an order, and the connection to the work; where it has ended, start another."""
        content, handles = msgspec.msgpack.encode(order), [connection.fileno() for connection in connections]
        message = frames.LENGTH.pack(len(content)) + content
        if self._process is not None and self._process.poll() is None and self._control is not None:
            with suppress(OSError):
                socket.send_fds(self._control, [message], handles)
                return
        socket.send_fds(self._started(), [message], handles)

    def _started(self) -> socket.socket:
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "connectors.transport.reader"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(sys.path)},  # and no secret
                start_new_session=True,  # an interrupt from the terminal is for the worker, which then ends this
            )
        return self._control


def _values_in(body: bytes, /) -> int:
    return body.values if isinstance(body, SentBody) else rough_count(body=body)


async def _send_work(work: Work[Any], *, connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    head = pickle.dumps((work.function, dict(work.inputs), len(work.bodies)))
    for part in (head, *work.bodies):
        await loop.sock_sendall(connection, frames.LENGTH.pack(len(part)))
        await loop.sock_sendall(connection, part)


async def _result(work: Work[Result], *, connection: socket.socket) -> Result:
    """Return what comes of the work. It comes in frames, each so small that reading it takes a millisecond or two."""
    items: list[ReceivedItem] = []
    quarantined: list[QuarantinedEntry] = []
    while True:
        mark, content = await _frame(connection)
        if mark == Mark.ITEMS:
            items += frames.ITEMS.decode(content)
        elif mark == Mark.QUARANTINED:
            quarantined += frames.QUARANTINED.decode(content)
        elif mark == Mark.FAILURE:
            raise _error_of(msgspec.msgpack.decode(content, type=Failure))
        else:
            result = msgspec.msgpack.decode(content, type=work.result)
            if isinstance(result, Reply):
                return replace(result, items=tuple(items), quarantined=tuple(quarantined))
            return result
        await asyncio.sleep(0)


async def _frame(connection: socket.socket) -> tuple[int, bytearray]:
    head = await _received(connection, size=frames.LENGTH.size + 1)
    (size,) = frames.LENGTH.unpack_from(head)
    return head[-1], await _received(connection, size=size)


async def _received(connection: socket.socket, *, size: int) -> bytearray:
    loop = asyncio.get_running_loop()
    buffer = bytearray(size)
    with memoryview(buffer) as view:
        at = 0
        while at < size:
            count = await loop.sock_recv_into(connection, view[at:])
            if not count:
                raise FaultApart(FORK_DIED)  # of the content or of ours, nobody knows
            at += count
    return buffer


def _error_of(failure: Failure, /) -> Exception:
    if failure.error == errors.WrongPatient.__name__:
        return errors.WrongPatient(disagrees=failure.disagrees)
    kinds: dict[str, type[SourceError]] = {
        kind.__name__: kind for kind in (Malformed, errors.Refused, errors.Unreachable, errors.UnknownPatient)
    }
    kind = kinds.get(failure.error)
    return kind(failure.reason) if kind else FaultApart(failure.error)
