"""Laws of how many retrievals are let in, over whatever happens to a worker."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hypothesis import event, given
from hypothesis import strategies as st

from aggregator.federation.admission import (
    FALLS_EVERY_S,
    IN_TIME_S,
    LATE_S,
    LEAST,
    Controller,
    Load,
    begin,
    is_let_in,
    judged,
)

MOST = 256
moments = st.lists(st.tuples(st.floats(0, 5), st.integers(0, 600), st.floats(0.01, 3)), max_size=60)


def limits_of(happened: list[tuple[float, int, float]]) -> list[Controller]:
    """Return the controller at the beginning and after each moment: late for so long, so many, so much later."""
    controllers, now = [begin(most=MOST)], 0.0
    for late_s, under_way, after_s in happened:
        now += after_s
        controllers.append(judged(controllers[-1], late_s=late_s, under_way=under_way, now=now))
    return controllers


@given(happened=moments)
def test_the_limit_keeps_its_bounds_and_moves_only_as_the_marks_say(happened: list[tuple[float, int, float]]) -> None:
    controllers = limits_of(happened)
    for (before, after), (late_s, _, _) in zip(itertools.pairwise(controllers), happened, strict=True):
        assert LEAST <= after.limit <= MOST
        if after.limit < before.limit:
            assert late_s >= LATE_S
            assert after.fell_at - before.fell_at >= FALLS_EVERY_S
        if after.limit > before.limit:
            assert late_s < IN_TIME_S
    event(f"fell: {any(after.limit < before.limit for before, after in itertools.pairwise(controllers))}")


@given(happened=moments)
def test_a_worker_that_is_in_time_again_takes_as_many_as_before_in_the_end(
    happened: list[tuple[float, int, float]],
) -> None:
    assert limits_of([*happened, *[(0.0, 0, 0.25)] * 120])[-1].limit == MOST


@given(
    under_way=st.integers(0, 2000),
    limits=st.lists(st.integers(LEAST, MOST), max_size=5).map(tuple),
    emergency=st.booleans(),
)
def test_whoever_is_let_in_would_be_with_fewer_under_way_with_more_workers_and_in_an_emergency(
    under_way: int, limits: tuple[int, ...], emergency: bool
) -> None:
    if not is_let_in(Load(under_way=under_way, limits=limits), emergency=emergency):
        return
    assert is_let_in(Load(under_way=max(0, under_way - 1), limits=limits), emergency=emergency)
    assert is_let_in(Load(under_way=under_way, limits=limits), emergency=True)
    if limits:
        assert is_let_in(Load(under_way=under_way, limits=(*limits, LEAST)), emergency=emergency)


@dataclass
class Worker:
    """A worker of one processor, which shares its time among all that it has taken, and is late by how many that is."""

    work_s: float  # of processor time for each retrieval
    under_way: int = 0
    backlog_s: float = 0.0

    def go_on(self, seconds: float) -> None:
        self.backlog_s = max(0.0, self.backlog_s - seconds)
        self.under_way = round(self.backlog_s / self.work_s)

    @property
    def late_s(self) -> float:
        return 0.01 * self.under_way


@given(work_s=st.floats(0.05, 0.3), times=st.floats(2, 10))
def test_under_too_much_for_it_a_worker_stays_busy_and_what_it_has_let_in_never_waits_for_long(
    work_s: float, times: float
) -> None:
    worker, controller = Worker(work_s=work_s), begin(most=MOST)
    arrivals, arrived, busy, longest_s = 0.0, 0, 0, 0.0
    steps = 400
    for step in range(steps):
        arrivals += times * 0.25 / work_s
        while arrived < arrivals:
            arrived += 1
            if is_let_in(Load(under_way=worker.under_way + 1, limits=(int(controller.limit),)), emergency=False):
                worker.backlog_s += work_s
                worker.under_way += 1
        if step >= steps // 4:  # once the limit has found its place
            busy += worker.backlog_s >= 0.25
            longest_s = max(longest_s, worker.backlog_s)
        worker.go_on(0.25)
        controller = judged(controller, late_s=worker.late_s, under_way=worker.under_way, now=step * 0.25)
    assert busy >= 0.8 * 0.75 * steps
    assert longest_s <= 40 * work_s
