"""The process that reads large answers: `python -m connectors.transport.reader`, started by `offload`.

It takes orders from the worker on its standard input, a socket, and forks for each piece of work, so that models are
made once and every fork begins alike. A fork writes its result to a connection of its own. Nothing of what a source
sent is printed or logged here. The process ends when the worker closes the socket, or is gone.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import resource
import signal
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from connectors.contract.errors import Malformed, SourceError, WrongPatient
from connectors.contract.outcomes import Reason
from connectors.transport.frames import LENGTH, Failure, Frame, Mark, Order, frames_of
from connectors.transport.pace import finish

# Work gives way to the worker's loop.
NICENESS = 5
_STATM = Path("/proc/self/statm")


class _OutOfTime(BaseException):
    """The processor time of a piece of work is used up. No handler of errors on the way may take it for its own."""


def main() -> None:
    """Take orders until the worker is gone."""
    with socket.socket(fileno=os.dup(0)) as control:
        running: set[int] = set()
        while True:
            head, handles, _, _ = socket.recv_fds(control, LENGTH.size, 1)
            if not head:
                break
            running -= _ended()
            (size,) = LENGTH.unpack(head)
            order = msgspec.msgpack.decode(_read(control, size=size), type=Order)
            if order.connector:
                _warm_up(order.connector)
            for handle in handles:
                pid = os.fork()
                if pid == 0:
                    control.close()
                    _work(order=order, handle=handle)
                running.add(pid)
                os.close(handle)
    for pid in running - _ended():
        os.kill(pid, signal.SIGKILL)


@cache
def _warm_up(name: str, /) -> None:
    module, _, connector = name.partition(":")
    getattr(importlib.import_module(module), connector)().warm_up()
    gc.collect()
    gc.freeze()


def _ended() -> set[int]:
    """Return the forks that have ended since it was last asked."""
    ended: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.add(pid)


def _work(*, order: Order, handle: int) -> None:
    """Do one piece of work and end this fork, whatever happens."""
    try:
        # The library that reads may write what it reads into a warning.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        _limit(order)
        with socket.socket(fileno=handle) as connection:
            try:
                frames = [*frames_of(_result(connection))]
            except SourceError as error:
                disagrees = error.disagrees if isinstance(error, WrongPatient) else ()
                frames = [_failure(error=type(error).__name__, reason=error.reason, disagrees=disagrees)]
            except (MemoryError, _OutOfTime):
                frames = [_failure(error=Malformed.__name__, reason=Reason.TOO_LARGE)]
            except Exception as error:  # noqa: BLE001  a fault of ours; its text may hold what was sent
                frames = [_failure(error=type(error).__name__)]
            for frame in frames:
                connection.sendall(frame.head)
                connection.sendall(frame.content)
    finally:
        os._exit(0)


def _failure(*, error: str, reason: Reason | None = None, disagrees: tuple[str, ...] = ()) -> Frame:
    content = msgspec.msgpack.encode(Failure(error=error, reason=reason, disagrees=disagrees))
    return Frame(mark=Mark.FAILURE, content=content)


def _limit(order: Order, /) -> None:
    """Limit the time and, where there is /proc, the memory of this fork.

    By the clock it ends without a word: its worker has given up, too.
    """
    os.nice(NICENESS)
    signal.setitimer(signal.ITIMER_REAL, order.clock_s)
    signal.signal(signal.SIGPROF, _out_of_time)
    signal.setitimer(signal.ITIMER_PROF, order.processor_s)
    if not _STATM.exists():
        return
    pages = int(_STATM.read_text().split()[0])
    most = pages * resource.getpagesize() + order.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _out_of_time(_number: int, _frame: FrameType | None, /) -> None:
    raise _OutOfTime


def _result(connection: socket.socket, /) -> object:
    function: Callable[..., Any]
    # From the worker, which is trusted, and holds nothing that a source sent.
    function, inputs, count = pickle.loads(_received(connection))  # noqa: S301
    bodies = tuple(_received(connection) for _ in range(count))
    return finish(steps=function(bodies=bodies, **inputs))


def _received(connection: socket.socket, /) -> bytes:
    (size,) = LENGTH.unpack(_read(connection, size=LENGTH.size))
    return bytes(_read(connection, size=size))


def _read(connection: socket.socket, /, *, size: int) -> bytearray:
    buffer = bytearray(size)
    with memoryview(buffer) as view:
        at = 0
        while at < size:
            count = connection.recv_into(view[at:])
            if not count:
                raise EOFError
            at += count
    return buffer


if __name__ == "__main__":
    main()
