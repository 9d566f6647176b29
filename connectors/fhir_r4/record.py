"""Reads a patient's record: $everything, or one search per type. What came is kept when the rest is lost.

Source: FHIR R4 RESTful API, Search, Paging; Patient/$everything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import CutShort, Malformed, NotAsked, Refused, SourceError, TimedOut, Unreachable
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import Reply
from connectors.fhir_r4.capability import SearchableType, ServerCapability
from connectors.fhir_r4.pages import Survey, gives_others, read_bodies, survey
from connectors.fhir_r4.paging import MAX_PAGES, following, how_many, pages_after
from connectors.fhir_r4.session import ServerSession, expect_success
from connectors.fhir_r4.type_words import type_words
from connectors.transport.client import Answer
from fhir_data.labels import Label
from fhir_data.splitting import SentBody

# How many entries a page is asked for: some servers refuse more than a hundred. Source: AWS HealthLake, "Search".
PAGE_SIZE, SMALL_PAGE = 200, 100
# And how many where so many take more bytes than a page may have.
FEW_A_PAGE = 20
MOST_IN_ONE_PAGE = 2000
REMEMBERED_S = 600.0  # how a server names patients in searches
SEARCHES_AT_ONCE = 4
_COUNT = re.compile(r"(?<=[?&])_count=[0-9]+")
# Pages of one search that are asked for before it is known that they are there.
AHEAD = 2
# What nearly every record has some of: asked for where $everything has nothing in it.
PROBED_TYPES = frozenset({"AllergyIntolerance", "Condition", "Encounter", "Observation"})
# What a server says to a search that it may answer if it is put in fewer words.
REJECTED = frozenset({400, 413, 414, 422})
# Of the errors of a client, those that do not say that a search is not supported.
_NOT_NOW_OR_NOT_YOU = frozenset({401, 403, 408, 429, 451})
# Pages of one search that are read where it gives what is other patients': it pays no heed to whom it is asked about.
MOST_UNHEEDED = 10
# What a server may demand beside the patient, and what it then is asked for, one value at a time. Source: US Core 6.1,
# the searches that a server has to have; FHIR R4, ObservationCategoryCodes, CareTeamStatus, medicationRequest Intent.
_NARROWED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "CarePlan": ("category", ("assess-plan",)),
    "CareTeam": ("status", ("active", "proposed", "suspended", "inactive", "entered-in-error")),
    "Condition": ("category", ("problem-list-item", "encounter-diagnosis", "health-concern")),
    "DiagnosticReport": ("category", ("LAB", "LP29684-5", "LP29708-2", "LP7839-6")),
    "DocumentReference": ("category", ("clinical-note",)),
    "MedicationRequest": (
        "intent",
        (
            *("order", "plan", "proposal", "original-order"),
            *("reflex-order", "filler-order", "instance-order", "option"),
        ),
    ),
    "Observation": (
        "category",
        (
            *("laboratory", "vital-signs", "social-history", "imaging", "procedure"),
            *("survey", "exam", "therapy", "activity"),
        ),
    ),
}
# Faults that cost one search and no more; any other means that the answer as a whole cannot be trusted.
LOST = (TimedOut, Unreachable, CutShort, Refused, NotAsked)
TOO_MUCH = "there was too much to take."
# Where several faults left nothing, the first of these kinds is reported.
_SAYS_MOST = (Refused, CutShort, TimedOut, Unreachable, NotAsked, Malformed)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of a record. `in_part`: why part of it did not come, if so; the notices say which part."""

    pages: tuple[bytes, ...]
    in_part: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class _Page:
    body: bytes
    survey: Survey


@dataclass(frozen=True, kw_only=True)
class _Searched:
    """What one search brought. `lost` is the fault that ended it; without any page it was not answered."""

    pages: tuple[_Page, ...] = ()
    lost: SourceError | None = None
    of_pages: int | None = None  # how many pages there are, where some are lost and that is known
    supported: bool = True
    rejected: bool = False  # not supported as it was asked: it may be in other words
    status: int = 200  # with what it was answered, where it is not supported
    narrowed_by: str = ""  # the parameter by which it had to be narrowed: what has none of the usual values is missing

    @property
    def bodies(self) -> tuple[bytes, ...]:
        return tuple(page.body for page in self.pages)

    @property
    def is_refused(self) -> bool:
        """Whether all of it was refused; pages before one that was are a part of it."""
        return isinstance(self.lost, Refused) and not self.pages

    @property
    def has_content(self) -> bool:
        return any(page.survey.has_content for page in self.pages)

    @property
    def warnings(self) -> tuple[tuple[Label, ...], ...]:
        """The labels of each error that a page holds beside its entries, each combination once."""
        return tuple(dict.fromkeys(labels for page in self.pages for labels in page.survey.warnings))


