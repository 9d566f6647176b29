"""Every kind of ours keeps the promises that its author may check by; and each check notices a broken promise."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from msgspec import structs

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, SourceError, TimedOut, UnknownPatient, WrongPatient
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import (
    CheckedSource,
    Document,
    DocumentQuery,
    Query,
    ReceivedItem,
    Reply,
    SourceAddress,
)
from connectors.fhir_r4.connector import FhirR4
from connectors.promises import checks
from connectors.promises.checks import PROMISES, Promise
from connectors.transport.client import HttpTransport
from tests.contract.examples import EXAMPLES
from tests.contract.loopback import CORRELATION, NHS_NUMBER, PATIENT


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_our_kinds_keep_every_promise(kind: str, promise: Promise) -> None:
    promise(example=EXAMPLES[kind])


class LacksDocuments:
    kind = "lacks_documents"
    capabilities = FhirR4.capabilities
    options = FhirR4.options
    warm_up, ask, check, convert = FhirR4.warm_up, FhirR4.ask, FhirR4.check, FhirR4.convert


class LosesOne(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        return replace(reply, items=reply.items[1:])


class GivesTwice(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        return replace(reply, items=(*reply.items, *reply.items[:1]))


class WritesAnew(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        anew = [json.dumps(json.loads(item.resource), indent=1).encode() for item in reply.items]
        items = (structs.replace(item, resource=body) for item, body in zip(reply.items, anew, strict=True))
        return replace(reply, items=tuple(items))


class CallsItBilling(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        return replace(
            reply, items=tuple(structs.replace(item, category=RecordCategory.BILLING) for item in reply.items)
        )


class DropsWhatIsBroken(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        return replace(await super().ask(**asked), quarantined=())


class ShowsWhatIsSomebodyElses(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        more = (ReceivedItem(category=RecordCategory.OTHER, resource=entry.original) for entry in reply.quarantined)
        return replace(reply, items=(*reply.items, *more), quarantined=())


class KeepsAnewWhatIsSomebodyElses(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        return replace(
            reply,
            quarantined=tuple(
                replace(entry, original=b" ".join(entry.original.split(b","))) for entry in reply.quarantined
            ),
        )


class TakesUnknownForEmpty(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        try:
            return await super().ask(**asked)
        except UnknownPatient:
            return Reply(subject=None)


class SaysThatItIsWhoWasAskedFor(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        try:
            return await super().ask(**asked)
        except WrongPatient:
            return Reply(subject=json.dumps(PATIENT).encode())


class HidesFaults(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        try:
            return await super().ask(**asked)
        except SourceError:
            return Reply(subject=json.dumps(PATIENT).encode())


class HasAnotherNameForFaults(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        try:
            return await super().ask(**asked)
        except SourceError:
            raise Malformed(Reason.NOT_FHIR) from None


class WarnsAlways(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        reply = await super().ask(**asked)
        return replace(reply, notices=(Notice(code=NoticeCode.INCOMPLETE),), in_part=None)


class GivesNoPatient(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        return replace(await super().ask(**asked), subject=b'{"resourceType":"Person","id":"p1"}')


class FallsOverFaults(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        try:
            return await super().ask(**asked)
        except SourceError:
            raise KeyError("entry") from None


class NamesThePatientInErrors(FhirR4):
    async def ask(self, *, query: Query, **asked: Any) -> Reply:
        try:
            return await super().ask(query=query, **asked)
        except SourceError as error:
            error.args = (query.local_identifiers[0].value,)
            raise


class NamesThePatientInLogs(FhirR4):
    async def ask(self, *, query: Query, **asked: Any) -> Reply:
        logging.getLogger("one.of.theirs").debug("asking for %s", query.local_identifiers[0].value)
        return await super().ask(query=query, **asked)


class IgnoresItsDeadline(FhirR4):
    async def ask(self, *, query: Query, **asked: Any) -> Reply:
        return await super().ask(query=replace(query, deadline=query.deadline + 60), **asked)


class SwallowsCancellation(FhirR4):
    async def ask(self, **asked: Any) -> Reply:
        with suppress(asyncio.CancelledError):
            return await super().ask(**asked)
        raise TimedOut()


class ChecksNothing(FhirR4):
    async def check(self, **_: Any) -> CheckedSource:
        return CheckedSource(words="a source, surely")


class ChecksByAPatient(FhirR4):
    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        url = f"{source.base_url}/metadata?identifier={NHS_NUMBER}"
        await get(channels=channels, url=url, deadline=deadline)
        return await super().check(source=source, channels=channels, deadline=deadline)


class GoesPastTheChannels(FhirR4):
    async def ask(self, *, source: SourceAddress, **asked: Any) -> Reply:
        async with aiohttp.ClientSession() as session, session.get(source.base_url):
            return await super().ask(source=source, **asked)


class KeepsAnAnswer(FhirR4):
    kept: Reply | None = None

    async def ask(self, **asked: Any) -> Reply:
        self.kept = self.kept or await super().ask(**asked)
        return self.kept


class FetchesAnything(FhirR4):
    async def fetch_document(self, *, query: DocumentQuery, channels: Channels, **_: Any) -> Document:
        await get(channels=channels, url=query.address, deadline=query.deadline)
        return Document(content_type="text/plain", encoded="", head=b"{}")


class ReadsAnythingSaved(FhirR4):
    def convert(self, *, payload: bytes) -> Reply:
        try:
            return super().convert(payload=payload)
        except Malformed:
            return Reply(subject=None)


class DoesWithoutSecrets(FhirR4):
    async def ask(self, *, source: SourceAddress, **asked: Any) -> Reply:
        options = source.options if source.secrets else {}
        return await super().ask(source=replace(source, options=options), **asked)


async def get(*, channels: Channels, url: str, deadline: float) -> None:
    await channels.get(HttpTransport).request(
        method="GET", url=url, headers={}, source_id="s", deadline=deadline, correlation_id=CORRELATION
    )


@pytest.mark.parametrize(
    ("connector", "promise"),
    [
        (LacksDocuments, checks.says_what_it_is),
        (LosesOne, checks.gives_everything_once),
        (GivesTwice, checks.gives_everything_once),
        (LosesOne, checks.sets_aside_what_cannot_be_used),
        (WritesAnew, checks.keeps_what_was_sent),
        (CallsItBilling, checks.gives_r4),
        (DropsWhatIsBroken, checks.sets_aside_what_cannot_be_used),
        (ShowsWhatIsSomebodyElses, checks.sets_aside_what_is_somebody_elses),
        (KeepsAnewWhatIsSomebodyElses, checks.sets_aside_what_is_somebody_elses),
        (TakesUnknownForEmpty, checks.says_that_it_does_not_know_the_patient),
        (SaysThatItIsWhoWasAskedFor, checks.shows_whose_record_it_is),
        (HidesFaults, checks.names_every_fault),
        (HasAnotherNameForFaults, checks.names_every_fault),
        (WarnsAlways, checks.names_every_fault),
        (GivesNoPatient, checks.gives_r4),
        (FallsOverFaults, checks.names_every_fault),
        (NamesThePatientInErrors, checks.names_every_fault),
        (NamesThePatientInLogs, checks.gives_everything_once),
        (IgnoresItsDeadline, checks.ends_at_its_deadline),
        (SwallowsCancellation, checks.ends_when_it_is_cancelled),
        (ChecksNothing, checks.checks_without_naming_anybody),
        (ChecksByAPatient, checks.checks_without_naming_anybody),
        (GoesPastTheChannels, checks.reaches_out_by_channels_only),
        (KeepsAnAnswer, checks.keeps_nothing_between_questions),
        (FetchesAnything, checks.fetches_documents_of_its_own_source_only),
        (ReadsAnythingSaved, checks.reads_a_saved_answer),
        (DoesWithoutSecrets, checks.says_when_its_secrets_are_missing),
    ],
    ids=lambda value: value.__name__,
)
def test_a_promise_that_is_broken_is_noticed(connector: type[Any], promise: Promise) -> None:
    with pytest.raises(AssertionError):
        promise(example=replace(EXAMPLES["fhir_r4"], connector=connector()))


def test_what_the_code_of_an_example_raises_is_what_its_author_sees() -> None:
    async def unfinished(_: web.Request) -> web.StreamResponse:
        raise NotImplementedError("write me")

    with pytest.raises(NotImplementedError, match="write me"):
        checks.gives_everything_once(example=replace(EXAMPLES["fhir_r4"], well=unfinished))


def test_every_promise_is_broken_by_one_of_these() -> None:
    marks = test_a_promise_that_is_broken_is_noticed.pytestmark  # type: ignore[attr-defined]
    assert {promise for _, promise in marks[0].args[1]} == set(PROMISES)
