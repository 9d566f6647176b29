"""Asks a source of the kind $kind. Say here what is asked for, in order, and which specification says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from connectors.contract.categories import RecordCategory
from connectors.contract.protocol import Channels
from connectors.contract.values import Capabilities, CheckedSource, Document, DocumentQuery, Query, Reply, SourceAddress


class $class_name:
    """The connector for sources of the kind $kind. It keeps nothing between questions."""

    kind: ClassVar[str] = "$kind"
    # Name what a source of this kind can give, such as RecordCategory.ALLERGIES. `answers_serve_others`: an answer that
    # was fetched for one reader may be shown to another.
    capabilities: ClassVar[Capabilities] = Capabilities(
        categories=frozenset[RecordCategory](), answers_serve_others=False
    )
    # The settings that a source may have, by name, with what each means. TOKEN_OPTIONS and TLS_OPTIONS of
    # connectors.credentials are there to be used.
    options: ClassVar[Mapping[str, str]] = {}
    # Where sources of this kind have a standard, an attribute `conformance` lets `manage.py conformance` say what one
    # misses of it: docs/connectors.md, "Points of a standard".

    def warm_up(self) -> None:
        """Make beforehand what the first answer would otherwise wait for, such as models. Nothing may be right."""

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        """Ask the source for the patient and return its whole answer.

        Raises: SourceError, and nothing else that the source could cause.
        """
        raise NotImplementedError(
            "ask is not written yet: send the question by connectors.credentials.send_with_credentials, raise a "
            "SourceError for each way in which it can fail, and make a Reply of what came by connectors.reading"
        )

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        """Find out whether a source of this kind is at the address, without naming a patient.

        Raises: SourceError, and nothing else that the source could cause.
        """
        raise NotImplementedError(
            "check is not written yet: ask the source what it is, name no patient, and say in a few words what it is"
        )

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        """Fetch the content of a document that the source named by an address of its own.

        Raises: SourceError, and nothing else that the source could cause.
        """
        raise NotImplementedError(
            "fetch_document is not written yet: where sources of this kind have no documents, "
            "raise NotAsked(Reason.ELSEWHERE)"
        )

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a payload that was saved to a file, by the same code that reads an answer off the wire.

        Raises: SourceError (Malformed) when no record is in it.
        """
        raise NotImplementedError(
            "convert is not written yet: run the steps that read an answer by connectors.transport.pace.finish"
        )
