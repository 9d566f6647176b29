"""Whether a source may be asked now: a circuit breaker, a limit on requests at once and a rate, shared by all workers.

Each decision is one script on the Redis that holds answers, by its clock, so that of many who ask at once exactly as
many are let through as may. A pass lapses by itself where its worker was killed, and counts for nothing once all has
been forgotten of its source, which is asked in another way then, or has been mended. While Redis cannot be reached
every request is let through: whoever asks then has a worse trouble, and no source is blamed for ours.

- **Breaker.** After `FAILURES` requests in a row that the source failed (it timed out or could not be reached) it rests
  for `REST_S`, and for twice as long each time that it fails again, up to `MOST_REST_S`. Then one request is let
  through; as that ends, the source is back or rests again. One that asks us to come back later rests until then,
  however many of those who had asked it are told so.
- **Bulkhead.** At most twice as many requests at once as the source needs at the rate at which it is asked, which is
  arrivals per second times its own 95th percentile; at least `LEAST_AT_ONCE`, at most `most_at_once`.
- **Rate.** At most so many requests in a minute, where the source's settings say so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import redis
import redis.asyncio
import structlog

from aggregator.federation.endings import Sign

log = structlog.get_logger(__name__)

FAILURES = 5
REST_S, MOST_REST_S = 15.0, 300.0
# Failures that lie further apart than this are not in a row.
IN_A_ROW_S = 60.0
LEAST_AT_ONCE = 24
# What a source is taken to need as long as it has not answered yet.
UNKNOWN_P95_S = 2.0
# How long a pass is good for without a word from its worker. Longer than any source's time limit.
PASS_S = 75.0
# How soon one who waits for a place tries again.
AGAIN_S = 0.05
KEPT_S = 7 * 24 * 3600

# Arrivals are counted with a half-life.
ARRIVALS_HALF_LIFE_S = 10.0
# How long answers took: counts between bounds that grow by half, from 10 ms; beyond these counts all are halved.
FIRST_BOUND_MS, BOUNDS, HALVED_AT = 10.0, 24, 500.0


class BreakerState(StrEnum):
    """Whether a source is asked. `half-open`: one request is let through, to see whether it is back."""

    words: str

    def __new__(cls, value: str, words: str = "") -> BreakerState:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    CLOSED = "closed", "asked as usual"
    OPEN = "open", "resting after failures"
    HALF_OPEN = "half-open", "asked once, to see whether it is back"


class Resting(Exception):
    """The source rests after it has failed. `since`: from when."""

    def __init__(self, since: datetime) -> None:
        super().__init__("resting")
        self.since = since


class Busy(Exception):
    """The source was still busy with our other requests, or may not be asked so often."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Leave to ask a source once. `is_probe`: it is the one request that shows whether the source is back."""

    id: str
    source_id: UUID
    is_probe: bool
    counts: bool = True  # False: Redis could not be asked, so there is nothing to give back


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """A source's breaker. `resting_since` and `until`: None for one that does not rest.

    `at_once` is how many requests to the source are under way. `failure` names how the newest request ended that the
    source failed, as an outcome or its reason, and `failed_at` when; "" and None where none is remembered.
    """

    state: BreakerState
    resting_since: datetime | None
    until: datetime | None
    at_once: int
    failure: str
    failed_at: datetime | None


# Parts that both scripts share: the time in milliseconds, and what is kept of a source as numbers.
_SHARED = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kept = {}
local values = redis.call('HMGET', KEYS[1], unpack(names))
for at, name in ipairs(names) do kept[name] = values[at] or nil end
local function number(name) return tonumber(kept[name] or '0') or 0 end
local function decayed(name, at_name, half_life_ms)
    local elapsed = now - number(at_name)
    if elapsed < 0 then elapsed = 0 end
    return number(name) * 0.5 ^ (elapsed / half_life_ms)
