"""Writing the audit trail. `aggregator.acting` alone does, in the transaction of the act or of the refusal."""

from __future__ import annotations

from functools import partial

from django.db import connection, transaction

from aggregator.audit.events import Event, canonical_bytes
from aggregator.audit.writer import next_number

# Until events are sealed.
NO_MAC = b""


def append(*, event: Event) -> int:
    """Append one event and return its number in the whole trail. A gap between such numbers means nothing."""
    body = canonical_bytes(event=event)
    with connection.cursor() as cursor:
        writer, n = next_number(cursor=cursor)
        cursor.execute("SELECT new_seq, new_xid::text FROM audit_append(%s, %s, %s, %s)", [writer.id, n, body, NO_MAC])
        seq, xid = cursor.fetchone()
    writer.wrote(n=n, xid=xid)
    transaction.on_commit(partial(writer.confirm, n=n))
    return int(seq)
