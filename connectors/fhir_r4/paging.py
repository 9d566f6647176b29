"""How many pages an answer has, and where the next ones are likely to be, from what its first page says. Pure.

Source: FHIR R4, RESTful API, Paging. Links are opaque: what is worked out here is checked against the links that come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import ceil

from connectors.addresses import parameters_of
from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from connectors.fhir_r4.pages import Survey

# The pages of one record that are read at most.
MAX_PAGES = 200

_PAGE_NAMES = frozenset({"page", "_page", "pagenumber"})
# What servers call the number of entries that come before a page, HAPI first.
_OFFSET_NAMES = frozenset({"_getpagesoffset", "_offset", "offset", "_skip", "skip"})


def following(page: Survey, /) -> str | None:
    """Return the address that a page names as that of the next; "" where it says that there is one and not where, None
    where it says nothing of one.

    Raises: Malformed `paging` where it names several.
    """
    named = tuple(dict.fromkeys(address for relation, address in page.links if relation == "next"))
    if len(named) > 1:
        raise Malformed(Reason.PAGING)
    return named[0] if named else None


def how_many(*, first: Survey) -> int | None:
    """Return how many pages there are, None where the first has neither a usable total nor a link to the last.

    A total counts what was searched for, not what was included with it; so does the count taken of the first page.
    """
    return _pages_by_total(first) or _pages_by_links(dict(first.links))


def pages_after(*, second: str, first: Survey) -> Sequence[str]:
    """Return the addresses that the third page and those after it are likely to have; `second` is the second's.

    Nothing where the links do not tell: no number in them that counts pages or entries, or no known end.
    """
    count = how_many(first=first)
    counter = _counter(second=second, last=dict(first.links).get("last", ""))
    if count is None or counter is None:
        return ()
    name, number = counter
    step = 1 if name.lower() in _PAGE_NAMES else number
    # A source may count what nobody could hold.
    numbers = (number + step * at for at in range(1, min(count - 1, MAX_PAGES)))
    return tuple(_with_number(second, name=name, number=each) for each in numbers)


def _counter(*, second: str, last: str) -> tuple[str, int] | None:
    """Return which number in the address of the second page tells that it is the second, and what it is."""
    following, ending = parameters_of(second), parameters_of(last)
    known = [name for name in following if name.lower() in _PAGE_NAMES | _OFFSET_NAMES]
    differing = [name for name, value in following.items() if ending and ending.get(name) != value]
    names = differing or known
    if len(names) != 1 or not _is_number(following[names[0]]) or int(following[names[0]]) == 0:
        return None
    return names[0], int(following[names[0]])


def _with_number(address: str, /, *, name: str, number: int) -> str:
    return re.sub(rf"(?<=[?&]){re.escape(name)}=[0-9]+", f"{name}={number}", address, count=1)


def _pages_by_total(first: Survey) -> int | None:
    return ceil(first.total / first.counted) if first.total and first.counted else None


def _pages_by_links(links: Mapping[str, str]) -> int | None:
    """Read the number of the last page out of its link, by what differs between that link and the second page's."""
    following, last = (parameters_of(links.get(name, "")) for name in ("next", "last"))
    for name, value in last.items():
        second = following.get(name, "")
        if not (_is_number(value) and _is_number(second)) or int(second) == 0:
            continue
        if name.lower() in _PAGE_NAMES:
            return int(value) - int(second) + 2
        if int(value) != int(second) and int(value) % int(second) == 0:  # the second page's is the page size
            return int(value) // int(second) + 1
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
