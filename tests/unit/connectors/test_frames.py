"""What the process that reads large answers says: every entry once and in order, in frames that are never too large."""

from __future__ import annotations

import msgspec
import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.transport.frames import FRAME_BYTES, FRAME_ITEMS, ITEMS, QUARANTINED, Frame, Mark, frames_of
from fhir_data.errors import EntryFault


def item(size: int, original: bytes | None = None) -> ReceivedItem:
    return ReceivedItem(category=RecordCategory.RESULTS, resource=b"r" * size, original=original)


def aside(size: int) -> QuarantinedEntry:
    return QuarantinedEntry(reason=EntryFault.INVALID, detail="", original=b"o" * size)


def reply(*items: ReceivedItem, quarantined: tuple[QuarantinedEntry, ...] = ()) -> Reply:
    return Reply(subject=b"{}", items=items, quarantined=quarantined)


def parts(frames: list[Frame], mark: Mark) -> list[int]:
    """Return how many entries are in each frame of a kind."""
    decoder = ITEMS if mark is Mark.ITEMS else QUARANTINED
    return [len(decoder.decode(frame.content)) for frame in frames if frame.mark is mark]


HALF = FRAME_BYTES // 2


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ([1] * FRAME_ITEMS, [FRAME_ITEMS]),
        ([1] * (2 * FRAME_ITEMS + 1), [FRAME_ITEMS, FRAME_ITEMS, 1]),
        ([HALF, HALF], [2]),
        ([HALF, HALF, 1], [2, 1]),
        ([HALF, HALF + 1, HALF], [1, 1, 1]),
        ([1, 2 * FRAME_BYTES, 1, 1], [1, 1, 2]),
    ],
)
def test_a_frame_holds_so_many_entries_and_so_many_bytes_unless_one_is_larger(
    sizes: list[int], counts: list[int]
) -> None:
    items, entries = tuple(map(item, sizes)), tuple(map(aside, sizes))
    frames = list(frames_of(reply(*items, quarantined=entries)))
    assert parts(frames, Mark.ITEMS) == parts(frames, Mark.QUARANTINED) == counts
    assert [each for frame in frames if frame.mark is Mark.ITEMS for each in ITEMS.decode(frame.content)] == list(items)
    told = [each for frame in frames if frame.mark is Mark.QUARANTINED for each in QUARANTINED.decode(frame.content)]
    assert told == list(entries)


def test_what_was_sent_counts_beside_what_became_of_it() -> None:
    items = (item(HALF, b"o" * HALF), item(1), item(HALF - 1, b"o" * HALF))
    assert parts(list(frames_of(reply(*items))), Mark.ITEMS) == [1, 2]


def test_the_last_frame_is_the_reply_without_its_entries() -> None:
    *_, last = frames_of(reply(item(1), quarantined=(aside(1),)))
    assert last.mark is Mark.RESULT
    assert msgspec.msgpack.decode(last.content, type=Reply) == reply()
    assert last.head == len(last.content).to_bytes(8, "big") + bytes([Mark.RESULT])


def test_any_other_result_is_one_frame() -> None:
    (frame,) = frames_of(("a", 1))
    assert (frame.mark, msgspec.msgpack.decode(frame.content)) == (Mark.RESULT, ["a", 1])