end
"""

# KEYS: what is kept of the source; its passes. ARGV: id of the pass, requests per minute (0: any number), 1 for one who
# tries again. What does not change from one request to the next stands before it: see `_constants`.
_ENTER = (
    """
local names = {'open_until', 'opened_at', 'probe_until', 'arrivals', 'arrived_at', 'p95', 'tokens', 'tokens_at'}
"""
    + _SHARED
    + """
local rate = tonumber(ARGV[2])
local probing = 0
if kept['open_until'] then
    if now < number('open_until') or now < number('probe_until') then
        return {'resting', kept['opened_at']}
    end
    probing = 1
end
local arrivals = decayed('arrivals', 'arrived_at', arrivals_half_life)
if ARGV[3] ~= '1' then
    arrivals = arrivals + 1
    redis.call('HSET', KEYS[1], 'arrivals', tostring(arrivals), 'arrived_at', tostring(now))
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local per_ms = arrivals * 0.6931 / arrivals_half_life
local wanted = least + math.ceil(2 * per_ms * tonumber(kept['p95'] or unknown_p95))
if wanted > most then wanted = most end
if probing == 0 and redis.call('ZCARD', KEYS[2]) >= wanted then return {'busy', '0'} end
if rate > 0 then
    local tokens = rate
    if kept['tokens_at'] then
        -- The clock of another Redis that has taken over may be behind.
        local elapsed = math.max(0, now - number('tokens_at'))
        tokens = math.min(rate, number('tokens') + elapsed * rate / 60000)
    end
    if tokens < 1 then return {'busy', '0'} end
    redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - 1), 'tokens_at', tostring(now))
end
if probing == 1 then redis.call('HSET', KEYS[1], 'probe_until', tostring(now + lasts)) end
redis.call('ZADD', KEYS[2], now + lasts, ARGV[1])
redis.call('PEXPIRE', KEYS[2], lasts * 2)
redis.call('PEXPIRE', KEYS[1], expires)
return {'pass', tostring(probing)}
"""
)

# KEYS as above. ARGV: id of the pass, its sign, how long it took in ms, 1 for a probe, a rest that the source asked for
# in ms, what went wrong.
_LEAVE = (
    """
local names = {'open_until', 'rests', 'failures', 'last_bad_at', 'took'}
"""
    + _SHARED
    + """
local ended, took, probe = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local asked_rest = tonumber(ARGV[5])
-- A pass that is no longer there was given before all was forgotten of the source, or has lapsed: it says nothing.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 'unchanged' end
if ended == 'neither' then
    if probe then redis.call('HDEL', KEYS[1], 'probe_until') end
    return 'unchanged'
end
local changed, fields = 'unchanged', {}
if ended == 'good' then
    if kept['open_until'] and probe then
        redis.call('HDEL', KEYS[1], 'open_until', 'opened_at', 'probe_until', 'rests')
        changed = 'closed'
    end
    local at, bound = 1, first_bound
    while at < bounds and took > bound do at = at + 1; bound = bound * 1.5 end
    local counts = kept['took'] and cmsgpack.unpack(kept['took']) or {}
    local total = 1
    for index = 1, bounds do
        counts[index] = counts[index] or 0
        total = total + counts[index]
    end
    counts[at] = counts[at] + 1
    local sum, p95 = 0, nil
    bound = first_bound
    for index = 1, bounds do
        sum = sum + counts[index]
        if not p95 and sum >= total * 0.95 then p95 = bound end
        if total > halved_at then counts[index] = counts[index] / 2 end
        bound = bound * 1.5
    end
    fields = {'failures', '0', 'p95', tostring(p95), 'took', cmsgpack.pack(counts)}
