"""One asking of one server: what every request of it needs, and how an answer is read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from connectors.contract.errors import Malformed, Refused, Unreachable
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.values import Query, SourceAddress
from connectors.reading import split_answer
from connectors.transport.client import Answer, Transport
from connectors.transport.limits import Allowance
from fhir_data.errors import UnreadableEntry
from fhir_data.heads import type_of
from fhir_data.parsing import read_entry
from fhir_data.splitting import SplitPayload, without_mark

FHIR_JSON = "application/fhir+json"
_XML_NAMESPACE = b"http://hl7.org/fhir"
# Of an asking's time, kept for reading what came: a part of it, and so much an entry (a third of that, measured on an
# idle machine), but never more than half.
RESERVE_SHARE, MOST_RESERVE_S = 0.1, 0.25
READING_S, MOST_READING_SHARE = 0.0003, 0.5


@dataclass(kw_only=True)
class Asking:
    """One asking of one source: what every request of it needs."""

    source: SourceAddress
    query: Query
    transport: Transport
    allowance: Allowance
    began_at: float  # a `loop.time()`, as the query's deadline is
    pages: int = 0
    entries: int = 0
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def begin(cls, *, source: SourceAddress, query: Query, transport: Transport) -> Self:
        """Begin to ask a source. The running loop's clock says when that was."""
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


def is_within(*, url: str, base: str) -> bool:
    """Whether an address that a source gave is its own: same origin, under its base path, with no way to climb out."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        given, ours = urlsplit(url), urlsplit(base)
        same_origin = (given.scheme, given.hostname, given.port) == (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return False
    path = given.path.lower()
    climbs = ".." in path or "%2e" in path or "%2f" in path or "%5c" in path
    beneath = given.path == ours.path or given.path.startswith(ours.path.rstrip("/") + "/")
    return same_origin and beneath and not climbs and "@" not in given.netloc


def expect_success(*, answer: Answer) -> None:
    """Raises: the SourceError that a status stands for, unless it is success."""
    status = answer.status
    if status in (200, 201):
        return
    if status in (401, 403):
        raise Refused(Reason.CREDENTIALS)
    if status in (404, 410):
        raise Malformed(Reason.NOT_FHIR)  # the address is no FHIR server's, or a page that it gave is gone
    if status == 502:
        raise Unreachable(Reason.GATEWAY)
    if status >= 500 or status in (408, 429):
        raise Unreachable(Reason.STATUS)
    raise Malformed(Reason.REQUEST_REJECTED)


def speaks_fhir(*, body: bytes) -> bool:
    """Whether a body, however broken, is a FHIR server's: JSON of a resource, or FHIR's XML, which we do not read."""
    text = without_mark(body)
    return (text.startswith(b"{") and bool(type_of(entry=text))) or _XML_NAMESPACE in text[:2000]


def parsed(*, body: bytes) -> dict[str, Any]:
    """Return the one resource that a body is.

    Raises: Malformed.
    """
    split_answer(payload=body)  # the checks of a whole payload
    resource = entry_or_none(entry=without_mark(body))
    if resource is None:
        raise Malformed(Reason.NOT_FHIR)
    return resource


def entry_or_none(*, entry: bytes | None) -> dict[str, Any] | None:
    """Return a parsed entry, None for one that cannot be used."""
    if entry is None:
        return None
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
