"""The channels of one event loop: one of each class, all closed at the end."""

from __future__ import annotations

import asyncio

from connectors.transport.channels import LoopChannels


class Line:
    """A channel of no protocol."""

    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


class OtherLine(Line):
    """Another one."""


def test_each_class_of_channel_is_made_once_and_closed_once() -> None:
    async def work() -> None:
        own = OtherLine()
        async with LoopChannels(own) as channels:
            made = channels.get(Line)
            assert type(made) is Line
            assert channels.get(Line) is made
            assert channels.get(OtherLine) is own
            assert (made.closed, own.closed) == (0, 0)
        assert (made.closed, own.closed) == (1, 1)

    asyncio.run(work())
