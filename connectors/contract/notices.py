"""What a source says of its own answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract.categories import RecordCategory


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that the source said about its own answer. `code`: confidential-items, data-in-transit,
    data-awaiting-filing, not-supported (asked for and not given), not-served (its system has no such content),
    information-not-available, incomplete, resource-warning. `category` None: the whole answer."""

    code: str
    text: str = ""
    category: RecordCategory | None = None
