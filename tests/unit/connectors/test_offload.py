"""Large answers are read in a process of its own: what goes there, what it may use, and how it ends.

The work of these tests is done by functions of this module, which the process imports by its name.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, NotRead, Refused, SourceError, TimedOut, WrongPatient
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.transport.offload import FaultApart, Offload, OffloadLimits, Work
from connectors.transport.pace import Result, Steps
from fhir_data.errors import EntryFault

PROJECT = Path(__file__).resolve().parents[3]
LARGE = b" " * (OffloadLimits().loop_bytes + 1)
SECRET = "Zzyzx-Payload-Mark"


def process_id(*, bodies: Sequence[bytes]) -> Steps[int]:
    yield None
    return os.getpid()


def heavy_step(*, bodies: Sequence[bytes]) -> Steps[int]:
    yield OffloadLimits().loop_step_values + 1
    return os.getpid()


def light_step(*, bodies: Sequence[bytes]) -> Steps[int]:
    yield OffloadLimits().loop_step_values
    return os.getpid()


def many_steps(*, bodies: Sequence[bytes]) -> Steps[int]:
    until = time.thread_time() + 2 * OffloadLimits().loop_processor_s
    while time.thread_time() < until:
        yield None
    return os.getpid()


def busy(*, bodies: Sequence[bytes], seconds: float) -> Steps[int]:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    yield None
    return os.getpid()


def idle(*, bodies: Sequence[bytes], seconds: float) -> Steps[int]:
    time.sleep(seconds)
    yield None
    return os.getpid()


def endless(*, bodies: Sequence[bytes]) -> Steps[int]:
    while True:
        time.sleep(0.001)
        yield None


def greedy(*, bodies: Sequence[bytes], size: int) -> Steps[int]:
    hoard = bytearray(size)
    yield None
    return len(hoard)


def killed(*, bodies: Sequence[bytes]) -> Steps[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield None
    return 0


def surroundings(*, bodies: Sequence[bytes]) -> Steps[tuple[list[str], list[str], int]]:
    yield None
    frameworks = [name for name in ("django", "celery", "redis", "rest_framework") if name in sys.modules]
    return sorted(os.environ), frameworks, os.getppid()


def total(*, bodies: Sequence[bytes], more: int) -> Steps[int]:
    yield None
    return sum(map(len, bodies)) + more


def failing(*, bodies: Sequence[bytes], how: str) -> Steps[int]:
    yield None
    errors: dict[str, Exception] = {
        "malformed": Malformed(Reason.TOO_DEEP),
        "refused": Refused(Reason.PATIENT_CONSENT),
        "wrong patient": WrongPatient(disagrees=("name", "sex")),
        "ours": ValueError(SECRET),
    }
    raise errors[how]


REPLY = Reply(
    subject=b"{}",
    subject_notes=("a note",),
    items=tuple(
        ReceivedItem(category=RecordCategory.RESULTS, resource=b"%d" % number, original=b"x" * 1000)
        for number in range(1_001)
    ),
    quarantined=(
        QuarantinedEntry(reason=EntryFault.INVALID, detail="code", original=b"y" * 600_000),
        QuarantinedEntry(reason=EntryFault.BAD_TEXT, detail="", original=b"z", category=RecordCategory.OTHER),
    ),
    notices=(Notice(code=NoticeCode.INCOMPLETE, text="a text"),),
    in_part=Reason.PAGES,
)


def reply(*, bodies: Sequence[bytes]) -> Steps[Reply]:
    yield None
    return REPLY


def work(function: Callable[..., Steps[Result]], result: type[Result], *, body: bytes = LARGE, **inputs: Any) -> Any:
    return Work(function=function, bodies=(body,), result=result, inputs=inputs)


def run(act: Callable[[Offload], Coroutine[Any, Any, Result]], *, limits: OffloadLimits | None = None) -> Result:
    """Run something with an Offload on a loop of its own."""

    async def within() -> Result:
        offload = Offload(limits=limits)
        try:
            return await act(offload)
        finally:
            await offload.close()

    return asyncio.run(within())


async def do(offload: Offload, piece: Any, /, *, seconds: float = 20.0, source_id: str = "s1") -> Any:
    return await offload.do(piece, source_id=source_id, deadline=asyncio.get_running_loop().time() + seconds)


@pytest.mark.parametrize(
    ("function", "body", "apart"),
    [
        (process_id, b"{}", 0),
        (process_id, LARGE[1:], 0),
        (process_id, LARGE, 1),
        (process_id, b"," * OffloadLimits().loop_values, 0),
        (process_id, b"," * (OffloadLimits().loop_values + 1), 1),
        (light_step, b"{}", 0),
        (heavy_step, b"{}", 1),
        (many_steps, b"{}", 1),
    ],
)
def test_what_is_small_is_done_on_the_loop_and_what_is_large_apart(
    function: Callable[..., Steps[int]], body: bytes, apart: int
) -> None:
    async def act(offload: Offload) -> tuple[int, int]:
        return await do(offload, work(function, int, body=body)), offload.offloaded

    pid, offloaded = run(act)
    assert (pid != os.getpid(), offloaded) == (bool(apart), apart)


def test_several_bodies_together_may_be_large() -> None:
    half = LARGE[: len(LARGE) // 2 + 1]

    async def act(offload: Offload) -> tuple[int, int]:
        piece = Work(function=total, bodies=(half, half), result=int, inputs={"more": 3})
        return await do(offload, piece), offload.offloaded

    assert run(act) == (2 * len(half) + 3, 1)


def test_the_loop_turns_while_a_large_answer_is_read() -> None:
    async def act(offload: Offload) -> int:
        await do(offload, work(process_id, int))
        reading = asyncio.create_task(do(offload, work(busy, int, seconds=0.5)))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.001)
            turns += 1
        await reading
        return turns

    assert run(act) > 50  # one held by it would turn twice


def test_a_reply_comes_whole_and_in_small_frames() -> None:
    async def act(offload: Offload) -> tuple[Reply, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        came = await do(offload, work(reply, Reply))
        counting.cancel()
        return came, turns

    came, turns = run(act)
    assert came == REPLY
    assert turns >= len(REPLY.items) // 250


@pytest.mark.parametrize(
    ("how", "kind", "reason"),
    [
        ("malformed", Malformed, Reason.TOO_DEEP),
        ("refused", Refused, Reason.PATIENT_CONSENT),
        ("wrong patient", WrongPatient, Reason.WRONG_PATIENT),
    ],
)
def test_work_ends_apart_as_it_would_end_here(how: str, kind: type[SourceError], reason: Reason) -> None:
    with pytest.raises(SourceError) as caught:
        run(lambda offload: do(offload, work(failing, int, how=how)))
    assert type(caught.value) is kind
    assert caught.value.reason is reason
    if isinstance(caught.value, WrongPatient):
        assert caught.value.disagrees == ("name", "sex")


def test_a_fault_of_ours_is_told_by_its_class_alone() -> None:
    with pytest.raises(FaultApart) as caught:
        run(lambda offload: do(offload, work(failing, int, how="ours")))
    assert caught.value.name == "ValueError"
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


@pytest.mark.parametrize(
    "piece",
    [work(busy, int, seconds=30.0), work(greedy, int, size=200 * 1024 * 1024)],
    ids=["processor time", "memory"],
)
def test_work_that_takes_too_much_is_too_large_and_the_next_is_done(piece: Any) -> None:
    limits = OffloadLimits(processor_s=0.3, memory_bytes=64 * 1024 * 1024)

    async def act(offload: Offload) -> int:
        with pytest.raises(Malformed) as caught:
            await do(offload, piece)
        assert caught.value.reason is Reason.TOO_LARGE
        return await do(offload, work(greedy, int, size=1024))

    assert run(act, limits=limits) == 1024


@pytest.mark.parametrize("body", [LARGE, b"{}"], ids=["large", "small"])
@pytest.mark.parametrize(("left_s", "error"), [(0.1, TimedOut), (0.4, NotRead)], ids=["at the last moment", "in time"])
def test_what_came_in_time_and_is_not_read_by_the_deadline_is_late_because_of_us(
    body: bytes, left_s: float, error: type[SourceError]
) -> None:
    piece = work(endless, int, body=body)
    limits = OffloadLimits(last_moment_s=0.2, loop_processor_s=math.inf)
    with pytest.raises(error):
        run(lambda offload: do(offload, piece, seconds=left_s), limits=limits)


def test_what_is_late_because_of_us_is_said_before_the_deadline() -> None:
    async def act(offload: Offload) -> None:
        async with asyncio.timeout(1.0):
            await do(offload, work(endless, int), seconds=1.0)

    with pytest.raises(NotRead) as caught:
        run(act)
    assert (caught.value.outcome, caught.value.reason) == (Outcome.FAILED, Reason.OVERLOAD)


def test_a_fork_that_dies_is_a_fault_that_is_not_the_source_s() -> None:
    async def act(offload: Offload) -> int:
        with pytest.raises(FaultApart):
            await do(offload, work(killed, int))
        return await do(offload, work(total, int, more=1))

    assert run(act) == len(LARGE) + 1


def test_a_process_that_was_killed_is_replaced() -> None:
    async def act(offload: Offload) -> tuple[int, int]:
        first = (await do(offload, work(surroundings, tuple[list[str], list[str], int])))[2]
        os.kill(first, signal.SIGKILL)
        await asyncio.sleep(0.2)
        return first, (await do(offload, work(surroundings, tuple[list[str], list[str], int])))[2]

    first, second = run(act)
    assert first != second


def test_the_process_has_no_secret_and_no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setattr(sys, "path", [str(PROJECT), *sys.path])
    piece = work(surroundings, tuple[list[str], list[str], int])
    variables, frameworks, _ = run(lambda offload: do(offload, piece))
    assert "SECRET_KEY" not in variables
    assert "DJANGO_SETTINGS_MODULE" not in variables
    assert frameworks == []


def test_one_source_does_not_have_the_process_to_itself() -> None:
    async def act(offload: Offload) -> bool:
        await do(offload, work(process_id, int))
        hostile = [asyncio.create_task(do(offload, work(idle, int, seconds=5.0), source_id="bad")) for _ in range(6)]
        await asyncio.sleep(0.1)
        await do(offload, work(total, int, more=0), source_id="good")
        ahead = not any(task.done() for task in hostile)
        for task in hostile:
            task.cancel()
        return ahead

    assert run(act)


def test_who_waits_too_long_for_a_turn_was_kept_waiting_by_us() -> None:
    async def act(offload: Offload) -> SourceError:
        await do(offload, work(process_id, int))
        first = asyncio.create_task(do(offload, work(idle, int, seconds=1.0), source_id="one"))
        await asyncio.sleep(0.05)
        with pytest.raises(NotRead) as caught:
            await do(offload, work(total, int, more=0), seconds=0.3, source_id="two")
        first.cancel()
        return caught.value

    failure = run(act, limits=OffloadLimits(at_once=1))
    assert (failure.outcome, failure.reason) == (Outcome.FAILED, Reason.OVERLOAD)


def test_the_process_ends_when_it_is_closed_with_what_it_is_doing() -> None:
    async def act(offload: Offload) -> tuple[int, int]:
        parent = (await do(offload, work(surroundings, tuple[list[str], list[str], int])))[2]
        doing = asyncio.create_task(do(offload, work(idle, int, seconds=15.0)))
        await asyncio.sleep(0.2)
        (fork,) = _children(parent)
        doing.cancel()
        return parent, fork

    assert [_ended(pid) for pid in run(act)] == [True, True]


def test_the_process_ends_with_a_worker_that_is_killed() -> None:
    program = (
        "import asyncio, sys, time\n"
        "from connectors.transport.offload import Offload\n"
        "from connectors.gp_connect.connector import GpConnect\n"
        "offload = Offload()\n"
        "offload.start(connector=GpConnect)\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        (pid,) = _children(worker.pid)
        worker.kill()
    assert _ended(pid)


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started and that run."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in children if not _is_over(child)]


def _is_over(pid: int) -> bool:
    """Whether a process is gone, or dead and not yet taken note of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _ended(pid: int) -> bool:
    """Wait until a process is over."""
    for _ in range(500):
        if _is_over(pid):
            return True
        time.sleep(0.02)
    return False
