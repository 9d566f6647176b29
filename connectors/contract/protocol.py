"""The promise of every connector: a Query goes in, a Reply comes out, or a SourceError is raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeVar

from connectors.contract.values import (
    Capabilities,
    CheckedSource,
    Document,
    DocumentQuery,
    Query,
    Reply,
    SourceAddress,
)


class Channel(Protocol):
    """A client by which sources are reached, such as one for HTTP. It belongs to one event loop."""

    async def close(self) -> None:
        """Close every connection that it keeps."""


ChannelT = TypeVar("ChannelT", bound=Channel)


class Channels(Protocol):
    """The channels of one event loop, shared by every connector and source: one of each class."""

    def get(self, channel: type[ChannelT], /) -> ChannelT:
        """Return the channel of a class, made when it is first asked for."""
        ...


class Connector(Protocol):
    """One kind of source. Stateless: one instance serves every source of its kind, on any event loop.

    `options` are the settings that a source of this kind may have, by name, with what each means.
    """

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[Mapping[str, str]]

    def warm_up(self) -> None:
        """Make beforehand what the first answer would otherwise wait for."""

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        """Ask the source for the patient and return its whole answer.

        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        """Find out whether a source of this kind is at the address, without naming a patient.

        `deadline` is as a query's.
        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        """Fetch the content of a document that the source named by an address of its own.

        Raises: SourceError, and nothing else that the source could cause; NotAsked `elsewhere` for an address that is
        not the source's own.
        """
        ...

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a payload that was saved to a file, by the same code that reads an answer off the wire.

        Raises: SourceError (Malformed) when no record is in it.
        """
        ...


def members_missing(connector: object, /) -> list[str]:
    """Return the members of the protocol that something lacks: what is declared and imported is not yet a connector."""
    members = {*Connector.__annotations__, *(name for name in vars(Connector) if not name.startswith("_"))}
    return sorted(member for member in members if not hasattr(connector, member))
