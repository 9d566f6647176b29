"""What the worker and the process that reads large answers say to each other. Pure."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

import msgspec

from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Connector
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply

Part = TypeVar("Part")

LENGTH = struct.Struct(">Q")
# Of a Reply, so many items are in one frame, and so many bytes unless one item is larger.
FRAME_ITEMS, FRAME_BYTES = 250, 256 * 1024
ITEMS = msgspec.msgpack.Decoder(tuple[ReceivedItem, ...])
QUARANTINED = msgspec.msgpack.Decoder(tuple[QuarantinedEntry, ...])


class Mark(IntEnum):
    """What a frame holds. A result or a failure is the last frame."""

    ITEMS = 1
    QUARANTINED = 2
    RESULT = 3
    FAILURE = 4


class Order(msgspec.Struct, kw_only=True):
    """What the process is told: which connector to warm up first; and how much one piece of work may take.

    The connection to the work comes beside it; an order without one only prepares.
    """

    connector: str | None = None
    clock_s: float = 0.0
    processor_s: float = 0.0
    memory_bytes: int = 0


class Failure(msgspec.Struct, kw_only=True):
    """How work ended instead of in a result: the class of the error, and what a SourceError says."""

    error: str
    reason: Reason | None = None
    disagrees: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One message of the process."""

    mark: Mark
    content: bytes

    @property
    def head(self) -> bytes:
        """What goes before the content."""
        return LENGTH.pack(len(self.content)) + bytes([self.mark])


def name_of(connector: type[Connector], /) -> str:
    """Return the name by which the class of a connector is found again."""
    return f"{connector.__module__}:{connector.__qualname__}"


def frames_of(result: object, /) -> Iterator[Frame]:
    """Yield a result in frames, the entries of a Reply in many."""
    encode = msgspec.msgpack.encode
    if isinstance(result, Reply):
        for items in _in_parts(result.items, size=lambda item: len(item.resource) + len(item.original or b"")):
            yield Frame(mark=Mark.ITEMS, content=encode(items))
        for entries in _in_parts(result.quarantined, size=lambda entry: len(entry.original)):
            yield Frame(mark=Mark.QUARANTINED, content=encode(entries))
        result = replace(result, items=(), quarantined=())
    yield Frame(mark=Mark.RESULT, content=encode(result))


def _in_parts(parts: Sequence[Part], *, size: Callable[[Part], int]) -> Iterator[list[Part]]:
    chosen: list[Part] = []
    total = 0
    for part in parts:
        if chosen and (len(chosen) >= FRAME_ITEMS or total + size(part) > FRAME_BYTES):
            yield chosen
            chosen, total = [], 0
        chosen.append(part)
        total += size(part)
    if chosen:
        yield chosen
