"""Work on an answer in small steps, so that one large answer does not block the event loop that all sources share.

Reading an answer is a generator that yields between entries and returns the result. An answer off the wire is paced; a
file is read in one go. Both run the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

from connectors.contract.errors import TimedOut

Result = TypeVar("Result")
Steps = Generator[None, None, Result]

# Long enough that yielding costs next to nothing, short enough that other sources are not kept waiting.
SLICE_S = 0.005


def finish(*, steps: Steps[Result]) -> Result:
    """Run the steps to their end and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


async def finish_paced(*, steps: Steps[Result], deadline: float) -> Result:
    """Run the steps, yielding to the event loop every few milliseconds, and return their result.

    Raises: TimedOut when the deadline, a `loop.time()`, passes first.
    """
    clock = asyncio.get_running_loop().time
    slice_end = clock() + SLICE_S
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        if (now := clock()) >= slice_end:
            if now >= deadline:
                raise TimedOut()
            await asyncio.sleep(0)
            slice_end = clock() + SLICE_S
