"""Counts in a process of its own, what a key tells, and how long nobody waits for a Redis that is away."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from aggregator.accounts import counters
from aggregator.accounts.addresses import counted_address
from aggregator.accounts.counters import EitherCounters, Limit, OwnCounters, Tally
from aggregator.accounts.hashing import Slots
from aggregator.errors import TooMany

FOUR = Limit(name="four", most=4, window_s=60)


def tally(of: str, limit: Limit = FOUR) -> Tally:
    return Tally(limit=limit, of=of)


def test_a_window_begins_with_the_first_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    own, now = OwnCounters(), [1000.0]
    monkeypatch.setattr(counters.time, "monotonic", lambda: now[0])
    counts = []
    for seconds in (0, 30, 29, 2):
        now[0] += seconds
        (standing,) = own.add(tallies=[tally("a")], amount=1)
        counts.append((standing.count, standing.left_s))
    assert counts == [(1, 60), (2, 30), (3, 1), (1, 60)]


def test_a_process_alone_allows_a_quarter_at_least_one() -> None:
    own = OwnCounters()
    for most, share in ((4, 1), (5, 2), (20, 5), (60, 15), (1, 1)):
        limit = Limit(name=f"of {most}", most=most, window_s=60)
        (standing,) = own.add(tallies=[tally("a", limit)], amount=1)
        assert standing.most == share


def test_what_is_given_back_never_makes_room_for_more() -> None:
    own = OwnCounters()
    own.add(tallies=[tally("a")], amount=-1)
    (standing,) = own.read(tallies=[tally("a")])
    assert standing.count == 0


def test_no_more_keys_are_kept_than_there_is_room_for() -> None:
    own = OwnCounters(most_keys=3)
    for of in "abcad":
        own.add(tallies=[tally(of)], amount=1)
    assert len(own._counts) == 3
    assert [standing.count for standing in own.read(tallies=[tally(of) for of in "abcd"])] == [2, 0, 1, 1]


def test_what_is_prolonged_or_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    own, now = OwnCounters(), [1000.0]
    monkeypatch.setattr(counters.time, "monotonic", lambda: now[0])
    own.add(tallies=[tally("a"), tally("b")], amount=3)
    now[0] += 50
    own.prolong(tallies=[tally("a")])
    own.forget(tallies=[tally("b")])
    assert [(each.count, each.left_s) for each in own.read(tallies=[tally("a"), tally("b")])] == [(3, 60), (0, 60)]


def test_a_redis_that_is_away_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Away:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise redis.ConnectionError

    now = [1000.0]
    monkeypatch.setattr(counters.time, "monotonic", lambda: now[0])
    either = EitherCounters(shared=Away(), own=OwnCounters())
    for _ in range(5):
        either.add(tallies=[tally("a")])
    assert asked == ["add"]
    now[0] += counters.AWAY_FOR_S
    (standing,) = either.read(tallies=[tally("a")])
    assert (asked, standing.count) == (["add", "read"], 5)


def test_a_key_differs_by_limit_and_by_whom_and_names_neither_user_nor_address() -> None:
    other = Limit(name="other", most=4, window_s=60)
    keys = {tally("dr.osei|192.0.2.7").key, tally("dr.osei|192.0.2.7", other).key, tally("dr.osei|192.0.2.8").key}
    assert len(keys) == 3
    assert all(key.startswith("cache:") and "osei" not in key and "192" not in key for key in keys)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.0.0.9", ""),
        ("::ffff:10.0.0.9", ""),
        ("", ""),
        ("unknown", "unreadable"),
        ("'; --", "unreadable"),
    ],
)
def test_an_address_counts_as(address: str, counted: str, settings: Any) -> None:
    settings.PROXY_ADDRESSES = ("10.0.0.0/24",)
    assert counted_address(address) == counted


def test_a_few_wait_for_a_turn_and_nobody_for_long() -> None:
    slots = Slots(slots=1, most_waiting=1, wait_s=0.01)
    with slots.one():
        with pytest.raises(TooMany) as late, slots.one():
            pass
        slots._admitted.acquire()  # somebody waits
        with pytest.raises(TooMany), slots.one():
            pass
        slots._admitted.release()
    assert (late.value.code, late.value.retry_after_s) == ("busy", 5)
    with slots.one():
        pass


def test_a_slot_is_free_again_after_a_fault() -> None:
    slots = Slots(slots=1, most_waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.one():
            _ = 1 / 0
