"""Reads what the record refers to and does not hold: who recorded it, where, which medicine.

A search by patient returns only what it asks to include, and not every server can include.
Source: FHIR R4, Search, `_include`; RESTful API, read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.notices import Ground, NoticeCode, counting_notice
from connectors.fhir_r4.pages import as_page, grounds, holds, wanted, without_held
from connectors.fhir_r4.session import ServerSession

MAX_READS = 60
READS_AT_ONCE = 4
HOPS = 2  # a role names its practitioner and its organisation, and no more
# Never more than this share of the time left: the record itself is already there.
SHARE_OF_TIME = 0.5


async def read_supporting(*, session: ServerSession, pages: Sequence[bytes], patient_id: str) -> list[bytes]:
    """Read the supporting resources that the pages refer to and do not hold, as further pages.

    What cannot be read is counted in a notice and costs nothing else.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + (session.waiting_until - clock()) * SHARE_OF_TIME
    tried: list[str] = []
    read: list[bytes] = []
    failed: list[str] = []
    left = MAX_READS
    for hop in range(HOPS):
        bodies = read if hop else pages
        names = await session.read(
            wanted,
            *bodies,
            result=tuple[str, ...],
            bases=session.bases,
            held=tuple(tried),
            patient_id=patient_id,
        )
        if hop and names:
            names = await session.read(without_held, *pages, result=tuple[str, ...], names=names)
        failed += names[left:]
        names = names[:left]
        if not names:
            break
        left -= len(names)
        tried += names
        answers = await _read_all(session=session, names=names, until=until)
        failed += [name for name, answer in zip(names, answers, strict=True) if answer is None]
        read += [answer for answer in answers if answer is not None]
    if failed:
        bodies = [*pages, *read]
        session.notices.append(
            counting_notice(
                code=NoticeCode.RESOURCE_WARNING,
                grounds=await session.read(
                    grounds, *bodies, result=tuple[Ground, ...], names=tuple(failed), bases=session.bases
                ),
                one="1 item that the record refers to could not be retrieved.",
                several="{count} items that the record refers to could not be retrieved.",
                category=RecordCategory.SUPPORTING,
            )
        )
    return read


async def _read_all(*, session: ServerSession, names: Sequence[str], until: float) -> list[bytes | None]:
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(*, name: str) -> bytes | None:
        async with gate:
            return await _read(session=session, name=name, until=until)

    return await asyncio.gather(*(read(name=name) for name in names))


async def _read(*, session: ServerSession, name: str, until: float) -> bytes | None:
    try:
        answer = await session.send(url=f"{session.base}/{name}", deadline=until)
        if answer.status != 200:
            return None
        page = as_page(resource=answer.body)
        return page if await session.read(holds, page, result=bool, name=name) else None
    except SourceError:
        return None
