"""Locks sign-in for a while after too many failures: of an account at one address, of an account, or at an address.

All is counted before a password is hashed, which is slow and large on purpose, and given back when the password was
right: guesses that come at the same moment cannot all slip through. An attempt that is refused counts at its address
only. Whoever reaches a limit waits for its whole window from then on.
"""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.utils.crypto import salted_hmac

from aggregator.accounts.addresses import counted_address
from aggregator.accounts.counters import MOST_KEYS, Limit, Standing, Tally, counters
from aggregator.errors import TooMany

log = structlog.get_logger(__name__)

LOCKED_FOR_S = 15 * 60
ADDRESS_LOCKED_FOR_S = 60


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Somebody tries to sign in under a name, at an address."""

    username: str
    address: str

    @property
    def of_account(self) -> tuple[Tally, ...]:
        """What counts against the account: at this address, where one is known, and in all."""
        name = _one_spelling(self.username)
        at_all = Limit(name="sign-in-account", most=settings.SIGN_IN_FAILURES_PER_ACCOUNT, window_s=LOCKED_FOR_S)
        here = Limit(name="sign-in", most=settings.SIGN_IN_FAILURES, window_s=LOCKED_FOR_S)
        tallies = (Tally(limit=at_all, of=name),)
        address = counted_address(self.address)
        return (Tally(limit=here, of=f"{name}|{address}"), *tallies) if address else tallies

    @property
    def of_address(self) -> tuple[Tally, ...]:
        """What counts against the address; nothing where it is not known."""
        limit = Limit(name="sign-in-address", most=settings.SIGN_IN_FAILURES_PER_ADDRESS, window_s=ADDRESS_LOCKED_FOR_S)
        address = counted_address(self.address)
        return (Tally(limit=limit, of=address),) if address else ()


def check(*, attempt: Attempt) -> None:
    """Go on only if no limit is reached.

    Raises: TooMany.
    """
    standings = counters().read(tallies=(*attempt.of_account, *attempt.of_address))
    reached = [standing for standing in standings if standing.is_reached]
    if reached:
        _refuse(attempt=attempt, standings=reached)


def reserve(*, attempt: Attempt) -> tuple[Standing, ...]:
    """Count one failure before it is known whether it is one; `fail` or `give_back` must follow.

    Raises: TooMany when that is more than a limit allows.
    """
    tallies = (*attempt.of_account, *attempt.of_address)
    standings = counters().add(tallies=tallies)
    exceeded = [standing for standing in standings if standing.is_exceeded]
    if exceeded:
        give_back(attempt=attempt)
        _refuse(attempt=attempt, standings=exceeded)
    return standings


def fail(*, standings: Iterable[Standing]) -> None:
    """Keep what was reserved; where it reached a limit, its window begins anew."""
    reached = [standing for standing in standings if standing.is_reached]
    if reached:
        for standing in reached:
            log.warning("sign_in_locked", reason=standing.tally.limit.name)
        counters().prolong(tallies=[standing.tally for standing in reached])
    _close_addresses(reached)


def give_back(*, attempt: Attempt) -> None:
    """Give back what was reserved: no password was wrong."""
    counters().add(tallies=(*attempt.of_account, *attempt.of_address), amount=-1)


def succeed(*, attempt: Attempt) -> None:
    """Give back what was reserved, and forget what the account's owner got wrong at this address before."""
    give_back(attempt=attempt)
    here = [tally for tally in attempt.of_account if tally.limit.name == "sign-in"]
    if here:
        counters().forget(tallies=here)


def address_mark(address: str, /) -> str:
    """Return what the audit keeps of an address: the same for the same, and telling nobody which it was."""
    return salted_hmac("longview.audit.address", counted_address(address), algorithm="sha256").hexdigest()[:32]


def _refuse(*, attempt: Attempt, standings: Iterable[Standing]) -> None:
    standings = list(standings)
    at_address = counters().add(tallies=attempt.of_address) if attempt.of_address else ()
    _close_addresses([standing for standing in at_address if standing.is_reached])
    wait_s = max(standing.left_s for standing in standings)
    if all(standing.tally.limit.name == "sign-in-address" for standing in standings):
        words = "Too many sign-in attempts have failed at your organisation's address. Try again in a minute."
        raise TooMany(words, code="address-locked", retry_after_s=wait_s)
    words = "Too many failed sign-in attempts. Try again in 15 minutes, or contact your administrator."
    raise TooMany(words, code="locked", retry_after_s=wait_s)


def _one_spelling(username: str) -> str:
    """Return a name as it is counted: whoever varies case, width or accents of composition gains no more guesses."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold()).strip()


# Addresses that are locked, as this process last heard, so that its loop can refuse without asking anybody.
_closed: OrderedDict[str, float] = OrderedDict()
_closed_lock = threading.Lock()


def closed_for_s(address: str, /) -> int:
    """Return for how many seconds more an address is known to be locked."""
    with _closed_lock:
        left = _closed.get(counted_address(address), 0.0) - time.monotonic()
    return max(0, -int(-left // 1))


def _close_addresses(standings: Iterable[Standing]) -> None:
    with _closed_lock:
        for standing in standings:
            if standing.tally.limit.name == "sign-in-address":
                _closed[standing.tally.of] = time.monotonic() + standing.left_s
                _closed.move_to_end(standing.tally.of)
        while len(_closed) > MOST_KEYS:
            _closed.popitem(last=False)
