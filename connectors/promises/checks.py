"""The promises, one check each. A check raises AssertionError, in words for the connector's author.

`PROMISES` is all of them. Each serves the source of an Example on loopback; none needs a service or a setting.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from connectors.contract.categories import category_of_type
from connectors.contract.errors import Malformed, NoCredentials, NotAsked, SourceError, Unreachable
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.protocol import members_missing
from connectors.contract.values import DocumentQuery, Reply
from connectors.promises.example import Example
from connectors.promises.serving import Handler
from connectors.promises.stage import (
    ASKER,
    LATE_S,
    SECONDS,
    Stage,
    address,
    ask,
    channels,
    expect,
    on_stage,
    query,
    run,
)
from connectors.transport.addresses import Reach
from fhir_data.errors import EntryFault
from fhir_data.heads import entry_name, type_of
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, verdict

KIND = re.compile(r"[a-z][a-z0-9_]{0,29}")
HANG_S = 0.6


class Promise(Protocol):
    """A check of one promise."""

    __name__: str

    def __call__(self, *, example: Example) -> None:
        """Raises: AssertionError where the promise is not kept."""


def says_what_it_is(*, example: Example) -> None:
    """It has every member of the protocol, a kind, categories, and words for each of its options."""
    connector = example.connector
    missing = members_missing(connector)
    expect(not missing, f"the connector lacks {', '.join(missing)}: see connectors/contract/protocol.py")
    expect(
        KIND.fullmatch(connector.kind),
        "its kind must be a lower-case letter and then lower-case letters, digits or underscores, at most 30 in all",
    )
    clinical = any(category.is_clinical for category in connector.capabilities.categories)
    expect(clinical, "capabilities.categories names no clinical category: what can a source of this kind give?")
    for name, words in connector.options.items():
        expect(words.strip(), f"the option {name} has no words: say what it means")
    unknown = sorted({*example.options, *example.secrets} - set(connector.options))
    expect(not unknown, f"the example uses options that the connector does not declare: {', '.join(unknown)}")
    connector.warm_up()


def gives_everything_once(*, example: Example) -> None:
    """Of a source that is well comes the patient's own Patient, and each resource exactly once."""
    reply, _ = _answer(example=example, state="well")
    _expect_whole(example=example, reply=reply)
    expect(reply.in_part is None, f"the source gave everything, and the reply says that it is in part: {reply.in_part}")
    expect(not reply.quarantined, f"entries that can be used were set aside: {_quarantined(reply)}")


def keeps_what_was_sent(*, example: Example) -> None:
    """The bytes of each resource are kept as the source sent them: nothing is written anew."""
    reply, stage = _answer(example=example, state="well")
    for item in reply.items:
        kept = item.resource if item.original is None else item.original
        expect(
            any(kept in body for body in stage.sent),
            f"{entry_name(entry=item.resource)} is not as it was sent: what you made of it goes into `resource`, and "
            "the bytes that it was made from, cut out of the answer, into `original`",
        )


def gives_r4(*, example: Example) -> None:
    """What is given as R4 can be read as R4, and stands in a category that the connector declares."""
    reply, _ = _answer(example=example, state="well")
    expect(
        not isinstance(verdict(entry=reply.subject or b"", release=Release.R4), RefusedEntry)
        and type_of(entry=reply.subject or b"") == "Patient",
        "the reply's subject cannot be read as a Patient of FHIR R4",
    )
    for item in reply.items:
        name = entry_name(entry=item.resource)
        expect(
            item.category in example.connector.capabilities.categories,
            f"{name} is in the category {item.category}, which capabilities.categories does not name",
        )
        expected = category_of_type(type_of(entry=item.resource))
        expect(
            expected is None or expected.is_billing == item.category.is_billing,
            f"{name} is in the category {item.category}; by its type it belongs to {expected}",
        )
        if item.translated:
            judged = verdict(entry=item.resource, release=Release.R4)
            expect(not isinstance(judged, RefusedEntry), f"{name} cannot be read as FHIR R4")


