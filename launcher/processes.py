"""Child processes that never outlive the process that started them, and ports that nobody else can take.

Each child has a session of its own, so that Ctrl-C reaches only the launcher, which stops them in order. The kernel
signals it when the launcher dies, for whatever reason. It does so when the *thread* that started the child ends, so
children must be started from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_stop_requested = threading.Event()


class StartError(Exception):
    """Something could not be started; the message says in one line what, and what to do."""


@dataclass(frozen=True)
class Account:
    """An unprivileged user to run as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """A process that we started."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    log: Path

    def running(self) -> bool:
        """Return whether it is still running."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """Return the last line of its log, for a message about its end."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


def end_with_parent(*, stop_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel to send `stop_signal` to this process when its parent dies (Linux; elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os.kill(os.getpid(), stop_signal)


def start(
    *,
    name: str,
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    pass_fds: Iterable[int] = (),
    folder: Path | str = "/",
    say: str = "",
) -> Child:
    """Start a child whose output goes to `log`, for its owner only; `say` is sent to its standard input."""
    parent = os.getpid()

    def before_exec() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end_with_parent(stop_signal=stop_signal, parent=parent)

    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab", opener=_for_owner_only) as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE if say else subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            preexec_fn=before_exec,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    if process.stdin:
        process.stdin.write(say.encode())
        process.stdin.close()
    return Child(name=name, process=process, stop_signal=stop_signal, log=log)


def _for_owner_only(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # one of an earlier version
    return descriptor


def stop(*, children: Sequence[Child], timeout_s: float = 15.0) -> None:
    """Stop children together, first with their stop signal, then by force; return when all have ended."""
    for child in children:
        if child.running():
            child.process.send_signal(child.stop_signal)
    until = time.monotonic() + timeout_s
    for child in children:
        try:
            child.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end_session(child)


def _end_session(child: Child) -> None:
    """Kill a child that did not stop, with everything that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()


def wait_until(*, ready: Callable[[], bool], child: Child, within_s: float, every_s: float = 0.02) -> None:
    """Wait until `ready` returns True.

    Raises: StartError when the child ends first or after `within_s`; Stopped.
    """
    until = time.monotonic() + within_s
    while not ready():
        raise_if_stopped()
        if not child.running():
            raise StartError(f"{child.name} stopped while starting: {child.last_words()} (more in {child.log})")
        if time.monotonic() > until:
            raise StartError(f"{child.name} was not ready after {within_s:.0f} s: {child.last_words()} ({child.log})")
        time.sleep(every_s)


def listening_socket(*, port: int = 0, backlog: int = 2048) -> socket.socket:
    """Return a listening socket on loopback for a child to take over by its number.

    Bound *and* listening: two processes may bind one port with SO_REUSEADDR, and the second would fail only later.
    """
    listening = _bound_socket(port)
    listening.listen(backlog)
    listening.set_inheritable(True)
    return listening


def reserved_port(*, port: int = 0) -> socket.socket:
    """Return a bound socket that does not listen: it keeps its port from all but a server that sets SO_REUSEADDR."""
    return _bound_socket(port)


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound


class Stopped(BaseException):
    """Somebody asked this process to stop."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C, a closed terminal and SIGTERM into Stopped, once: later signals cannot interrupt the stopping.

    Python drops exceptions raised in a destructor, and a library may catch everything: `supervise` and `wait_until`
    raise a Stopped that was lost in this way again.
    """
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(*_: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        _stop_requested.set()
        raise Stopped

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stop_requested.clear()


def raise_if_stopped() -> None:
    """Raise Stopped if somebody asked for it and it was lost on its way."""
    if _stop_requested.is_set():
        raise Stopped
