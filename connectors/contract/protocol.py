"""The promise of every connector: a Query goes in, a Reply comes out, or a SourceError is raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from connectors.contract.values import Capabilities, Query, Reply, SourceAddress
from connectors.transport.client import Transport


class Connector(Protocol):
    """One kind of source. Stateless: one instance serves every source of its kind, on one event loop.

    `options` are the settings that a source of this kind may have, by name, with what each means.
    """

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[Mapping[str, str]]

    async def ask(self, *, source: SourceAddress, query: Query, transport: Transport) -> Reply:
        """Ask the source for the patient and return its whole answer.

        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    async def check(self, *, source: SourceAddress, transport: Transport, deadline: float) -> str:
        """Try whether a source of this kind is at the address, naming no patient, and say in a few words what it is.

        `deadline` is as a query's.
        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a payload that was saved to a file, by the same code that reads an answer off the wire.

        Raises: SourceError (Malformed) when no record is in it.
        """
        ...
