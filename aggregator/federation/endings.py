"""How the asking of a source ended, from how the request under each identifier ended. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from connectors.contract.outcomes import Outcome, Reason, reason_of

# Longer than this on our side before or during an asking, and running out of time is our fault. Seconds.
BUSY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an asking ended. `item_count` counts the items that came."""

    outcome: Outcome
    reason: Reason | None = None
    item_count: int = 0


@dataclass(frozen=True, kw_only=True)
class IdentifierEnding:
    """How the asking under one identifier of a person ended: that of one source record."""

    source_record_id: UUID
    ending: Ending


# Where nothing came, the first of these that happened is told; a reason alone stands before its outcome's others.
_SAYS_MOST: tuple[Outcome | Reason, ...] = (
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


def ending_of_source(*, endings: Sequence[Ending]) -> Ending:
    """Return how a source ended that was asked under each identifier by which it holds the person.

    The order of the endings does not matter but between failures that say equally much. None at all: no link is left.
    An answer beside anything else is an answer in part, since what is held under the other identifier is not there.
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
    """Return how a source ended as far as the source records that are linked to the person now are concerned.

    One that was linked since, and so not asked for, is missing from the answer like one that failed.
    """
    known = {ending.source_record_id: ending.ending for ending in endings}
    unasked = Ending(outcome=Outcome.NOT_ASKED)
    return ending_of_source(endings=[known.get(record_id, unasked) for record_id in sorted(linked)])


def overdue_ending(*, started: bool, waited_s: float, held: bool) -> Ending:
    """Return how a source ended for which nothing is recorded at its deadline.

    `started`: a worker took the task, `waited_s` seconds after it was sent. `held`: an answer had come and was kept.
    """
    if held:
        return Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED)
    if not started:
        return Ending(outcome=Outcome.FAILED, reason=Reason.NOT_STARTED)
    return out_of_time(waited_s=waited_s)


def out_of_time(*, waited_s: float) -> Ending:
    """Return how an asking ended that ran out of time after it had waited `waited_s` seconds for us."""
    if waited_s > BUSY_S:
        return Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
    return Ending(outcome=Outcome.TIMED_OUT)


def _rank(ending: Ending) -> tuple[int, str]:
    by_reason = [rank for rank, told in enumerate(_SAYS_MOST) if told in (ending.reason, ending.outcome)]
    return (min(by_reason, default=len(_SAYS_MOST)), _reason_text(ending))


def _reason_text(ending: Ending) -> str:
    return ending.reason or ""
