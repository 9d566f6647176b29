"""How many trials may be under way: they run where alerts are delivered and sources are checked, which must go on."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.errors import TooBusy, TooMany
from aggregator.health.operations import hold_trials
from aggregator.health.queries import trials_under_way
from aggregator.services.sources.read_trial import GIVEN_UP_AFTER

# Of one user, and of all. The upkeep worker has eight threads, and a source that hangs keeps one for twenty seconds.
MOST_OWN, MOST_IN_ALL = 2, 4
RETRY_AFTER_S = 10


def check_room_for_trial(*, requester: Requester, now: datetime) -> None:
    """Go on only if one more trial may be begun. Nobody else begins one until the transaction ends; must run in one.

    Raises: TooMany while the requester has enough under way; TooBusy while all have.
    """
    hold_trials()
    askers = trials_under_way(since=now - GIVEN_UP_AFTER)
    if sum(asker == requester.user_id for asker in askers) >= MOST_OWN:
        words = f"You have {MOST_OWN} trials under way. Wait until one of them has ended."
        raise TooMany(words, retry_after_s=RETRY_AFTER_S)
    if len(askers) >= MOST_IN_ALL:
        words = "Many sources are being tried just now. Wait a moment and try again."
        raise TooBusy(words, retry_after_s=RETRY_AFTER_S)
