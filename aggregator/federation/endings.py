"""How the request to a source ended, derived from how it ended under each identifier. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from connectors.contract.outcomes import Outcome, Reason, reason_of

# A request that ran out of time is our fault if it waited longer than this on our side. Seconds.
BUSY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a request ended. `item_count` is the number of items received; `since`: from when a source has rested."""

    outcome: Outcome
    reason: Reason | None = None
    item_count: int = 0
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class IdentifierEnding:
    """How the request under one of a person's identifiers ended: that of one source record."""

    source_record_id: UUID
    ending: Ending


# Where nothing was received, the first of these that happened is reported. Reasons listed here come before the
# outcome that they belong to.
_MOST_TELLING: tuple[Outcome | Reason, ...] = (
    Reason.WRONG_PATIENT,
    Reason.UNPROVEN,
    Outcome.MALFORMED,
    Outcome.REFUSED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.UNREACHABLE,
    Outcome.NOT_ASKED,
    Outcome.UNKNOWN_PATIENT,
)


class Sign(StrEnum):
    """What a request says of its source: that it works, that it does not, or nothing, where the fault was ours."""

    GOOD = "good"
    BAD = "bad"
    NEITHER = "neither"


def sign_of(*, endings: Iterable[Ending]) -> Sign:
    """Return what the requests under a person's identifiers say of their source.

    One that refuses, or sends what cannot be used, is there and answers: to rest would not mend it.
    """
    signs = {_sign(ending) for ending in endings}
    return next((sign for sign in (Sign.GOOD, Sign.BAD) if sign in signs), Sign.NEITHER)


def failure_of(*, endings: Iterable[Ending]) -> str:
    """Return what the source did wrong, as an outcome's reason or the outcome, "" where it did nothing wrong.

    What went wrong on our side beside it is not named.
    """
    failures = [ending for ending in endings if _sign(ending) is Sign.BAD]
    if not failures:
        return ""
    failure = min(failures, key=_rank)
    return failure.reason or failure.outcome


def _sign(ending: Ending) -> Sign:
    if ending.outcome in (Outcome.FAILED, Outcome.NOT_ASKED) or ending.reason is Reason.ADDRESS:
        return Sign.NEITHER
    return Sign.BAD if ending.outcome in (Outcome.TIMED_OUT, Outcome.UNREACHABLE) else Sign.GOOD


def ending_of_source(*, endings: Sequence[Ending]) -> Ending:
    """Return how a source ended that was asked under each identifier by which it holds the person.

    The order of the endings does not matter, save between failures that tell equally much. Without any, no link is
    left. An answer beside anything else is an answer in part: what the source holds under the other identifier is
    missing.
    """
    answers = [ending for ending in endings if ending.outcome.is_answer]
    if not answers:
        return min(endings, key=_rank, default=Ending(outcome=Outcome.NOT_ASKED, reason=Reason.NO_LINK))
    count = sum(ending.item_count for ending in answers)
    if len(answers) < len(endings):
        return Ending(outcome=Outcome.ANSWERED_IN_PART, reason=Reason.IDENTIFIER, item_count=count)
    parts = sorted(_reason_text(ending) for ending in answers if ending.outcome is Outcome.ANSWERED_IN_PART)
    if parts:
        return Ending(outcome=Outcome.ANSWERED_IN_PART, reason=reason_of(parts[0]), item_count=count)
    empty = all(ending.outcome is Outcome.EMPTY for ending in answers)
    return Ending(outcome=Outcome.EMPTY if empty else Outcome.ANSWERED, item_count=count)


def while_linked(*, endings: Iterable[IdentifierEnding], linked: Collection[UUID]) -> Ending:
    """Return how a source ended, counting only the source records that are linked to the person now.

    A record that was linked since the request was made counts as not asked.
    """
    known = {ending.source_record_id: ending.ending for ending in endings}
    unasked = Ending(outcome=Outcome.NOT_ASKED)
    return ending_of_source(endings=[known.get(record_id, unasked) for record_id in sorted(linked)])


def overdue_ending(*, started: bool, asked: bool, waited_s: float, held: bool) -> Ending:
    """Return how a source ended for which nothing is recorded at its deadline, as when its worker was killed.

    `started`: a worker took the task. `asked`: the source was asked, `waited_s` seconds after the task was sent.
    `held`: its answer was received and stored.
    """
    if held:
        return Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED)
    if not started or not asked:
        return Ending(outcome=Outcome.FAILED, reason=Reason.NOT_STARTED)
    return out_of_time(waited_s=waited_s)


def out_of_time(*, waited_s: float) -> Ending:
    """Return how a request ended that ran out of time, `waited_s` seconds of it spent waiting for us."""
    if waited_s > BUSY_S:
        return Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
    return Ending(outcome=Outcome.TIMED_OUT)


def never_asked(*, waited_s: float) -> Ending:
    """Return how a request ended whose source was busy with our others until asking made no sense any more.

    In doubt the fault is ours: `waited_s` is how much of that time it spent waiting for us.
    """
    if waited_s > BUSY_S:
        return Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
    return Ending(outcome=Outcome.NOT_ASKED, reason=Reason.SOURCE_BUSY)


def _rank(ending: Ending) -> tuple[int, str]:
    ranks = [rank for rank, listed in enumerate(_MOST_TELLING) if listed in (ending.reason, ending.outcome)]
    return (min(ranks, default=len(_MOST_TELLING)), _reason_text(ending))


def _reason_text(ending: Ending) -> str:
    return ending.reason or ""
