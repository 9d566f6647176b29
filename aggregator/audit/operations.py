"""Writing the audit trail. `aggregator.acting` alone does, in the transaction of the act or of the refusal."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from aggregator.accounts.ends import End
from aggregator.audit.events import Event, canonical_bytes
from aggregator.audit.writer import next_number

# Until events are sealed.
NO_MAC = b""


def append(*, event: Event) -> int:
    """Append one event and return its number in the whole trail. A gap between such numbers means nothing."""
    return _append("audit_append(%s, %s, %s, %s)", event=event)


def append_end(*, event: Event, end: End) -> int:
    """End something that gives access and append the event that tells of it; return the event's number."""
    call = "record_end(%s, %s, %s, %s, %s, %s, %s, %s)"
    return _append(call, end.kind, end.of_id, end.ends_at, end.reason, event=event)


def _append(call: str, *arguments: str | UUID | datetime, event: Event) -> int:
    body = canonical_bytes(event=event)
    with connection.cursor() as cursor:
        writer, n = next_number(cursor=cursor)
        cursor.execute(
            f"SELECT new_seq, new_xid::text FROM {call}",  # noqa: S608  one of the two calls above
            [*arguments, writer.id, n, body, NO_MAC],
        )
        seq, xid = cursor.fetchone()
    writer.wrote(n=n, xid=xid)
    transaction.on_commit(partial(writer.confirm, n=n))
    return int(seq)
