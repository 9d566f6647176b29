"""The channels of one event loop."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from connectors.contract.protocol import Channel, ChannelT


class LoopChannels:
    """Makes each class of channel once and closes them all. `made` are channels to use as they are."""

    def __init__(self, *made: Channel) -> None:
        self._made: dict[type[Channel], Channel] = {type(channel): channel for channel in made}

    def get(self, channel: type[ChannelT], /) -> ChannelT:
        """Return the channel of a class, made when it is first asked for."""
        made = self._made.get(channel)
        if not isinstance(made, channel):
            made = self._made[channel] = channel()
        return made

    async def close(self) -> None:
        """Close every channel."""
        while self._made:
            _, channel = self._made.popitem()
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
