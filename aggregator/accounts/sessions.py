"""Sessions in the database, under keys that only this service can make."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from aggregator.accounts.session_keys import is_own_key, new_key
from aggregator.composed import composed_once

# A request that changes nothing extends its session only if that was last done this long ago: writing the session
# each time would cost a transaction. So it may end early, by at most this much.
PUT_OFF_EVERY = timedelta(seconds=30)


class SessionStore(db.SessionStore):
    """Django's, which takes a key from a cookie only if this service has made it, and is written less often."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key if session_key and is_own_key(session_key) else None)

    def load(self) -> dict[str, Any]:
        """Return what the session holds, nothing if it has ended; mark it to be saved when it is due to be extended."""
        now = timezone.now()
        found = _standing(key=self.session_key, now=now) if self.session_key else []
        if not found:
            self._session_key = None
            return {}
        ((data, ends_at),) = found
        if ends_at < now + timedelta(seconds=self.get_session_cookie_age()) - PUT_OFF_EVERY:
            self.modified = True
        return self.decode(data)

    def _get_new_session_key(self) -> str:
        return new_key()


@composed_once
def _standing(*, key: str, now: datetime) -> QuerySet[Session, tuple[str, datetime]]:
    return Session.objects.filter(session_key=key, expire_date__gt=now).values_list("session_data", "expire_date")
