"""How a source is held against its standard: what the points of every kind have in common.

A kind has a list of checks. Each asks what it needs by a session of that kind, which remembers what was asked before,
and says what the answer shows. A check says MET of nothing that it has not asked for and seen.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from connectors.contract.conformance import Examination, Finding, Point, PointVerdict
from connectors.contract.errors import Malformed, NoCredentials, NotAsked, NotRead, SourceError, TimedOut, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import SourceAddress
from connectors.reading import expect_bundle, split_answer
from connectors.transport.client import Answer
from fhir_data.access import mapping, text
from fhir_data.flaws import paths_of
from fhir_data.heads import type_of
from fhir_data.releases import Release, model_of
from fhir_data.verdict import ValidEntry, flaws_of, verdict

NEEDS_PATIENT = "no test patient was named (--patient)"
FHIR_JSON = "application/fhir+json"
# The fields at fault that are named of one type, and the types that are named of a list.
_MOST_FIELDS, _MOST_TYPES = 3, 8
_WORTH_PACKING = 1_000  # bytes; what web servers are usually set to leave as it is

SessionT = TypeVar("SessionT")


def met(evidence: str, /) -> Finding:
    """Return that a point is met."""
    return Finding(verdict=PointVerdict.MET, evidence=evidence)


def missed(evidence: str, /) -> Finding:
    """Return that a point is missed."""
    return Finding(verdict=PointVerdict.MISSED, evidence=evidence)


def untested(evidence: str, /) -> Finding:
    """Return that a point could not be tested."""
    return Finding(verdict=PointVerdict.NOT_TESTABLE, evidence=evidence)


def judged(is_met: object, /, evidence: str) -> Finding:
    """Return that a point is met, or missed."""
    return met(evidence) if is_met else missed(evidence)


class Untestable(Exception):
    """A point cannot be tested. Its text is the evidence."""


@dataclass(frozen=True, kw_only=True)
class Check(Generic[SessionT]):
    """A point, and what asks what it needs and says what the answer shows: that may raise SourceError, Untestable."""

    point: Point
    look: Callable[[SessionT], Awaitable[Finding]]


class Checks(Generic[SessionT]):
    """The checks of one kind, which are its Conformance. `begin` opens a session with a source."""

    def __init__(
        self,
        *checks: Check[SessionT],
        begin: Callable[[SourceAddress, Examination, Channels], SessionT],
    ) -> None:
        self._checks = checks
        self._begin = begin

    @property
    def points(self) -> tuple[Point, ...]:
        """Return the points, in the order in which they are looked at."""
        return tuple(check.point for check in self._checks)

    async def examine(
        self,
        *,
        source: SourceAddress,
        examination: Examination,
        channels: Channels,
        tell: Callable[[str, Finding], None],
    ) -> None:
        """Look at each point in turn.

        Raises: NoCredentials; TimeoutError at the deadline. What is found by then because we waited no longer is not
        told: it says nothing of the source.
        """
        session = self._begin(source, examination, channels)
        has_answered = False
        for check in self._checks:
            finding = await _looked(check.look, session, has_answered=has_answered)
            if asyncio.get_running_loop().time() >= examination.deadline:
                raise TimeoutError
            has_answered |= finding.verdict is PointVerdict.MET
            tell(check.point.id, finding)


async def _looked(look: Callable[[SessionT], Awaitable[Finding]], session: SessionT, *, has_answered: bool) -> Finding:
    """Return what a look found. Where there was no answer, that is a miss of a source that has answered before: to be
    asked and to say nothing is no way to keep a standard. Of one that never has, the way to it may be what fails."""
    try:
        return await look(session)
    except Untestable as why:
        return untested(str(why))
    except (NoCredentials, NotAsked, NotRead):
        raise  # ours, and nothing is found of the source by it
    except Malformed as error:
        return missed(words_of(error))
    except (TimedOut, Unreachable) as error:
        was_lost = has_answered and error.reason is not Reason.ASKED_TO_WAIT
        return missed(words_of(error)) if was_lost else untested(words_of(error))
    except SourceError as error:
        return untested(words_of(error))


def expect_no_wait(answer: Answer, /) -> Answer:
    """Return an answer.

    Raises: Unreachable `asked-to-wait` for one that only says that we ask too often.
    """
    if answer.status == 429:
        raise Unreachable(Reason.ASKED_TO_WAIT)
    return answer


def words_of(error: SourceError, /) -> str:
    """Return a failure in words."""
    return f"{error.outcome.words}: {error.reason.words}" if error.reason else error.outcome.words


def object_in(body: bytes, /) -> dict[str, Any]:
    """Return the JSON object that a body is; an empty one for any other body."""
    try:
        return mapping(msgspec.json.decode(body))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return {}


def resources_in(answer: Answer, /) -> list[bytes]:
    """Return the resources of the Bundle that an answer is, as they were sent.

    Raises: Malformed.
    """
    return [entry.sent for entry in expect_bundle(split_answer(payload=answer.body)).entries]


def type_in(answer: Answer, /) -> str:
    """Return the type of the resource that an answer is, "" for none."""
    return text(object_in(answer.body).get("resourceType"))


def media_type(answer: Answer, /) -> str:
    """Return the media type that an answer says it is of, in lower case and without its parameters."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def counted(number: int, one: str, many: str = "", /) -> str:
    """Return a number of things in words: "1 entry", "2 entries"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def named(types: Iterable[str], /, *, release: Release) -> str:
    """Return types of resources as a list in words; of one that FHIR does not have, only that there is such a one."""
    known = sorted({name if model_of(name=name, release=release) else "a type that FHIR lacks" for name in types})
    more = len(known) - _MOST_TYPES
    return ", ".join(known[:_MOST_TYPES]) + (f" and {more} more" if more > 0 else "")


def as_counts(counts: Mapping[str, int], /) -> str:
    """Return counts by name as a list in words, the most first."""
    return ", ".join(f"{name} {count}" for name, count in Counter(counts).most_common(_MOST_TYPES))


def judge_resources(resources: Iterable[bytes], /, *, release: Release) -> Finding:
    """Say whether resources are as the standard says, by the same verdict as entries of an answer.

    Raises: Untestable for none.
    """
    total = 0
    faulty: Counter[str] = Counter()
    fields: dict[str, list[str]] = {}
    for sent in resources:
        total += 1
        verdict_ = verdict(entry=sent, release=release)
        if isinstance(verdict_, ValidEntry):
            continue
        name = type_of(entry=sent)
        name = name if model_of(name=name, release=release) else "no type of FHIR"
        faulty[name] += 1
        fields.setdefault(name, []).extend(paths_of(flaws_of(verdict_)))
    if not total:
        raise Untestable("no entry came")
    if not faulty:
        return met(f"{counted(total, 'entry', 'entries')}, all as the standard says")
    each = (
        f"{name} {count} ({', '.join(list(dict.fromkeys(fields[name]))[:_MOST_FIELDS]) or 'cannot be read'})"
        for name, count in faulty.most_common(_MOST_TYPES)
    )
    return missed(f"{faulty.total()} of {total} entries are not as the standard says: {'; '.join(each)}")


def packed(answer: Answer, /) -> Finding:
    """Say whether an answer came packed, as it was told that it may.

    Raises: Untestable for one that is no success, or so small that nobody packs it.
    """
    if "gzip" in answer.headers.get("content-encoding", ""):
        return met(f"status {answer.status}, packed by gzip")
    if answer.status != 200 or len(answer.body) < _WORTH_PACKING:
        raise Untestable(f"status {answer.status}, {len(answer.body)} bytes, which need not be packed")
    return missed(f"status {answer.status}, {len(answer.body)} bytes, not packed")


async def encrypted(*, base: str, ask: Callable[[], Awaitable[Answer]]) -> Finding:
    """Say whether a source proves who it is: its certificate was judged while connecting, by TLS 1.2 or later.

    Raises: Untestable for an address without encryption; SourceError.
    """
    if not base.startswith("https://"):
        raise Untestable("its address begins with http://, so that nothing is encrypted")
    try:
        answer = await ask()
    except Unreachable as error:
        if error.reason is Reason.TLS:
            return missed(words_of(error))
        raise
    return met(f"status {answer.status} over TLS 1.2 or later, with a certificate that was accepted")
