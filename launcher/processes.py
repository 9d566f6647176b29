"""Child processes that never outlive whoever started them, and ports that nobody else can take.

Each child has a session of its own (so that Ctrl-C reaches only the launcher, which stops them in order) and is told by
the kernel when the launcher dies, however it dies. That notice is sent when the *thread* that started the child ends:
start children from the main thread.
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
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_told_to_stop = threading.Event()


class StartError(Exception):
    """Something that was to run does not; the message says in a line what, and what to do."""


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
        """Return whether it still runs."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """Return the last line of its log, for a message about its end."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1][:300] if lines else "it said nothing"


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
    """Start a child whose words go to `log`; `say` is what it reads on its standard input."""
    parent = os.getpid()

    def before_exec() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end_with_parent(stop_signal=stop_signal, parent=parent)

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
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


def stop(*, children: Sequence[Child], patience_s: float = 15.0) -> None:
    """Stop children together, politely, then not; return when all are gone."""
    for child in children:
        if child.running():
            child.process.send_signal(child.stop_signal)
    until = time.monotonic() + patience_s
    for child in children:
        try:
            child.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end_session(child)


def _end_session(child: Child) -> None:
    """Kill a child that would not go, with all that it started itself."""
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()


def wait_until(*, ready: Callable[[], bool], child: Child, within_s: float, every_s: float = 0.02) -> None:
    """Wait until `ready` says so.

    Raises: StartError when the child ends first or the time is over; Stopped.
    """
    until = time.monotonic() + within_s
    while not ready():
        _end_if_told()
        if not child.running():
            raise StartError(f"{child.name} stopped while starting: {child.last_words()} (more in {child.log})")
        if time.monotonic() > until:
            raise StartError(f"{child.name} was not ready after {within_s:.0f} s: {child.last_words()} ({child.log})")
        time.sleep(every_s)


def listening_socket(*, port: int = 0, backlog: int = 2048) -> socket.socket:
    """Return a listening socket on loopback for a child to take over by its number.

    Bound *and* listening: two processes may bind one port with SO_REUSEADDR, and the second would fail only later.
    """
    made = _bound_socket(port)
    made.listen(backlog)
    made.set_inheritable(True)
    return made


def reserved_port() -> socket.socket:
    """Return a bound socket that does not listen: it keeps its port from all but a server that sets SO_REUSEADDR."""
    return _bound_socket(0)


def _bound_socket(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def watch(*, children: Sequence[Child], every_s: float = 0.5) -> NoReturn:
    """Wait, until told to stop from outside.

    Raises: StartError when a child ends by itself; Stopped.
    """
    while True:
        _end_if_told()
        for child in children:
            if not child.running():
                raise StartError(f"{child.name} stopped unexpectedly: {child.last_words()} (more in {child.log})")
        time.sleep(every_s)


class Stopped(BaseException):
    """Somebody asked this process to stop."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C, a closed terminal and SIGTERM into Stopped, once: what follows cannot cut the stopping short.

    Python drops what is raised inside a destructor, and a library may catch everything: `watch` and `wait_until` raise
    a Stopped that was lost so once more.
    """
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(*_: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        _told_to_stop.set()
        raise Stopped

    before = {each: signal.signal(each, handle) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        _told_to_stop.clear()


def _end_if_told() -> None:
    if _told_to_stop.is_set():
        raise Stopped
