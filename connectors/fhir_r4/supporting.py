"""Reads what the record refers to and does not hold: who recorded it, where, which medicine.

A search by patient returns only what it asks to include, and not every server can include.
Source: FHIR R4, Search, `_include`; RESTful API, read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.notices import Ground, NoticeCode, counting_notice
from connectors.fhir_r4.session import ServerSession, as_page
from fhir_data.heads import entry_name
from fhir_data.references import may_enter_path, references_in, split_relative
from fhir_data.splitting import SplitEntry, SplitPayload

TYPES = ("Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device", "Specimen")
MAX_READS = 60
READS_AT_ONCE = 4
HOPS = 2  # a role names its practitioner and its organisation, and no more
# Never more than this share of the time left: the record itself is already there.
SHARE_OF_TIME = 0.5


async def read_supporting(*, session: ServerSession, pages: Sequence[SplitPayload]) -> list[SplitPayload]:
    """Read the supporting resources that the pages refer to and do not hold, as further pages.

    What cannot be read is counted in a notice and costs nothing else.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + (session.waiting_until - clock()) * SHARE_OF_TIME
    tried: set[str] = {name for page in pages for name in _held(entries=page.entries)}
    read: list[SplitPayload] = []
    latest, failed, left = list(pages), list[str](), MAX_READS
    for _ in range(HOPS):
        wanted = _wanted(pages=latest, base=session.base, held=tried)
        failed += wanted[left:]
        wanted = wanted[:left]
        latest = []
        if not wanted:
            break
        left -= len(wanted)
        tried.update(wanted)
        answers = await _read_all(session=session, names=wanted, until=until)
        latest = [answer for answer in answers if answer is not None]
        failed += [name for name, answer in zip(wanted, answers, strict=True) if answer is None]
        read += latest
    if failed:
        grounds = _grounds(names=failed, pages=[*pages, *read], base=session.base)
        session.notices.append(
            counting_notice(
                code=NoticeCode.RESOURCE_WARNING,
                grounds=grounds,
                one="1 item that the record refers to could not be retrieved.",
                several="{count} items that the record refers to could not be retrieved.",
                category=RecordCategory.SUPPORTING,
            )
        )
    return read


def _grounds(*, names: Iterable[str], pages: Sequence[SplitPayload], base: str) -> tuple[Ground, ...]:
    """Return for each of these names which entries refer to it."""
    referring: dict[str, dict[str, None]] = {name: {} for name in names}
    for resource in (entry.resource for page in pages for entry in page.entries if entry.resource is not None):
        for reference in references_in(resource=resource):
            if (name := _own_name(reference=reference, base=base)) in referring:
                referring[name][entry_name(entry=resource)] = None
    return tuple(Ground(any_of=tuple(entries)) for entries in referring.values())


def _held(*, entries: Iterable[SplitEntry]) -> Iterable[str]:
    return (entry_name(entry=entry.resource) for entry in entries if entry.resource is not None)


def _wanted(*, pages: Sequence[SplitPayload], base: str, held: set[str]) -> list[str]:
    """Return what the pages refer to on this server and that is not held, as `Type/id`; each once, in order."""
    entries = [entry.resource for page in pages for entry in page.entries if entry.resource is not None]
    # Most entries refer to the same few.
    references = dict.fromkeys(reference for resource in entries for reference in references_in(resource=resource))
    names = dict.fromkeys(_own_name(reference=reference, base=base) for reference in references)
    return [name for name in names if name and name not in held]


def _own_name(*, reference: str, base: str) -> str:
    """Return a reference to a supporting resource of this server as `Type/id`, "" for any other."""
    kind, key = split_relative(reference=reference.removeprefix(f"{base}/"))
    return f"{kind}/{key}" if kind in TYPES and may_enter_path(text=key) else ""


async def _read_all(*, session: ServerSession, names: Sequence[str], until: float) -> list[SplitPayload | None]:
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(*, name: str) -> SplitPayload | None:
        async with gate:
            return await _read(session=session, name=name, until=until)

    return await asyncio.gather(*(read(name=name) for name in names))


async def _read(*, session: ServerSession, name: str, until: float) -> SplitPayload | None:
    try:
        answer = await session.send(url=f"{session.base}/{name}", deadline=until)
        if answer.status != 200:
            return None
        page = as_page(resource=answer.body)
    except SourceError:
        return None
    return page if name in _held(entries=page.entries) else None
