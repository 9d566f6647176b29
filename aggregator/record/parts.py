"""The parts of a thing: as its source lists them, and as they stand in the record. Values. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class SentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part as its source lists it: a `reference` to another of its resources, or a `heading` with `parts` under it.

    A reference may have a `heading` too: what it is to the whole.

    `is_own`: it is drawn where the whole is, and not again by itself; else the whole only mentions it.
    `is_told`: the lines of the whole say already what it measures. `is_expected`: that it is not there is said.
    """

    reference: str = ""
    heading: str = ""
    parts: tuple[SentPart, ...] = ()
    is_own: bool = False
    is_told: bool = False
    is_expected: bool = True


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an entry: another entry by its key, or a heading with what stands under it.

    Of another entry, the heading is what it is to the whole, where that must be said.

    A heading has `lines` where what it names is no entry: a resource contained in another, or the notes on a heading.
    `missing` counts what should stand here and is not in the record.
    """

    entry_key: str = ""
    is_own: bool = False
    is_told: bool = False
    heading: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    missing: int = 0


def every_part(parts: tuple[Part, ...], /) -> Iterator[Part]:
    """Yield parts and all that stand under their headings, in order."""
    for part in parts:
        yield part
        yield from every_part(part.parts)