else
    local failures = number('failures') + 1
    if now - number('last_bad_at') > apart then failures = 1 end
    fields = {'failures', tostring(failures), 'last_bad_at', tostring(now), 'last_bad', ARGV[6]}
    local is_open = kept['open_until'] ~= nil
    local fails_again = probe or (failures >= in_a_row and not is_open)
    if fails_again or asked_rest > 0 then
        local open_until = now + asked_rest
        if fails_again then
            local rests = number('rests') + 1
            open_until = math.max(open_until, now + math.min(most_rest, first_rest * 2 ^ (rests - 1)))
            redis.call('HSET', KEYS[1], 'rests', tostring(rests))
        end
        -- One that was asked before the rest began may lengthen it, and ends no probe.
        if is_open and not probe then open_until = math.max(open_until, number('open_until')) end
        redis.call('HSET', KEYS[1], 'open_until', tostring(open_until))
        if not is_open then
            redis.call('HSET', KEYS[1], 'opened_at', tostring(now))
            changed = 'opened'
        end
        if probe then redis.call('HDEL', KEYS[1], 'probe_until') end
    end
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], expires)
return changed
"""
)


@dataclass
class Asked:
    """How a request that had a pass ended: to be set before the pass is given back.

    `sign` is what it says of the source, `what` names what went wrong, as an outcome's reason, and `rest_s` is how long
    the source asks not to be asked again. `kept_waiting_s` is how long the request waited for its pass: the source was
    given so much less time.
    """

    sign: Sign = Sign.NEITHER
    what: str = ""
    rest_s: float = 0.0
    kept_waiting_s: float = 0.0


class SourceGuard:
    """Says whether sources may be asked now, for one event loop."""

    def __init__(
        self,
        *,
        client: redis.asyncio.Redis,
        most_at_once: int,
        failures: int = FAILURES,
        rest_s: float = REST_S,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        constants = _constants(most_at_once=most_at_once, failures=failures, rest_s=rest_s)
        self._enter = client.register_script(constants + _ENTER)
        self._leave = client.register_script(constants + _LEAVE)
        self._rng = rng or random.Random()  # noqa: S311  jitter, no secret

    @asynccontextmanager
    async def leave_to_ask(
        self, *, source_id: UUID, until: float, per_minute: int | None = None
    ) -> AsyncIterator[Asked]:
        """Wait for a place at a source until a `loop.time()`, and give it back with how the request ended.

        Raises: Resting; Busy.
        """
        came = asyncio.get_running_loop().time()
        held = await self._take(source_id=source_id, until=until, per_minute=per_minute or 0)
        began = asyncio.get_running_loop().time()
        asked = Asked(kept_waiting_s=began - came)
        try:
            yield asked
        finally:
            # Also for one that is cancelled: its place is free, and nothing is said of the source.
            await self._give_back(held, asked=asked, took_s=asyncio.get_running_loop().time() - began)

    async def resting_since(self, *, source_id: UUID) -> datetime | None:
        """Return since when a source has rested that may not be asked now, None for one that may: this takes no pass.

        None also while Redis cannot be asked.
        """
        kept, _ = _keys(source_id)
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.time()
                pipe.hmget(kept, "open_until", "probe_until", "opened_at")
                (seconds, microseconds), (open_until, probe_until, opened_at) = await pipe.execute()
        except (redis.RedisError, OSError) as error:
            log.warning("guard_not_asked", error=type(error).__name__)
            return None
        now = seconds * 1000 + microseconds // 1000
        rests = open_until is not None and now < max(float(open_until), float(probe_until or 0))
        return _moment(opened_at) if rests else None

    async def _take(self, *, source_id: UUID, until: float, per_minute: int) -> Pass:
        again = False
        while True:
            held = await self._try(source_id=source_id, per_minute=per_minute, again=again)
            if held is not None:
                return held
            pause_s = self._rng.uniform(AGAIN_S / 2, AGAIN_S)
            if asyncio.get_running_loop().time() + pause_s >= until:
                raise Busy
            await asyncio.sleep(pause_s)
            again = True

    async def _try(self, *, source_id: UUID, per_minute: int, again: bool) -> Pass | None:
        """Return a pass, None where there is none yet. Raises: Resting."""
        pass_id = uuid4().hex
        try:
            verdict, detail = await self._enter(keys=_keys(source_id), args=[pass_id, per_minute, int(again)])
        except (redis.RedisError, OSError) as error:
            log.warning("guard_not_asked", error=type(error).__name__)
            return Pass(id=pass_id, source_id=source_id, is_probe=False, counts=False)
        if verdict == b"resting":
            raise Resting(_moment(detail))
        return None if verdict == b"busy" else Pass(id=pass_id, source_id=source_id, is_probe=detail == b"1")

    async def _give_back(self, held: Pass, *, asked: Asked, took_s: float) -> None:
        if not held.counts:
            return
        try:
            changed = await self._leave(
                keys=_keys(held.source_id),
                args=[held.id, asked.sign, _ms(took_s), int(held.is_probe), _ms(asked.rest_s), asked.what],
            )
        except (redis.RedisError, OSError) as error:
            log.warning("guard_not_told", error=type(error).__name__)
            return
        if changed != b"unchanged":
            log.info("breaker_changed", source_id=str(held.source_id), state=changed.decode())


def breakers_of(*, client: redis.Redis, source_ids: Sequence[UUID], now: datetime) -> dict[UUID, Breaker]:
    """Return the breakers of sources, in one journey; without those that nobody has asked lately.

    Raises: redis.RedisError when Redis cannot be reached.
    """
    with client.pipeline(transaction=False) as pipeline:
        for source_id in source_ids:
            kept, passes = _keys(source_id)
            pipeline.hgetall(kept)
            pipeline.zcount(passes, now.timestamp() * 1000, "+inf")
        answers = pipeline.execute()
    states = zip(source_ids, answers[::2], answers[1::2], strict=True)
    return {source_id: _breaker(kept, at_once=at_once, now=now) for source_id, kept, at_once in states if kept}


def forget(*, client: redis.Redis, source_id: UUID) -> None:
    """Forget what is kept of a source, so that it is asked as usual with the next request."""
    client.delete(*_keys(source_id))


def _breaker(kept: Mapping[bytes, bytes], *, at_once: int, now: datetime) -> Breaker:
    def moment(name: bytes) -> datetime | None:
        value = kept.get(name)
        return _moment(value) if value else None

    until = moment(b"open_until")
    state = BreakerState.CLOSED
    if until is not None:
        state = BreakerState.OPEN if now < until else BreakerState.HALF_OPEN
    return Breaker(
        state=state,
        resting_since=moment(b"opened_at"),
        until=until,
        at_once=at_once,
        failure=kept.get(b"last_bad", b"").decode(),
        failed_at=moment(b"last_bad_at"),
    )


def _constants(*, most_at_once: int, failures: int, rest_s: float) -> str:
    """Return the lines of a script that name what does not change. Times are in milliseconds."""
    values = {
        "lasts": _ms(PASS_S),
        "least": min(LEAST_AT_ONCE, most_at_once),
        "most": most_at_once,
        "arrivals_half_life": _ms(ARRIVALS_HALF_LIFE_S),
        "unknown_p95": _ms(UNKNOWN_P95_S),
        "expires": _ms(KEPT_S),
        "in_a_row": failures,
        "first_rest": _ms(rest_s),
        "most_rest": _ms(MOST_REST_S),
        "apart": _ms(IN_A_ROW_S),
        "first_bound": FIRST_BOUND_MS,
        "bounds": BOUNDS,
        "halved_at": HALVED_AT,
    }
    return "".join(f"local {name} = {value}\n" for name, value in values.items())


def _keys(source_id: UUID, /) -> list[str]:
    """Return the keys of a source; the braces keep both on one node of a cluster."""
    return [f"guard:{{{source_id}}}", f"guard:{{{source_id}}}:passes"]


def _ms(seconds: float, /) -> int:
    return round(seconds * 1000)


def _moment(milliseconds: Any, /) -> datetime:
    return datetime.fromtimestamp(float(milliseconds) / 1000, tz=UTC)
