"""Work on an answer in small steps, so that one big answer does not hold the event loop that all sources share.

The reading of an answer is a generator that yields between entries and returns the Reply. Off the wire it is paced; for
a file it runs through. So both ways run the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

from connectors.contract.errors import TimedOut

Result = TypeVar("Result")
Steps = Generator[None, None, Result]

# Long enough that giving way costs nothing, short enough that a source answering meanwhile is not kept waiting.
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
    """Run the steps, giving way to the event loop every few milliseconds, and return their result.

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
