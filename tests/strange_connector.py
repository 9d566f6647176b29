"""A connector of another distribution that does as a test says. It imports nothing of the service, as none may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.conformance import Examination, Finding, Point, PointLevel
from connectors.contract.protocol import Channels
from connectors.contract.values import Capabilities, CheckedSource, Document, DocumentQuery, Query, Reply, SourceAddress

KIND = "strange"
PATH = f"{__name__}.Strange"


class Strange:
    """Gives what comes of `does`, by the address of the source that is asked, whatever it is asked for."""

    kind: ClassVar[str] = KIND
    capabilities: ClassVar[Capabilities] = Capabilities(categories=CLINICAL_CATEGORIES, answers_serve_others=False)
    options: ClassVar[Mapping[str, str]] = {}
    does: ClassVar[dict[str, Callable[[], Awaitable[Any]]]] = {}

    def warm_up(self) -> None:
        """Make nothing beforehand."""

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        reply: Reply = await self.does[source.base_url]()
        return reply

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        checked: CheckedSource = await self.does[source.base_url]()
        return checked

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        document: Document = await self.does[source.base_url]()
        return document

    def convert(self, *, payload: bytes) -> Reply:
        raise NotImplementedError


class StrangelyExamined(Strange):
    """Examines a source by `looks`, by the id of each of two points: what it tells, and what it raises."""

    class Conformance:
        looks: ClassVar[Callable[[Callable[[str, Finding], None]], None]]
        points: tuple[Any, ...] = tuple(
            Point(
                id=level.value, level=level, demand="It is.", clause="Of nobody's, 1", address="https://strange.example"
            )
            for level in PointLevel
        )

        async def examine(
            self,
            *,
            source: SourceAddress,
            examination: Examination,
            channels: Channels,
            tell: Callable[[str, Finding], None],
        ) -> None:
            type(self).looks(tell)

    conformance: ClassVar[Any] = Conformance()


class StrangelyPointed(Strange):
    """Declares what is no point."""

    class Conformance(StrangelyExamined.Conformance):
        points: tuple[Any, ...] = ("be well",)

    conformance: ClassVar[Any] = Conformance()