async def read_record(*, session: ServerSession, capability: ServerCapability, patient_id: str) -> Record:
    """Read a patient's record.

    Raises: NotAsked `nothing-searchable` when there is no way to ask for it; the fault that left nothing; Malformed
    when any part of the answer cannot be trusted.
    """
    if capability.everything:
        url = f"{session.base}/Patient/{patient_id}/$everything"
        ways = (f"{url}?_count={PAGE_SIZE}", f"{url}?_count={SMALL_PAGE}", url)
        whole = await _ask(session=session, ways=ways, patient_id=patient_id, counts_included=True)
        is_empty = whole.pages and not whole.lost and not whole.has_content
        if is_empty and await _is_more_found(
            session=session, capability=capability, whole=whole, patient_id=patient_id
        ):
            searched = await _search(session=session, capability=capability, patient_id=patient_id)
            return replace(searched, pages=(*whole.bodies, *searched.pages))
        if whole.has_content or (whole.pages and not whole.lost):
            if whole.lost:
                words = _which_pages(of="the record", searched=whole)
                session.notices.append(Notice(code=NoticeCode.INCOMPLETE, text=words))
            else:
                words = "It reported an error with its answer."
                session.notices.extend(_notices_of_warnings(whole, words=words, category=None))
            return Record(pages=whole.bodies, in_part=Reason.PAGES if whole.lost else None)
        may_search = isinstance(whole.lost, Refused) or _is_too_large(whole.lost)
        if whole.lost and (not capability.searchable or not may_search):
            raise whole.lost
        # Declared, but not there, or not to be had in parts that can be taken: the searches remain.
    return await _search(session=session, capability=capability, patient_id=patient_id)


async def _is_more_found(
    *, session: ServerSession, capability: ServerCapability, whole: _Searched, patient_id: str
) -> bool:
    """Return whether searches find something of the patient where $everything, `whole`, has nothing but the Patient.

    Some servers have the operation and give no more. One page of each search is looked at; a search that fails says
    nothing.
    """

    async def finds(searched: SearchableType) -> bool:
        ways = _addresses(base=session.base, searched=searched, patient_id=patient_id, by_type=False)
        with suppress(SourceError):
            _, answer = await _accepted(session=session, ways=ways)
            expect_success(answer=answer)
            pages = (*whole.bodies, (await _page(session=session, answer=answer)).body)
            reply = await session.read(read_bodies, *pages, result=Reply, patient_id=patient_id, base=session.base)
            return any(item.category.is_clinical for item in reply.items)
        return False

    return any(await asyncio.gather(*(finds(type_) for type_ in capability.types if type_.name in PROBED_TYPES)))


async def _search(*, session: ServerSession, capability: ServerCapability, patient_id: str) -> Record:
    wanted = [
        searched
        for searched in capability.types
        if searched.category is RecordCategory.SUPPORTING or not session.query.categories.isdisjoint(searched.fills)
    ]
    results = await _search_either_way(session=session, wanted=wanted, patient_id=patient_id)
    results = await _search_narrowed(session=session, wanted=wanted, results=results, patient_id=patient_id)
    clinical = [result for searched, result in zip(wanted, results, strict=True) if searched.category.is_clinical]
    _expect_something(clinical)
    for searched, result in zip(wanted, results, strict=True):
        session.notices.extend(_notices(searched=searched, result=result))
    for category in _unserved(wanted=wanted, results=results):
        session.notices.append(Notice(code=NoticeCode.NOT_SERVED, category=category))
    lost = [result for result in results if result.lost is not None and not result.is_refused]
    reason = Reason.PAGES if all(result.pages for result in lost) else Reason.SEARCHES
    return Record(pages=tuple(body for result in results for body in result.bodies), in_part=reason if lost else None)


