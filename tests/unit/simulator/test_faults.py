"""The fault board: whose fault counts, and for how long."""

from __future__ import annotations

import pytest

from simulator.faults import BadFault, CallCounter, Fault, FaultBoard, Mode, read_fault


def test_a_fault_for_one_person_is_not_anothers() -> None:
    board = FaultBoard(standing=[Fault(local_id="A", mode=Mode.HANG)])
    assert board.take(local_id="A")
    assert board.take(local_id="B") is None


def test_a_fault_for_everyone_is_everyones_and_nobodys() -> None:
    board = FaultBoard()
    board.put(fault=Fault(local_id="*", mode=Mode.HTML))
    assert board.take(local_id="A")
    assert board.take(local_id="")


def test_a_fault_ends_after_its_times() -> None:
    board = FaultBoard()
    board.put(fault=Fault(local_id="A", mode=Mode.STATUS_503, times=2))
    taken = [board.take(local_id="A") for _ in range(3)]
    assert [fault is not None for fault in taken] == [True, True, False]


def test_what_was_put_up_counts_before_what_stands_and_can_be_taken_down() -> None:
    board = FaultBoard(standing=[Fault(local_id="A", mode=Mode.HANG)])
    board.put(fault=Fault(local_id="A", mode=Mode.EMPTY))
    put_up = board.take(local_id="A")
    board.clear()
    standing = board.take(local_id="A")
    assert put_up is not None
    assert standing is not None
    assert (put_up.mode, standing.mode) == (Mode.EMPTY, Mode.HANG)


@pytest.mark.parametrize("described", [{}, {"mode": "asleep"}, {"mode": "slow", "seconds": "long"}])
def test_a_description_that_is_no_fault_is_refused(described: dict[str, object]) -> None:
    with pytest.raises(BadFault):
        read_fault(described=described)


def test_calls_are_counted_by_person() -> None:
    calls = CallCounter()
    for local_id in ("A", "A", ""):
        calls.note(local_id=local_id)
    assert calls.as_json() == {"total": 3, "by_local_id": {"A": 2}}
