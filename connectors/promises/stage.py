"""An example's source put on a server, and asked: what came, what it was asked, and what was said in logs meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import unquote_plus
from uuid import uuid4

from aiohttp import web

from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.errors import SourceError
from connectors.contract.values import Asker, Query, Reply, SourceAddress
from connectors.promises.example import PATH, Example
from connectors.promises.serving import LOOPBACK, Handler, serving
from connectors.transport.addresses import Reach
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from connectors.transport.limits import TransportLimits

Result = TypeVar("Result")

SECONDS = 5.0
# What a connector may take beyond its deadline before it counts as late: the machine may be busy.
LATE_S = 1.0
# Small, so that an answer that is too large need not be large; without retries, so that a fault is met once.
LIMITS = TransportLimits(page_bytes=2**20, answer_bytes=2**21, error_bytes=2**14, retries=0)

ASKER = Asker(
    user_id="user-7",
    family="Okafor",
    given="Ada",
    prefix="Dr",
    organisation_ods="A99999",
    organisation_name="Example Hospital",
)


def expect(condition: object, words: str, /) -> None:
    """Raises: AssertionError with these words, unless the condition holds."""
    if not condition:
        raise AssertionError(words)


@dataclass
class Stage:
    """A source on a server. From its request number `failing_from` on it answers as `failing` does.

    `asked` is the text of each request, and `sent` the body of each answer that is the source's own.
    """

    example: Example
    handler: Handler
    failing: Handler | None = None
    failing_from: int = 0
    asked: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    base: str = ""
    fault: Exception | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        number = len(self.asked)
        body = (await request.read()).decode(errors="replace")
        self.asked.append(unquote_plus(f"{request.method} {request.path_qs}\n{dict(request.headers)}\n{body}"))
        if self.failing is not None and number >= self.failing_from:
            return await self.failing(request)
        try:
            response = await self.handler(request)
        except web.HTTPException:
            raise
        except Exception as fault:  # noqa: BLE001 (a fault of the example's author: raised again where they see it)
            self.fault = self.fault or fault
            return web.Response(status=500)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            self.sent.append(response.body)
        return response

    @property
    def named_the_patient(self) -> bool:
        """Whether a request held one of the patient's identifiers."""
        return any(identifier.value in text for identifier in self.example.identifiers for text in self.asked)


@asynccontextmanager
async def on_stage(
    *, example: Example, handler: Handler, failing: Handler | None = None, failing_from: int = 0
) -> AsyncIterator[Stage]:
    """Serve a source.

    Raises: at the end, what the example's own code raised.
    """
    stage = Stage(example=example, handler=handler, failing=failing, failing_from=failing_from)
    async with serving(stage, path=PATH) as base:
        stage.base = base
        try:
            yield stage
        finally:
            if stage.fault is not None:
                raise stage.fault


def run(work: Callable[[], Coroutine[Any, Any, Result]], /) -> Result:
    """Run work on an event loop of its own."""
    return asyncio.run(work())


def query(*, example: Example, seconds: float = SECONDS) -> Query:
    """Return the question for everything; call it on the loop that will run it."""
    return Query(
        local_identifiers=example.identifiers,
        categories=CLINICAL_CATEGORIES,
        asker=ASKER,
        deadline=asyncio.get_running_loop().time() + seconds,
        correlation_id=uuid4(),
    )


@contextmanager
def address(*, example: Example, base: str, with_secrets: bool = True) -> Iterator[SourceAddress]:
    """Give the address of a source, with its secrets in files, as the service does."""
    with TemporaryDirectory() as folder:
        secrets: dict[str, Path] = {}
        for option, content in example.secrets.items() if with_secrets else ():
            secrets[option] = Path(folder) / option
            secrets[option].write_bytes(content)
        options: Mapping[str, str] = example.options
        yield SourceAddress(source_id="example", base_url=base, options=options, secrets=secrets)


@asynccontextmanager
async def channels(*, reach: Reach = LOOPBACK) -> AsyncIterator[LoopChannels]:
    """Give the channels of this event loop."""
    async with LoopChannels(HttpTransport(limits=LIMITS, reach=reach)) as made:
        yield made


async def ask(
    *, example: Example, base: str, seconds: float = SECONDS, reach: Reach = LOOPBACK, with_secrets: bool = True
) -> Reply:
    """Ask a source, and see that the answer is in time and that nothing which is said of a failure names the patient.

    Raises: SourceError, as the connector raised it.
    """
    with address(example=example, base=base, with_secrets=with_secrets) as source, _logs() as logs:
        async with channels(reach=reach) as made:
            asked = query(example=example, seconds=seconds)
            task = asyncio.ensure_future(example.connector.ask(source=source, query=asked, channels=made))
            done, _ = await asyncio.wait({task}, timeout=seconds + LATE_S)
            if not done:
                task.cancel()
                await asyncio.wait({task}, timeout=LATE_S)
                expect(False, "ask goes on after its deadline: pass query.deadline to everything that it waits for")
            _expect_silence(example=example, task=task, logs=logs)
            return task.result()


def _expect_silence(*, example: Example, task: asyncio.Future[Reply], logs: list[str]) -> None:
    private = [identifier.value for identifier in example.identifiers]
    private += [secret.decode(errors="replace").strip() for secret in example.secrets.values()]
    fault = task.exception()
    told = [] if fault is None else [str(fault), repr(fault), repr(fault.__cause__ or "")]
    if isinstance(fault, SourceError):
        expect(not any(text in line for text in private for line in told), "an error names the patient or a secret")
        expect(
            fault.reason is None or fault.reason.outcome is fault.outcome,
            f"{type(fault).__name__} was raised with the reason {fault.reason}, which belongs to another outcome",
        )
    expect(not any(text in line for text in private for line in logs), "a log names the patient or holds a secret")


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("aiohttp."):  # the server's own
            self.lines.append(self.format(record))


@contextmanager
def _logs() -> Iterator[list[str]]:
    listener, root = _Listener(), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield listener.lines
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
