"""The CPU time and the memory of a process with all that it started, read from outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED, linux/posix-timers.h: the clock of a process is (~pid << 3) | this


def cpu_ms(*, pids: Sequence[int]) -> list[float]:
    """Return the CPU milliseconds that each process and its descendants have used, ended descendants included."""
    if not (_PROC / "self" / "stat").exists():
        return _cpu_ms_by_ps(pids=pids)
    parents = _parents_by_proc()
    return [sum(_own_ms(pid=one) + _ended_ms(pid=one) for one in _family(pid=pid, parents=parents)) for pid in pids]


def memory_mb(*, pid: int) -> float:
    """Return the memory of a process and its descendants; what several share counts once. 0 without /proc."""
    if not (_PROC / "self" / "stat").exists():
        return 0.0
    return sum(_share_mb(pid=one) for one in _family(pid=pid, parents=_parents_by_proc()))


def _share_mb(*, pid: int) -> float:
    """Return the proportional set size of a process, 0 for one that has ended meanwhile."""
    with suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _own_ms(*, pid: int) -> float:
    """In nanoseconds where the kernel gives them: `stat` counts whole hundredths of a second."""
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK) * 1000
    except OSError:
        return 0.0  # it has ended meanwhile


def _ended_ms(*, pid: int) -> float:
    """Return what a process's ended children used, as it was told when they ended."""
    fields = _stat(pid=pid)
    return (int(fields[13]) + int(fields[14])) * 1000 / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _stat(*, pid: int) -> list[str]:
    """Return the fields after the name, the state first; empty when the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parents_by_proc() -> dict[int, int]:
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (fields := _stat(pid=int(folder.name))):
            found[int(folder.name)] = int(fields[1])
    return found


def _family(*, pid: int, parents: dict[int, int]) -> Iterable[int]:
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for child, parent in parents.items() if parent == one]


def _cpu_ms_by_ps(*, pids: Sequence[int]) -> list[float]:
    """For systems without /proc; children that have ended are not in it."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,time="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    used = {int(row[0]): _as_ms(text=row[2]) for row in rows}
    parents = {int(row[0]): int(row[1]) for row in rows}
    return [sum(used.get(one, 0.0) for one in _family(pid=pid, parents=parents)) for pid in pids]


def _as_ms(*, text: str) -> float:
    """Source: POSIX, ps: [[dd-]hh:]mm:ss, with hundredths on some systems."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return (int(days or 0) * 86_400 + seconds) * 1000