async def _search_either_way(
    *, session: ServerSession, wanted: Sequence[SearchableType], patient_id: str
) -> list[_Searched]:
    """Search by `patient=ID`, and by `patient=Patient/ID` where that brought nothing at all.

    A server must take both, and one that takes only the second says to the first that there is nothing. Which one
    brought something is remembered.
    Source: FHIR R4, Search, 3.1.1.4.10 (reference).
    """
    transport, key = session.transport, _names_key(session)
    known = transport.recall(key=key)
    results = await _search_all(session=session, wanted=wanted, patient_id=patient_id, by_type=known is True)
    named = [at for at, searched in enumerate(wanted) if searched.parameter == "patient"]
    if any(results[at].has_content for at in named):
        transport.remember(key=key, value=known is True, seconds=REMEMBERED_S)
        return results
    empty = [at for at in named if results[at].pages and results[at].lost is None]
    if known is not None or not empty:
        return results
    again = [wanted[at] for at in empty]
    others = await _search_all(session=session, wanted=again, patient_id=patient_id, by_type=True)
    if any(other.has_content for other in others):
        transport.remember(key=key, value=True, seconds=REMEMBERED_S)
        for at, other in zip(empty, others, strict=True):
            results[at] = other
    return results


def _names_key(session: ServerSession, /) -> str:
    return f"names patients {session.base}"


async def _search_narrowed(
    *, session: ServerSession, wanted: Sequence[SearchableType], results: Sequence[_Searched], patient_id: str
) -> list[_Searched]:
    """Search by one value after the other of what a server may demand beside the patient, where it took no search.

    Source: US Core 6.1, CapabilityStatement of a server; FHIR R4, RESTful API, 3.1.0.1.6 (too costly).
    """
    at_fault = [
        at
        for at, (searched, result) in enumerate(zip(wanted, results, strict=True))
        if result.rejected and searched.name in _NARROWED
    ]
    narrower = [
        replace(wanted[at], narrowed_by=(_NARROWED[wanted[at].name][0], value))
        for at in at_fault
        for value in _NARROWED[wanted[at].name][1]
    ]
    by_type = session.transport.recall(key=_names_key(session)) is True
    if session.rejections.are_all:  # one value of each type shows whether any helps
        firsts = {each.name: each for each in reversed(narrower)}
        tried = await _search_all(
            session=session, wanted=tuple(firsts.values()), patient_id=patient_id, by_type=by_type
        )
        if not any(part.supported for part in tried):
            return list(results)
    parts = await _search_all(session=session, wanted=narrower, patient_id=patient_id, by_type=by_type)
    made = list(results)
    for at in at_fault:
        own = [part for searched, part in zip(narrower, parts, strict=True) if searched.name == wanted[at].name]
        if any(part.supported for part in own):
            made[at] = _Searched(
                pages=tuple(page for part in own for page in part.pages),
                lost=next((part.lost for part in own if part.lost is not None), None),
                narrowed_by=_NARROWED[wanted[at].name][0],
            )
    return made


async def _search_all(
    *, session: ServerSession, wanted: Sequence[SearchableType], patient_id: str, by_type: bool
) -> list[_Searched]:
    gate = asyncio.Semaphore(SEARCHES_AT_ONCE)
    results = [_Searched() for _ in wanted]

    async def search(*, at: int) -> None:
        async with gate:
            ways = _addresses(base=session.base, searched=wanted[at], patient_id=patient_id, by_type=by_type)
            if await _rejects_plainest(session=session, plainest=ways[-1]):
                results[at] = _Searched(supported=False, rejected=True, status=session.rejections.status)
                return
            result = results[at] = await _ask(session=session, ways=ways, patient_id=patient_id)
            session.rejections.answered = session.rejections.answered or bool(result.pages)
            session.rejections.note(name=wanted[at].name, status=None if result.supported else result.status)

    try:
        async with asyncio.TaskGroup() as group:
            for at in range(len(wanted)):
                group.create_task(search(at=at))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # the first to fail; the group cancelled the others
    return results


async def _rejects_plainest(*, session: ServerSession, plainest: str) -> bool:
    """Return whether a server that has rejected all else rejects the plainest form of a search, too.

    Then no other is tried: a server without any search would be asked some hundred times for nothing.
    """
    if not session.rejections.are_all or session.rejections.status not in REJECTED:
        return False
    with suppress(SourceError):
        return (await session.send(url=plainest)).status in REJECTED
    return False


