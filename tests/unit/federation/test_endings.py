"""How a source ended is the best of how each identifier ended, in whatever order they ended."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest

from aggregator.federation.endings import (
    BUSY_S,
    Ending,
    IdentifierEnding,
    Sign,
    ending_of_source,
    failure_of,
    never_asked,
    out_of_time,
    overdue_ending,
    sign_of,
    while_linked,
)
from connectors.contract.outcomes import Outcome, Reason

ANSWERED = Ending(outcome=Outcome.ANSWERED, item_count=3)
PAGES = Ending(outcome=Outcome.ANSWERED_IN_PART, reason=Reason.PAGES, item_count=2)
EMPTY = Ending(outcome=Outcome.EMPTY)
UNKNOWN = Ending(outcome=Outcome.UNKNOWN_PATIENT)
FIRST, SECOND = UUID(int=1), UUID(int=2)
# From what says most to what says least.
FAILURES = [
    Ending(outcome=Outcome.MALFORMED, reason=Reason.WRONG_PATIENT),
    Ending(outcome=Outcome.MALFORMED, reason=Reason.UNPROVEN),
    Ending(outcome=Outcome.MALFORMED, reason=Reason.TRUNCATED),
    Ending(outcome=Outcome.REFUSED, reason=Reason.PATIENT_CONSENT),
    Ending(outcome=Outcome.FAILED, reason=Reason.STORE),
    Ending(outcome=Outcome.TIMED_OUT),
    Ending(outcome=Outcome.UNREACHABLE, reason=Reason.TLS),
    Ending(outcome=Outcome.NOT_ASKED, reason=Reason.PAUSED),
    UNKNOWN,
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("answer", [ANSWERED, PAGES, EMPTY])
def test_an_answer_beside_any_failure_is_one_in_part(answer: Ending, failure: Ending) -> None:
    expected = Ending(outcome=Outcome.ANSWERED_IN_PART, reason=Reason.IDENTIFIER, item_count=answer.item_count)
    assert ending_of_source(endings=[answer, failure]) == ending_of_source(endings=[failure, answer]) == expected


@pytest.mark.parametrize("at", range(len(FAILURES) - 1))
def test_of_several_failures_the_one_that_says_most_is_told_whatever_their_order(at: int) -> None:
    assert {ending_of_source(endings=order) for order in permutations(FAILURES[at : at + 3])} == {FAILURES[at]}


def test_a_patient_is_unknown_only_where_no_identifier_is_known() -> None:
    assert ending_of_source(endings=[UNKNOWN, UNKNOWN]) == UNKNOWN


def test_two_answers_are_one() -> None:
    assert ending_of_source(endings=[ANSWERED, EMPTY]) == ANSWERED
    assert ending_of_source(endings=[EMPTY, EMPTY]) == EMPTY
    assert ending_of_source(endings=[EMPTY, PAGES]) == PAGES


def test_only_what_is_linked_now_counts() -> None:
    endings = [
        IdentifierEnding(source_record_id=FIRST, ending=ANSWERED),
        IdentifierEnding(source_record_id=SECOND, ending=FAILURES[0]),
    ]
    assert while_linked(endings=endings, linked={FIRST}) == ANSWERED
    assert while_linked(endings=endings, linked={SECOND}) == FAILURES[0]
    assert while_linked(endings=endings, linked=()) == Ending(outcome=Outcome.NOT_ASKED, reason=Reason.NO_LINK)
    assert while_linked(endings=endings[:1], linked={FIRST, SECOND}).reason == Reason.IDENTIFIER


def test_running_out_of_time_is_our_fault_where_we_kept_it_waiting() -> None:
    assert out_of_time(waited_s=BUSY_S).outcome is Outcome.TIMED_OUT
    ours = {
        Reason.OVERLOAD: out_of_time(waited_s=BUSY_S + 0.01),
        Reason.NOT_STARTED: overdue_ending(started=False, asked=False, waited_s=0, held=False),
        Reason.NOT_RECORDED: overdue_ending(started=True, asked=True, waited_s=0, held=True),
    }
    assert ours == {reason: Ending(outcome=Outcome.FAILED, reason=reason) for reason in ours}


@pytest.mark.parametrize(
    ("started", "asked", "waited_s", "held", "ending"),
    [
        (False, False, 0, False, (Outcome.FAILED, Reason.NOT_STARTED)),
        (True, False, 0, False, (Outcome.FAILED, Reason.NOT_STARTED)),
        (True, True, BUSY_S, False, (Outcome.TIMED_OUT, None)),
        (True, True, BUSY_S + 0.01, False, (Outcome.FAILED, Reason.OVERLOAD)),
        (True, True, BUSY_S + 0.01, True, (Outcome.FAILED, Reason.NOT_RECORDED)),
    ],
)
def test_what_a_killed_worker_left_is_told_by_how_far_it_had_come(
    started: bool, asked: bool, waited_s: float, held: bool, ending: tuple[Outcome, Reason | None]
) -> None:
    found = overdue_ending(started=started, asked=asked, waited_s=waited_s, held=held)
    assert (found.outcome, found.reason) == ending


def test_a_source_is_said_to_be_busy_only_where_we_did_not_keep_the_request_waiting() -> None:
    assert never_asked(waited_s=BUSY_S) == Ending(outcome=Outcome.NOT_ASKED, reason=Reason.SOURCE_BUSY)
    assert never_asked(waited_s=BUSY_S + 0.01) == Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)


@pytest.mark.parametrize(
    ("ending", "sign"),
    [
        (ANSWERED, Sign.GOOD),
        (PAGES, Sign.GOOD),
        (EMPTY, Sign.GOOD),
        (UNKNOWN, Sign.GOOD),
        (Ending(outcome=Outcome.REFUSED, reason=Reason.CREDENTIALS), Sign.GOOD),
        (Ending(outcome=Outcome.MALFORMED, reason=Reason.TRUNCATED), Sign.GOOD),
        (Ending(outcome=Outcome.TIMED_OUT), Sign.BAD),
        (Ending(outcome=Outcome.UNREACHABLE, reason=Reason.STATUS), Sign.BAD),
        (Ending(outcome=Outcome.UNREACHABLE, reason=Reason.ASKED_TO_WAIT), Sign.BAD),
        (Ending(outcome=Outcome.UNREACHABLE, reason=Reason.ADDRESS), Sign.NEITHER),
        (Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD), Sign.NEITHER),
        (Ending(outcome=Outcome.FAILED, reason=Reason.NO_CREDENTIALS), Sign.NEITHER),
        (Ending(outcome=Outcome.NOT_ASKED, reason=Reason.IDENTITY_IN_DOUBT), Sign.NEITHER),
    ],
    ids=str,
)
def test_a_source_is_judged_by_what_it_did_and_not_by_what_we_did(ending: Ending, sign: Sign) -> None:
    ours = Ending(outcome=Outcome.FAILED, reason=Reason.STORE)
    assert sign_of(endings=[ending]) is sign_of(endings=[ours, ending]) is sign


def test_the_failure_of_a_source_is_one_of_its_own() -> None:
    ours = Ending(outcome=Outcome.FAILED, reason=Reason.STORE)
    unreachable = Ending(outcome=Outcome.UNREACHABLE, reason=Reason.TLS)
    assert failure_of(endings=[ours, unreachable]) == failure_of(endings=[unreachable]) == "tls"
    assert failure_of(endings=[unreachable, Ending(outcome=Outcome.TIMED_OUT)]) == "timed-out"
    assert failure_of(endings=[ours, EMPTY]) == failure_of(endings=[]) == ""


def test_one_that_answered_under_one_identifier_is_there() -> None:
    assert sign_of(endings=[Ending(outcome=Outcome.TIMED_OUT), EMPTY]) is Sign.GOOD
    assert sign_of(endings=[]) is Sign.NEITHER