def sets_aside_what_cannot_be_used(*, example: Example) -> None:
    """An entry that cannot be used is quarantined with its bytes, and costs no other."""
    reply, stage = _answer(example=example, state="broken")
    _expect_whole(example=example, reply=reply)
    expect(
        len(reply.quarantined) == 1,
        f"of one entry that cannot be used, {len(reply.quarantined)} are in `quarantined`: it must be there, once",
    )
    (entry,) = reply.quarantined
    expect(any(entry.original in body for body in stage.sent), "the quarantined entry is not kept as it was sent")


def sets_aside_what_is_somebody_elses(*, example: Example) -> None:
    """An entry that is somebody else's is quarantined as such, and is no item."""
    reply, stage = _answer(example=example, state="mixed")
    _expect_whole(example=example, reply=reply)
    reasons = [entry.reason for entry in reply.quarantined]
    expect(
        reasons == [EntryFault.OTHER_PATIENT],
        "the entry of somebody else must be in `quarantined` with the reason OTHER_PATIENT: `connectors.reading` asks "
        "whose each entry is (`ownership`, `find_owners`, `sort_entries`)",
    )
    (entry,) = reply.quarantined
    kept = any(entry.original in body for body in stage.sent)
    expect(kept, "the entry of somebody else is not kept as it was sent: give its bytes as the `whole` of its entry")


def says_that_it_does_not_know_the_patient(*, example: Example) -> None:
    """A source that does not know the patient is no source that holds nothing about them."""
    outcome = _outcome(example=example, handler=example.unknown)
    expect(
        outcome in (Outcome.UNKNOWN_PATIENT, Outcome.REFUSED),
        f"a source that does not know the patient {_ended(outcome)}: raise UnknownPatient, or Refused where this kind "
        "of source does not tell one from the other",
    )


def shows_whose_record_it_is(*, example: Example) -> None:
    """The record of somebody else is refused, or comes with their own Patient, by which the service knows it."""
    try:
        reply, _ = _asked(example=example, handler=example.stranger)
    except SourceError:
        return
    expect(
        reply.subject is not None,
        "the record of somebody else came without its Patient: the service cannot tell that it is not the patient's",
    )
    values = [identifier.value.encode() for identifier in example.identifiers]
    expect(
        reply.subject is None or not any(value in reply.subject for value in values),
        "the Patient in the reply bears the identifier that was asked for: give the source's own, as it was sent",
    )


def names_every_fault(*, example: Example) -> None:
    """Whatever fails, from whichever request on: it is named, or the reply says that something is missing."""
    well, stage = _answer(example=example, state="well")
    for fault in FAULTS:
        for number in range(len(stage.asked)):
            _expect_named(example=example, well=well, fault=fault, number=number)
    outcome = _outcome_of(lambda: run(lambda: ask(example=example, base="http://127.0.0.1:9/")))
    expect(outcome is Outcome.UNREACHABLE, f"a source at which nothing listens {_ended(outcome)}: raise Unreachable")


def ends_at_its_deadline(*, example: Example) -> None:
    """A source that hangs, from whichever request on, ends at the deadline: timed out, or in part."""
    well, stage = _answer(example=example, state="well")
    fault = Fault(name="hangs", respond=_hang, outcomes=frozenset({Outcome.TIMED_OUT}))
    for number in range(len(stage.asked)):
        _expect_named(example=example, well=well, fault=fault, number=number, seconds=HANG_S)


def ends_when_it_is_cancelled(*, example: Example) -> None:
    """A retrieval that is given up ends at once: no `except` swallows the cancellation."""

    async def work() -> None:
        async with (
            on_stage(example=example, handler=example.well, failing=_hang) as stage,
            channels() as made,
        ):
            with address(example=example, base=stage.base) as source:
                asked = query(example=example)
                task = asyncio.ensure_future(example.connector.ask(source=source, query=asked, channels=made))
                while not stage.asked and not task.done():
                    await asyncio.sleep(0.01)
                if task.done():
                    task.result()  # it failed before it asked anything
                task.cancel()
                await asyncio.wait({task}, timeout=LATE_S)
                expect(task.done(), "ask goes on after it was cancelled")
                kept = task.cancelled() or task.exception() is None  # asking for it counts as having seen it
                expect(task.cancelled() and kept, "ask caught its own cancellation: catch no BaseException")

    run(work)


