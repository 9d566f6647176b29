"""Work on an answer in small steps, so that one large answer does not block the event loop that all sources share.

Reading an answer is a generator that yields between entries and returns the result. It may yield how many values the
next step is about, where that can be many. A small answer off the wire is paced on the loop, a large one is read in a
process of its own (see `offload`), and a file in one go. All run the same code.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

from connectors.contract.errors import TimedOut

Result = TypeVar("Result")
Steps = Generator[int | None, None, Result]

# Long enough that yielding costs next to nothing, short enough that other sources are not kept waiting.
SLICE_S = 0.002


class TooMuchForLoop(Exception):
    """The work is more than the event loop may be asked to do; nothing of it has had any effect."""


def finish(*, steps: Steps[Result]) -> Result:
    """Run the steps to their end and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


async def finish_paced(
    *, steps: Steps[Result], deadline: float, step_values: int | None = None, processor_s: float | None = None
) -> Result:
    """Run the steps, yielding to the event loop every few milliseconds, and return their result.

    `step_values` and `processor_s` are how many values one step may be about, and how much processor time all may take.
    Raises: TimedOut when the deadline, a `loop.time()`, passes first; TooMuchForLoop for work beyond these limits.
    """
    clock = asyncio.get_running_loop().time
    slice_end = clock() + SLICE_S
    used_s, resumed_at = 0.0, time.thread_time()
    while True:
        try:
            values = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        if step_values is not None and values is not None and values > step_values:
            raise TooMuchForLoop
        if (now := clock()) >= slice_end:
            if now >= deadline:
                raise TimedOut()
            used_s += time.thread_time() - resumed_at
            if processor_s is not None and used_s > processor_s:
                raise TooMuchForLoop
            await asyncio.sleep(0)
            slice_end, resumed_at = clock() + SLICE_S, time.thread_time()
