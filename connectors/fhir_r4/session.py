"""One session with one server: what every request in it needs, and how a response is read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

from connectors.contract.errors import Malformed, Refused, Unreachable
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.values import Query, SourceAddress
from connectors.reading import split_answer
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import Allowance
from fhir_data.errors import UnreadableEntry
from fhir_data.heads import type_of
from fhir_data.parsing import read_entry
from fhir_data.splitting import SplitPayload, without_mark

FHIR_JSON = "application/fhir+json"
_XML_NAMESPACE = b"http://hl7.org/fhir"
# How much of a session's time is kept for reading what came: a share of it, and a time per entry (three times what was
# measured on an idle machine), but never more than half in all.
RESERVE_SHARE, MOST_RESERVE_S = 0.1, 0.25
READING_S, MOST_READING_SHARE = 0.0003, 0.5


@dataclass(kw_only=True)
class ServerSession:
    """One session with one source: what every request in it needs."""

    source: SourceAddress
    query: Query
    transport: HttpTransport
    allowance: Allowance
    began_at: float  # a `loop.time()`, as the query's deadline is
    pages: int = 0
    entries: int = 0
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def begin(cls, *, source: SourceAddress, query: Query, transport: HttpTransport) -> Self:
        """Open a session now, by the running loop's clock."""
        began_at = asyncio.get_running_loop().time()
        return cls(source=source, query=query, transport=transport, allowance=transport.allowance(), began_at=began_at)

    @property
    def base(self) -> str:
        """Return the address that paths are put after."""
        return self.source.base_url.rstrip("/")

    @property
    def waiting_until(self) -> float:
        """When to stop waiting for more, so that what came is read before the query's deadline."""
        time_s = self.query.deadline - self.began_at
        reading_s = min(time_s * RESERVE_SHARE, MOST_RESERVE_S) + self.entries * READING_S
        return self.query.deadline - min(reading_s, time_s * MOST_READING_SHARE)

    async def send(self, *, url: str, form: str | None = None, deadline: float | None = None) -> Answer:
        """Send a read and return the answer, whatever its status; a form makes it a search by POST."""
        headers = {"Accept": FHIR_JSON}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.transport.request(
            method="GET" if form is None else "POST",
            url=url,
            headers=headers,
            body=None if form is None else form.encode(),
            source_id=self.source.source_id,
            deadline=self.waiting_until if deadline is None else min(deadline, self.waiting_until),
            correlation_id=self.query.correlation_id,
            repeatable=True,
            allowance=self.allowance,
        )


def expect_success(*, answer: Answer) -> None:
    """Raises: the SourceError that a status stands for, unless it is success."""
    status = answer.status
    if status in (200, 201):
        return
    if status in (401, 403):
        raise Refused(Reason.CREDENTIALS)
    if status in (404, 410):
        raise Malformed(Reason.NOT_FHIR)  # no FHIR server is at the address, or a page that it named is gone
    if status == 502:
        raise Unreachable(Reason.GATEWAY)
    if status >= 500 or status in (408, 429):
        raise Unreachable(Reason.STATUS)
    raise Malformed(Reason.REQUEST_REJECTED)


def speaks_fhir(*, body: bytes) -> bool:
    """Whether a body, however broken, comes from a FHIR server: a resource in JSON, or in XML, which we do not read."""
    text = without_mark(body)
    return (text.startswith(b"{") and bool(type_of(entry=text))) or _XML_NAMESPACE in text[:2000]


def parsed(*, body: bytes) -> dict[str, Any]:
    """Return the single resource in a body.

    Raises: Malformed.
    """
    split_answer(payload=body)  # the checks of a whole payload
    resource = entry_or_none(entry=without_mark(body))
    if resource is None:
        raise Malformed(Reason.NOT_FHIR)
    return resource


def entry_or_none(*, entry: bytes) -> dict[str, Any] | None:
    """Return a parsed entry, None for one that cannot be read."""
    try:
        return read_entry(entry=entry)
    except UnreadableEntry:
        return None


def as_page(*, resource: bytes) -> SplitPayload:
    """Return one resource as if it were the only entry of a Bundle.

    Raises: Malformed.
    """
    wrapped = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":%b}]}'
    return split_answer(payload=wrapped % without_mark(resource))