def checks_without_naming_anybody(*, example: Example) -> None:
    """`check` says what is at an address, names no patient, and does not take a web page for a source."""

    async def checked(*, failing: Handler | None = None) -> Stage:
        async with on_stage(example=example, handler=example.well, failing=failing) as stage, channels() as made:
            with address(example=example, base=stage.base) as source:
                deadline = asyncio.get_running_loop().time() + SECONDS
                found = await example.connector.check(source=source, channels=made, deadline=deadline)
            expect(found.words.strip(), "check found the source and has no words for it")
            beyond = (found.holds or frozenset()) - example.connector.capabilities.categories
            expect(not beyond, "check says that the source holds what capabilities.categories does not name")
            return stage

    stage = run(checked)
    expect(stage.asked, "check asked the source nothing")
    expect(not stage.named_the_patient, "check names a patient")
    outcome = _outcome_of(lambda: run(lambda: checked(failing=_web_page)))
    expect(outcome is not None, "check takes a web page for a source of this kind: raise Unreachable or Malformed")


def reaches_out_by_channels_only(*, example: Example) -> None:
    """A source outside the networks that may be asked is not asked: all goes out through a channel."""

    async def work() -> None:
        async with on_stage(example=example, handler=example.well) as stage:
            try:
                await ask(example=example, base=stage.base, reach=Reach())
            except SourceError as error:
                kept = isinstance(error, Unreachable) and error.reason is Reason.ADDRESS
                expect(kept, f"an address that may not be asked ended as {error}: let pass what the transport raises")
            else:
                expect(False, "an address that may not be asked was asked")
            expect(not stage.asked, "a request went past the channels: use channels.get(HttpTransport)")

    run(work)


def keeps_nothing_between_questions(*, example: Example) -> None:
    """One instance answers for several sources at once, and on one event loop after another."""

    async def work() -> tuple[Reply, Reply]:
        async with (
            on_stage(example=example, handler=example.well) as well,
            on_stage(example=example, handler=example.unknown) as other,
        ):
            asked = [asyncio.ensure_future(ask(example=example, base=stage.base)) for stage in (well, other, well)]
            await asyncio.wait(asked)
            first, _, third = asked
            faults = [task.exception() for task in asked]
            for fault in faults:
                if fault is not None and not isinstance(fault, SourceError):
                    raise fault
            expect(faults[1], "asked beside another, a source that does not know the patient gave a record")
            return first.result(), third.result()

    for _ in range(2):
        for reply in run(work):
            _expect_whole(example=example, reply=reply)


def fetches_documents_of_its_own_source_only(*, example: Example) -> None:
    """An address that a source names on another server is not asked, whoever listens there."""

    async def work() -> None:
        async with (
            on_stage(example=example, handler=example.well) as stage,
            on_stage(example=example, handler=example.well) as other,
            channels() as made,
        ):
            with address(example=example, base=stage.base) as source:
                asked = query(example=example)
                document = DocumentQuery(
                    address=f"{other.base}/Binary/1",
                    asker=ASKER,
                    deadline=asked.deadline,
                    correlation_id=asked.correlation_id,
                )
                try:
                    await example.connector.fetch_document(source=source, query=document, channels=made)
                except SourceError as error:
                    refused = isinstance(error, NotAsked) and error.reason is Reason.ELSEWHERE
                    expect(refused, f"an address on another server ended as {error}: it is NotAsked, ELSEWHERE")
                else:
                    expect(False, "a document was fetched from another server: raise NotAsked(Reason.ELSEWHERE)")
            expect(not other.asked, "another server was asked for a document")

    run(work)