def _addresses(*, base: str, searched: SearchableType, patient_id: str, by_type: bool) -> tuple[str, ...]:
    """Return the address of a search, and those of the same with smaller pages or in fewer words, for a server that
    rejects it."""
    value = f"Patient/{patient_id}" if by_type or searched.parameter != "patient" else patient_id
    url = f"{base}/{searched.name}?{searched.parameter}={value}"
    if searched.narrowed_by:
        url += "&{}={}".format(*searched.narrowed_by)
    beside = "&_revinclude=Provenance:target" if searched.provenance else ""
    beside += "".join(f"&_include={include}" for include in searched.includes)
    ways = [f"{PAGE_SIZE}{beside}"]
    if not searched.narrowed_by:
        ways += [f"{SMALL_PAGE}{beside}", f"{SMALL_PAGE}"]
    return (*dict.fromkeys(f"{url}&_count={way}" for way in ways), url)


def _expect_something(clinical: Sequence[_Searched]) -> None:
    """Raise the fault that says most where the clinical searches brought nothing and at least one was lost."""
    if clinical and not any(result.supported for result in clinical):
        raise NotAsked(Reason.NOTHING_SEARCHABLE)
    lost = [result.lost for result in clinical if result.lost is not None]
    if not lost:
        return
    empty = all(not result.has_content for result in clinical)
    unanswered = all(not result.pages for result in clinical)
    refused_only = all(isinstance(fault, Refused) for fault in lost)
    if unanswered or (empty and not refused_only):
        raise min(lost, key=lambda fault: next(at for at, kind in enumerate(_SAYS_MOST) if isinstance(fault, kind)))


def _notices_of_warnings(searched: _Searched, *, words: str, category: RecordCategory | None) -> list[Notice]:
    """Return that a server reported an error, once for each way in which its errors are labelled."""
    code = NoticeCode.INCOMPLETE
    return [Notice(code=code, text=words, category=category, labels=labels) for labels in searched.warnings]


def _unserved(*, wanted: Sequence[SearchableType], results: Sequence[_Searched]) -> list[RecordCategory]:
    """Return the sections of which a server that states nothing has none of the types, all of them rare.

    That it lacks a type is no gap in anybody's record; its silence is no "nothing recorded" either.
    """
    served = {
        category
        for searched, result in zip(wanted, results, strict=True)
        if result.supported or searched.is_expected
        for category in searched.fills
    }
    filled = {category for searched in wanted for category in searched.fills} - {RecordCategory.OTHER}
    return sorted(category for category in filled - served if category.is_clinical)


def _notices(*, searched: SearchableType, result: _Searched) -> list[Notice]:
    """Return what did not come of a search, as a notice for each section that it could have filled."""
    code, content = NoticeCode.INCOMPLETE, type_words(name=searched.name)
    if not result.supported and not searched.is_expected:
        return []
    if not result.supported:
        code, words = NoticeCode.NOT_SUPPORTED, f"It cannot be asked for {content}."
    elif result.is_refused:
        words = f"It would not release {content}."
    elif result.narrowed_by and result.lost:
        words = _could_not(f"Not all {content} could be retrieved", fault=result.lost)
    elif result.pages and result.lost:
        words = _which_pages(of=content, searched=result)
    elif result.lost:
        words = _could_not(f"{content[:1].upper()}{content[1:]} could not be retrieved", fault=result.lost)
    elif result.narrowed_by:
        words = (
            f"It gives {content} only by {result.narrowed_by}: any of an unusual {result.narrowed_by} may be missing."
        )
    else:
        words = f"It reported an error with its answer about {content}."
        return [
            notice
            for category in searched.fills
            for notice in _notices_of_warnings(result, words=words, category=category)
        ]
    return [Notice(code=code, text=words, category=category) for category in searched.fills]


