"""Numbers the events that one thread writes, so that one that goes missing later leaves a gap.

A number is used up only when the database has confirmed the commit. What was undone is numbered again; where nobody
knows whether a commit went through, the thread goes on as a new writer, and so does every new process.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db.backends.utils import CursorWrapper

# How the transaction that last wrote for this writer stands: is it this one, was it undone for certain, and what is its
# highest number (less than it was where a savepoint was rolled back). A transaction that this server has not begun is
# one of a database that has been restored since: of that nothing is known.
_STANDING = """
SELECT pg_current_xact_id_if_assigned() IS NOT DISTINCT FROM %(xid)s::xid8,
       CASE WHEN %(xid)s::xid8 < pg_snapshot_xmax(pg_current_snapshot())
            THEN pg_xact_status(%(xid)s::xid8) = 'aborted' END,
       (SELECT max(n) FROM audit_event WHERE writer = %(writer)s AND xid = %(xid)s::xid8)
"""


@dataclass(frozen=True, kw_only=True)
class _Unconfirmed:
    """The highest number that a transaction has taken, while its commit is not confirmed."""

    xid: str
    n: int


@dataclass
class Writer:
    """One thread's sequence of events. `confirmed` is the number of the last one that is known to be committed."""

    id: UUID = field(default_factory=uuid4)
    process_id: int = field(default_factory=os.getpid)
    confirmed: int = 0
    unconfirmed: _Unconfirmed | None = None

    def wrote(self, *, n: int, xid: str) -> None:
        """Note an event that is written and not yet committed."""
        self.unconfirmed = _Unconfirmed(xid=xid, n=n)

    def confirm(self, *, n: int) -> None:
        """Note that an event is committed, and with it its transaction."""
        self.confirmed = max(self.confirmed, n)
        self.unconfirmed = None


_of_thread = threading.local()


def next_number(*, cursor: CursorWrapper) -> tuple[Writer, int]:
    """Return this thread's writer and the number of its next event, in the transaction of `cursor`."""
    writer: Writer | None = getattr(_of_thread, "writer", None)
    if writer is None or writer.process_id != os.getpid():
        return _new_writer(), 1
    if writer.unconfirmed is None:
        return writer, writer.confirmed + 1
    cursor.execute(_STANDING, {"xid": writer.unconfirmed.xid, "writer": writer.id})
    is_this_one, was_undone, highest = cursor.fetchone()
    if is_this_one:
        return writer, max(highest or 0, writer.confirmed) + 1
    if was_undone:
        return writer, writer.confirmed + 1
    return _new_writer(), 1


def _new_writer() -> Writer:
    writer = Writer()
    _of_thread.writer = writer
    return writer