def reads_a_saved_answer(*, example: Example) -> None:
    """`convert` makes of a saved answer what `ask` makes of it, and says where a file holds no record."""
    reply = example.connector.convert(payload=example.saved)
    _expect_whole(example=example, reply=reply)
    for payload in (b"", b"\x00\xff", b"<html></html>", b"[]", b"{}"):
        try:
            example.connector.convert(payload=payload)
        except Malformed:
            continue
        expect(False, f"convert took {payload!r} for a record: raise Malformed")


def says_when_its_secrets_are_missing(*, example: Example) -> None:
    """Where a secret is named and missing, it is our fault, and the source is not told of the patient."""
    if not example.secrets:
        return

    async def work() -> None:
        async with on_stage(example=example, handler=example.well) as stage:
            try:
                await ask(example=example, base=stage.base, with_secrets=False)
            except SourceError as error:
                expect(isinstance(error, NoCredentials), f"a secret is missing, and ask ended as {error}")
                expect(not stage.named_the_patient, "the source was told of the patient without our credentials")
            else:
                expect(False, "a secret is missing, and nothing says so: raise NoCredentials")

    run(work)


PROMISES: tuple[Promise, ...] = (
    says_what_it_is,
    gives_everything_once,
    keeps_what_was_sent,
    gives_r4,
    sets_aside_what_cannot_be_used,
    sets_aside_what_is_somebody_elses,
    says_that_it_does_not_know_the_patient,
    shows_whose_record_it_is,
    names_every_fault,
    ends_at_its_deadline,
    ends_when_it_is_cancelled,
    checks_without_naming_anybody,
    reaches_out_by_channels_only,
    keeps_nothing_between_questions,
    fetches_documents_of_its_own_source_only,
    reads_a_saved_answer,
    says_when_its_secrets_are_missing,
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """How a source fails, and as what that may end where nothing of the record came."""

    name: str
    respond: Handler
    outcomes: frozenset[Outcome]


def _says(status: int, /, *, body: bytes = b"", **headers: str) -> Handler:
    async def respond(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": "application/json", **named})

    return respond


async def _web_page(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><body>Sign in</body></html>", content_type="text/html")


async def _hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(SECONDS)
    return web.Response(status=503)


async def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


async def _cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"cut":')
    if request.transport is not None:
        request.transport.close()
    return response


_UNREACHABLE = frozenset({Outcome.UNREACHABLE})
_UNUSABLE = frozenset({Outcome.MALFORMED, Outcome.UNREACHABLE})
FAULTS = (
    Fault(name="answers 401", respond=_says(401), outcomes=frozenset({Outcome.REFUSED})),
    Fault(name="answers 403", respond=_says(403), outcomes=frozenset({Outcome.REFUSED})),
    Fault(name="answers 429 and asks us to wait", respond=_says(429, Retry_After="60"), outcomes=_UNREACHABLE),
    Fault(name="answers 500", respond=_says(500), outcomes=_UNREACHABLE),
    Fault(name="answers 503", respond=_says(503), outcomes=_UNREACHABLE),
    Fault(name="answers 504", respond=_says(504), outcomes=_UNREACHABLE),
    Fault(name="drops the connection", respond=_drop, outcomes=_UNUSABLE),
    Fault(name="cuts its answer short", respond=_cut_short, outcomes=_UNUSABLE),
    Fault(name="sends a web page", respond=_web_page, outcomes=_UNUSABLE),
    Fault(name="sends nothing", respond=_says(200), outcomes=_UNUSABLE),
    Fault(name="sends bytes without a meaning", respond=_says(200, body=b"\x00\xff" * 99), outcomes=_UNUSABLE),
    Fault(name="sends too much", respond=_says(200, body=b" " * 2**21), outcomes=_UNUSABLE),
    Fault(name="nests too deeply", respond=_says(200, body=b"[" * 5000 + b"]" * 5000), outcomes=_UNUSABLE),
    Fault(name="points elsewhere", respond=_says(302, Location="http://127.0.0.1:9/"), outcomes=_UNUSABLE),
)
_SAY_WHAT_IS_MISSING = frozenset({*(code for code in NoticeCode if code.leaves_out), NoticeCode.RESOURCE_WARNING})


def _answer(*, example: Example, state: str) -> tuple[Reply, Stage]:
    """Return what comes of the example's source in a state in which it answers."""
    try:
        return _asked(example=example, handler=getattr(example, state))
    except SourceError as error:
        raise AssertionError(f"the source that is `{state}` ended as {error}: it gives a record") from error


def _asked(*, example: Example, handler: Handler) -> tuple[Reply, Stage]:
    async def work() -> tuple[Reply, Stage]:
        async with on_stage(example=example, handler=handler) as stage:
            return await ask(example=example, base=stage.base), stage

    return run(work)


def _outcome(*, example: Example, handler: Handler) -> Outcome | None:
    return _outcome_of(lambda: _asked(example=example, handler=handler))


def _outcome_of(work: Callable[[], object], /) -> Outcome | None:
    """Return the outcome of the SourceError that work ends in, None where it gives an answer."""
    try:
        work()
    except SourceError as error:
        return error.outcome
    return None


def _ended(outcome: Outcome | None, /) -> str:
    return "gave an answer" if outcome is None else f"ended as {outcome}"


def _warnings(reply: Reply, /) -> Counter[Notice]:
    return Counter(notice for notice in reply.notices if notice.code in _SAY_WHAT_IS_MISSING)


def _expect_named(*, example: Example, well: Reply, fault: Fault, number: int, seconds: float = SECONDS) -> None:
    """`well` is what came of the source while it was well: what is said of that one too says nothing of the fault."""
    where = f"a source that {fault.name} from its request number {number + 1} on"

    async def work() -> Reply:
        async with on_stage(example=example, handler=example.well, failing=fault.respond, failing_from=number) as stage:
            return await ask(example=example, base=stage.base, seconds=seconds)

    try:
        reply = run(work)
    except SourceError as error:
        named = " or ".join(sorted(outcome.name for outcome in fault.outcomes))
        expect(error.outcome in fault.outcomes, f"{where} ended as {error.outcome.name}: it is {named}")
        return
    except (AssertionError, NotImplementedError, asyncio.CancelledError):
        raise
    except Exception as error:
        raise AssertionError(
            f"{where} ended in {type(error).__name__}: raise a SourceError for whatever a source can cause"
        ) from error
    names = _names(reply)
    expect(not names - Counter(example.expected), f"of {where} came what it does not hold")
    missing = len(Counter(example.expected) - names)
    said = reply.in_part is not None or bool(_warnings(reply) - _warnings(well))
    expect(
        not missing or said,
        f"of {where}, {missing} resources are missing and nothing says so: set `in_part` and add a notice to each "
        "section concerned, or raise a SourceError",
    )


def _expect_whole(*, example: Example, reply: Reply) -> None:
    expect(reply.subject is not None, "the reply has no subject: the patient's own Patient resource, as R4")
    subject = entry_name(entry=reply.subject or b"")
    expect(subject == example.subject, f"the reply's subject is {subject or 'without an id'}, not {example.subject}")
    names, expected = _names(reply), Counter(example.expected)
    expect(not expected - names, f"these did not come: {_listed(expected - names)}")
    expect(not names - expected, f"these came and are not expected, or came twice: {_listed(names - expected)}")


def _names(reply: Reply, /) -> Counter[str]:
    return Counter(entry_name(entry=item.resource) for item in reply.items)


def _listed(names: Iterable[str], /) -> str:
    return ", ".join(sorted(name or "one without an id" for name in names))


def _quarantined(reply: Reply, /) -> str:
    return ", ".join(f"{entry.reason} {entry.detail}".strip() for entry in reply.quarantined)