async def _ask(
    *, session: ServerSession, ways: Sequence[str], patient_id: str, counts_included: bool = False
) -> _Searched:
    """Run one search and follow its `next` links as far as possible.

    `ways` are its addresses, each in fewer words than the one before, for a server that rejects that.
    `counts_included`: its total may count what it gives beside its matches, as that of $everything does.
    Raises: Malformed; `paging` when its links leave the source or loop.
    """
    pages: list[_Page] = []
    async with _Ahead(session=session) as ahead:
        try:
            url, answer = await _accepted(session=session, ways=ways)
            visited = {url}
            if answer.status == 200 and not counts_included:
                session.takes_large_pages = session.takes_large_pages or url == ways[0]
            if _is_unsupported(answer.status):
                return _Searched(supported=False, rejected=answer.status in REJECTED, status=answer.status)
            while True:
                _expect_page(answer=answer, is_first=not pages)
                page = await _page(session=session, answer=answer)
                if page.survey.resource_type == "OperationOutcome":  # an error, whatever its status says
                    if not pages:
                        return _Searched(supported=False, rejected=True)
                    raise Unreachable(Reason.STATUS)
                if page.survey.resource_type != "Bundle":
                    raise Malformed(Reason.NOT_FHIR)
                pages.append(page)
                session.entries += page.survey.entries
                on = answer.address  # links may be relative to where a redirect led
                visited.add(on)
                session.note_names(links=page.survey.links, on=on)
                address = following(page.survey)
                if not address:
                    lack = _lack(pages, counts_included=counts_included)
                    if len(pages) == 1 and lack:
                        pages = [await _in_one_page(session=session, url=url, page=page)]
                        lack = _lack(pages, counts_included=counts_included)
                    return _Searched(pages=tuple(pages), lost=lack, of_pages=_how_many(pages))
                url = session.own_address(address=address, on=on)
                if not url or url in visited:
                    raise Malformed(Reason.PAGING)
                if await _is_enough(session=session, pages=pages, patient_id=patient_id):
                    return _Searched(pages=tuple(pages), lost=Malformed(Reason.PAGING), of_pages=_how_many(pages))
                visited.add(url)
                if len(pages) == 1:
                    ahead.expect(pages_after(second=url, first=page.survey))
                answer = await ahead.answer(url=url)
        except (*LOST, Malformed) as fault:
            if not isinstance(fault, LOST) and not _is_too_large(fault):
                raise
            return _Searched(pages=tuple(pages), lost=fault, of_pages=_how_many(pages))


async def _accepted(*, session: ServerSession, ways: Sequence[str]) -> tuple[str, Answer]:
    """Return the first answer to one of several ways to ask that does not reject it, else the last, with its address.

    Raises: SourceError.
    """
    first, *plainer = ways
    url, answer = await _small_enough(session=session, url=first)
    if answer.status in REJECTED and session.takes_large_pages:
        plainer = plainer[-1:]  # the size of its pages is hardly what it rejects
    for way in plainer if answer.status in REJECTED else ():
        url, answer = await _small_enough(session=session, url=way)
        if answer.status not in REJECTED:
            break
    return url, answer


async def _small_enough(*, session: ServerSession, url: str) -> tuple[str, Answer]:
    """Return the answer to a search with its address; with few entries a page where a page of many is too large.

    Letters that stand within their entries make it so.
    Raises: SourceError; Malformed `too-large` where that does not help.
    """
    try:
        return url, await session.send(url=url)
    except Malformed as fault:
        few = _COUNT.sub(f"_count={FEW_A_PAGE}", url)
        if not _is_too_large(fault) or few == url:
            raise
    return few, await session.send(url=few)


def _is_too_large(fault: SourceError | None, /) -> bool:
    """Whether something was more than may be taken: what was taken before it is none the worse."""
    return isinstance(fault, Malformed) and fault.reason is Reason.TOO_LARGE


def _is_unsupported(status: int, /) -> bool:
    """Whether a status says that a server has no such search."""
    return (400 <= status < 500 and status not in _NOT_NOW_OR_NOT_YOU) or status == 501


def _expect_page(*, answer: Answer, is_first: bool) -> None:
    """Raises: the SourceError that a status stands for, unless it is success.

    A server that has named a page and then has none may have forgotten the search: what came before is none the worse.
    """
    try:
        expect_success(answer=answer)
    except Malformed:
        if is_first:
            raise
        raise Unreachable(Reason.STATUS) from None


async def _is_enough(*, session: ServerSession, pages: Sequence[_Page], patient_id: str) -> bool:
    """Return whether no further page is read, though there is one: there have been too many."""
    if session.pages >= MAX_PAGES:
        return True
    return len(pages) >= MOST_UNHEEDED and await session.read(
        gives_others, pages[-1].body, result=bool, bases=session.bases, patient_id=patient_id
    )


