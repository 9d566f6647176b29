"""One session with one server: what every request in it needs, and how a response is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from connectors.addresses import joined, page_address, redirect_address
from connectors.contract.errors import CutShort, Malformed, Refused
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels, Connector
from connectors.contract.values import Query, SourceAddress
from connectors.credentials import send_with_credentials, unavailable
from connectors.fhir_r4.answer import own_bases
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import Allowance
from connectors.transport.offload import Offload, Work
from connectors.transport.pace import Result, Steps

FHIR_JSON = "application/fhir+json"
# How much of a session's time is kept for reading what came: a share of it, and a time per entry (three times what was
# measured on an idle machine), but never more than half in all.
RESERVE_SHARE, MOST_RESERVE_S = 0.1, 0.25
READING_S, MOST_READING_SHARE = 0.0003, 0.5
# From so many types on, of which nothing came but the same rejection, no search is put in further words.
MANY_REJECTED = 4


@dataclass(kw_only=True)
class Rejections:
    """Whether a server has done nothing but reject: `types` in a row, in every form, all with the same `status`."""

    answered: bool = False
    status: int = 0
    types: set[str] = field(default_factory=set)

    @property
    def are_all(self) -> bool:
        """Whether that has been so for long enough to expect nothing else."""
        return not self.answered and len(self.types) >= MANY_REJECTED

    def note(self, *, name: str, status: int | None) -> None:
        """Note with what status a type was rejected, None for what was not rejected, and says nothing either."""
        if status is None or status != self.status:
            self.types.clear()
        if status is not None:
            self.status = status
            self.types.add(name)


@dataclass(kw_only=True)
class ServerSession:
    """One session with one source: what every request in it needs."""

    source: SourceAddress
    query: Query
    channels: Channels
    transport: HttpTransport
    offload: Offload
    connector: type[Connector]
    allowance: Allowance
    began_at: float  # a `loop.time()`, as the query's deadline is
    pages: int = 0
    entries: int = 0
    takes_large_pages: bool = False  # it has answered a search for pages as large as we ask for
    rejections: Rejections = field(default_factory=Rejections)
    called: list[str] = field(default_factory=list)  # what the server calls itself in its `self` links
    notices: list[Notice] = field(default_factory=list)

    @classmethod
    def begin(cls, *, source: SourceAddress, query: Query, channels: Channels, connector: type[Connector]) -> Self:
        """Open a session now, by the running loop's clock. `connector` is the class whose session it is."""
        transport = channels.get(HttpTransport)
        return cls(
            source=source,
            query=query,
            channels=channels,
            transport=transport,
            offload=channels.get(Offload),
            connector=connector,
            allowance=transport.allowance(),
            began_at=asyncio.get_running_loop().time(),
        )

    @property
    def base(self) -> str:
        """Return the address that paths are put after."""
        return self.source.base_url.rstrip("/")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the other addresses that the server goes by: as its settings say, and as it has called itself."""
        public = self.source.options.get("public_base", "").rstrip("/")
        return tuple(dict.fromkeys(name for name in (public, *self.called) if name and name != self.base))

    @property
    def bases(self) -> tuple[str, ...]:
        """Return every address that the server goes by."""
        return (self.base, *self.names)

    @property
    def waiting_until(self) -> float:
        """When to stop waiting for more, so that what came is read before the query's deadline."""
        time_s = self.query.deadline - self.began_at
        reading_s = min(time_s * RESERVE_SHARE, MOST_RESERVE_S) + self.entries * READING_S
        return self.query.deadline - min(reading_s, time_s * MOST_READING_SHARE)

    def own_address(self, *, address: str, on: str) -> str:
        """Return where an address that a page names is to be asked for, "" for one that is not the server's own.

        `on` is the address of the page.
        """
        return page_address(address=address, on=on, base=self.base, names=self.names)

    def note_names(self, *, links: Iterable[tuple[str, str]], on: str) -> None:
        """Take note of what the server calls itself in the links of a page, whose address is `on`."""
        whole = ((relation, joined(address=address, to=on)) for relation, address in links)
        self.called.extend(own_bases(links=whole))

    async def send(
        self,
        *,
        url: str,
        form: str | None = None,
        deadline: float | None = None,
        may_ask: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        """Send a read and return the answer, whatever its status; a form makes it a search by POST.

        A redirect is followed to where a link of a page would be, if `may_ask` says that it may be asked.
        Raises: SourceError, also where it cannot be said who is asking.
        """

        def follow(address: str, on: str) -> str:
            target = redirect_address(address=address, on=on, base=self.base, names=self.names)
            return target if may_ask(target) else ""

        headers = {"Accept": FHIR_JSON}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await send_with_credentials(
            source=self.source,
            channels=self.channels,
            method="GET" if form is None else "POST",
            url=url,
            headers=headers,
            body=None if form is None else form.encode(),
            deadline=self.waiting_until if deadline is None else min(deadline, self.waiting_until),
            correlation_id=self.query.correlation_id,
            allowance=self.allowance,
            may_hedge=True,
            follow=follow,
        )

    async def read(
        self, function: Callable[..., Steps[Result]], *bodies: bytes, result: type[Result], **inputs: object
    ) -> Result:
        """Return the result of steps over bodies that came; large ones are read in a process of their own.

        Raises: the SourceError that they end in; TimedOut, NotRead.
        """
        work = Work(function=function, bodies=bodies, result=result, inputs=inputs, connector=self.connector)
        return await self.offload.do(work, source_id=self.source.source_id, deadline=self.query.deadline)


def expect_success(*, answer: Answer) -> None:
    """Raises: the SourceError that a status stands for, unless it is success."""
    status = answer.status
    if status in (200, 201, 203):
        return
    if status < 300:
        raise CutShort  # accepted, without content or in part: what was asked for is not there, or not all of it
    if status in (401, 403):
        raise Refused(Reason.CREDENTIALS)
    if status == 451:
        raise Refused
    if status in (404, 410):
        raise Malformed(Reason.NOT_FHIR)  # no FHIR server is at the address, or a page that it named is gone
    raise unavailable(answer) or Malformed(Reason.REQUEST_REJECTED)
