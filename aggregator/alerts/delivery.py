"""Deliver what waits, at least once, and never again once it is known that somebody has been told.

One thread, the caller's, claims deliveries, prepares them and records how they ended: it alone touches the database.
Others only send, so that one receiver that hangs keeps none of the rest waiting.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog
from django import db

from aggregator.alerts import mail, operations, webhooks
from aggregator.alerts.backoff import next_attempt_at
from aggregator.alerts.terms import AlertMedium, CannotTell, Claim, DeliveryFault

log = structlog.get_logger(__name__)

# How often to look for more that is due while others are being sent.
LOOK_EVERY_S = 1.0
# For how long to try to record how an attempt ended. Less than what is left of its lease when it ends.
RECORD_WITHIN = timedelta(seconds=45)
RECORD_EVERY_S = 0.5


class _Prepare(Protocol):
    def __call__(self, *, claim: Claim, now: datetime) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class _Sending:
    """How a medium's messages are made and sent, and to how many at once."""

    prepare: _Prepare
    send: Callable[[Any], None]
    at_once: int


_SENDING = {
    AlertMedium.EMAIL: _Sending(prepare=mail.prepare, send=mail.send, at_once=4),
    AlertMedium.WEBHOOK: _Sending(prepare=webhooks.prepare, send=webhooks.send, at_once=20),
}

Clock = Callable[[], datetime]


def deliver_waiting(*, medium: AlertMedium, clock: Clock, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Attempt every delivery that is due; return when none is, or, once this process stops, when those begun are over.

    To each recipient goes one message at a time, the oldest first.
    """
    sending = _SENDING[medium]
    with ThreadPoolExecutor(sending.at_once, thread_name_prefix=f"alerts-{medium}") as pool:
        _Round(medium=medium, sending=sending, pool=pool, clock=clock, is_stopping=is_stopping).run()


@dataclass(kw_only=True)
class _Round:
    medium: AlertMedium
    sending: _Sending
    pool: ThreadPoolExecutor
    clock: Clock
    is_stopping: Callable[[], bool]
    running: dict[Future[None], Claim] = field(default_factory=dict)

    def run(self) -> None:
        """Claim and send until nothing is due and nothing is being sent."""
        while True:
            claims = [] if self.is_stopping() else self._claim()
            for claim in claims:
                self._begin(claim)
            if not self.running and not claims:
                return
            over, _ = wait(self.running, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in over:
                self._end(self.running.pop(future), fault=_fault_of(future))

    def _claim(self) -> list[Claim]:
        room = self.sending.at_once - len(self.running)
        busy = {claim.recipient_id for claim in self.running.values()}
        return operations.claim_due(medium=self.medium, most=room, busy=busy, now=self.clock()) if room else []

    def _begin(self, claim: Claim) -> None:
        try:
            message = self.sending.prepare(claim=claim, now=self.clock())
        except CannotTell as error:
            self._end(claim, fault=error.fault)
        else:
            self.running[self.pool.submit(self.sending.send, message)] = claim

    def _end(self, claim: Claim, *, fault: DeliveryFault | None) -> None:
        now = self.clock()
        if fault is None:
            self._record(partial(operations.record_delivered, claim=claim, now=now))
            return
        next_at = next_attempt_at(
            attempts=claim.attempts,
            fault=fault,
            since=claim.told.created_at,
            now=now,
            rng=random.Random(),  # noqa: S311  jitter, no secret
        )
        if next_at is None:
            log.error("alert_given_up", alert_id=str(claim.told.alert_id), reason=fault.value)
        self._record(partial(operations.record_failed, claim=claim, fault=fault, next_at=next_at, now=now))

    def _record(self, act: Callable[[], None]) -> None:
        """Record how an attempt ended, again while the database cannot be reached: it would be made once more."""
        until = time.monotonic() + RECORD_WITHIN.total_seconds()
        while True:
            try:
                act()
                return
            except (db.OperationalError, db.InterfaceError):
                if time.monotonic() > until:
                    raise
                db.connection.close()
                time.sleep(RECORD_EVERY_S)


def _fault_of(future: Future[None], /) -> DeliveryFault | None:
    error = future.exception()
    if error is None:
        return None
    if isinstance(error, CannotTell):
        return error.fault
    log.error("alert_attempt_failed", error=type(error).__name__)
    return DeliveryFault.OUR_FAULT