class _Ahead:
    """Pages that are asked for before the page before them has come. Used only if that then names their address.

    What went wrong with a page that was asked for ahead counts for nothing: it is asked for again in its turn.
    """

    def __init__(self, *, session: ServerSession) -> None:
        self._session = session
        self._expected: list[str] = []
        self._asked: dict[str, asyncio.Task[Answer]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._give_up()

    def expect(self, addresses: Sequence[str], /) -> None:
        """State where further pages are likely to be, in their order."""
        self._expected = [*addresses[:MAX_PAGES]]

    async def answer(self, *, url: str) -> Answer:
        """Return what a page's address answers, and ask for the ones after it meanwhile.

        Raises: SourceError.
        """
        asked = self._asked.pop(url, None)
        if asked is None and url in self._expected:
            self._expected = self._expected[self._expected.index(url) + 1 :]
        elif asked is None and self._asked:
            await self._give_up()  # the links lead elsewhere
        while self._expected and len(self._asked) < AHEAD:
            address = self._expected.pop(0)
            self._asked[address] = asyncio.create_task(self._session.send(url=address))
        if asked is not None:
            with suppress(SourceError):
                answer = await asked
                if answer.status == 200:
                    return answer
            await self._give_up()
        return await self._session.send(url=url)

    async def _give_up(self) -> None:
        self._expected = []
        for asked in self._asked.values():
            asked.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        self._asked = {}


async def _page(*, session: ServerSession, answer: Answer) -> _Page:
    session.pages += 1
    body = SentBody(answer.body)
    return _Page(body=body, survey=await session.read(survey, body, result=Survey))


async def _in_one_page(*, session: ServerSession, url: str, page: _Page) -> _Page:
    """Ask for everything at once where a server counts more than it gave and names no further page.

    Returns what has more in it: what came already, or what came now.
    """
    total = page.survey.total or 0
    if total > MOST_IN_ONE_PAGE or session.pages >= MAX_PAGES or not _COUNT.search(url):
        return page
    try:
        answer = await session.send(url=_COUNT.sub(f"_count={total}", url))
        expect_success(answer=answer)
        larger = await _page(session=session, answer=answer)
    except (*LOST, Malformed):
        return page
    is_more = larger.survey.resource_type == "Bundle" and larger.survey.entries > page.survey.entries
    return larger if is_more else page


def _lack(pages: Sequence[_Page], *, counts_included: bool) -> Malformed | None:
    """Return the fault of pages that end before all has come that the first of them counts; None where nothing lacks.

    A page that says that there is a next one, and not where, is the last that came. What an earlier page gave counts
    once: pages overlap where a server orders them anew for each. What is included is not in the total of a search, and
    not all servers say of an entry that it is, so more than the total is no fault.
    Source: FHIR R4, Bundle.total, SearchEntryMode.
    """
    total = pages[0].survey.total
    if total is None:
        return None if following(pages[-1].survey) is None else Malformed(Reason.PAGING)
    came = 0
    earlier: set[str] = set()
    for page in pages:
        names = (*page.survey.matches, *(page.survey.included if counts_included else ()))
        came += sum(not name or name not in earlier for name in names)
        earlier.update(names)
    return Malformed(Reason.PAGING) if came < total else None


def _which_pages(*, of: str, searched: _Searched) -> str:
    came = len(searched.pages)
    were = "was" if came == 1 else "were"
    first = "first page" if came == 1 else f"first {came} pages"
    of_all = f"{came} of {searched.of_pages} pages" if searched.of_pages is not None else f"the {first}"
    return _could_not(f"Only {of_all} of {of} {were} received", fault=searched.lost)


def _could_not(words: str, /, *, fault: SourceError | None) -> str:
    """Return that something did not come, as a sentence that says so where it was too much."""
    return f"{words}: {TOO_MUCH}" if _is_too_large(fault) else f"{words}."


def _how_many(pages: Sequence[_Page]) -> int | None:
    """Return how many pages there are, None where that is not known."""
    count = how_many(first=pages[0].survey) if pages else None
    return count if count is not None and count > len(pages) else None  # fewer cannot be true
