"""How many retrievals a worker takes, and who is let in."""

from __future__ import annotations

import random

import pytest

from aggregator.federation.admission import (
    EMERGENCY_SHARE,
    FALLS_EVERY_S,
    FALLS_TO,
    IN_TIME_S,
    LATE_S,
    LATEST_S,
    LEAST,
    SOONEST_S,
    Controller,
    Lateness,
    Load,
    begin,
    is_let_in,
    judged,
    retry_after_s,
)


def after(*moments: tuple[float, int], most: int = 100, every_s: float = 2.0) -> Controller:
    """Return the controller after moments of so late with so many under way."""
    controller = begin(most=most)
    for number, (late_s, under_way) in enumerate(moments):
        controller = judged(controller, late_s=late_s, under_way=under_way, now=number * every_s)
    return controller


def test_a_worker_that_has_done_nothing_yet_takes_as_many_as_it_ever_does() -> None:
    assert begin(most=100).limit == 100


def late(under_way: int, *, times: int = 2) -> list[tuple[float, int]]:
    """Return so many moments of a worker that is late."""
    return [(LATE_S, under_way)] * times


def test_one_that_is_late_twice_in_a_row_takes_fewer_than_are_under_way() -> None:
    assert after(*late(40)).limit == FALLS_TO * 40
    assert after(*late(40, times=1), (0.0, 40), *late(40, times=1)).limit == 100


def test_being_late_with_next_to_nothing_under_way_says_nothing_of_the_load() -> None:
    assert after(*late(LEAST, times=20)).limit == 100
    assert after(*late(LEAST + 1)).limit == LEAST


def test_it_does_not_fall_again_before_that_can_have_had_its_effect() -> None:
    assert after(*late(40, times=3), every_s=0.9 * FALLS_EVERY_S).limit == FALLS_TO * 40
    assert after(*late(40, times=3), every_s=FALLS_EVERY_S).limit == pytest.approx(FALLS_TO * FALLS_TO * 40)


def test_it_never_takes_fewer_than_a_few_and_never_more_by_falling() -> None:
    assert after(*late(LEAST + 1, times=20)).limit == LEAST
    assert after(*late(1000)).limit == FALLS_TO * 100
    assert after(*late(50), most=2).limit == 2


def test_it_stays_as_it_is_between_the_marks_and_rises_below_them() -> None:
    fallen = after(*late(40))
    assert judged(fallen, late_s=IN_TIME_S, under_way=40, now=9).limit == fallen.limit
    risen = judged(fallen, late_s=IN_TIME_S / 2, under_way=0, now=9)
    assert fallen.limit < risen.limit < 1.1 * fallen.limit
    assert after(*late(40), *[(0.0, 0)] * 200).limit == 100


@pytest.mark.parametrize(
    ("under_way", "limits", "ordinary", "emergency"),
    [
        (1, (4,), True, True),
        (4, (4,), True, True),
        (5, (4,), False, True),
        (8, (4,), False, True),
        (9, (4,), False, False),
        (9, (4, 5), True, True),
        (10_000, (), True, True),
    ],
)
def test_one_more_is_let_in_while_the_workers_take_it_and_an_emergency_for_longer(
    under_way: int, limits: tuple[int, ...], ordinary: bool, emergency: bool
) -> None:
    load = Load(under_way=under_way, limits=limits)
    assert is_let_in(load, emergency=False) is ordinary
    assert is_let_in(load, emergency=True) is emergency
    assert EMERGENCY_SHARE > 1


def test_those_who_are_turned_away_come_back_at_different_times() -> None:
    rng = random.Random(1)
    told = {retry_after_s(rng=rng) for _ in range(200)}
    assert told == set(range(SOONEST_S, LATEST_S + 1))


def test_it_is_as_late_as_its_loop_or_as_the_retrievals_that_waited_whichever_is_more() -> None:
    lateness = Lateness()
    for late_s in (0.0, 0.2, -0.1):
        lateness.note_loop(late_s)
    assert lateness.take() == pytest.approx(0.2 / 3)
    assert lateness.take() == 0
    lateness.note_loop(0.1)
    lateness.note_begun(0.5)
    lateness.note_begun(0.1)
    assert lateness.take() == pytest.approx(0.3)
