"""Writing the audit trail. `aggregator.acting` alone does, in the transaction of the act or of the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from aggregator.accounts.ends import End
from aggregator.audit.events import Event, canonical_bytes
from aggregator.audit.writer import next_number
from aggregator.composed import Statement

# Until events are sealed.
NO_MAC = b""


_EVENT = {"writer": "uuid", "n": "bigint", "body": "bytea", "mac": "bytea"}
_APPEND = Statement(
    name="audit_append",
    types=_EVENT,
    sql="SELECT new_seq, new_xid::text FROM audit_append(%(writer)s, %(n)s, %(body)s, %(mac)s)",
)
_APPEND_END = Statement(
    name="record_end",
    types={"kind": "text", "of_id": "uuid", "ends_at": "timestamptz", "reason": "text", **_EVENT},
    sql="""
        SELECT new_seq, new_xid::text FROM record_end(
            %(kind)s, %(of_id)s, %(ends_at)s, %(reason)s, %(writer)s, %(n)s, %(body)s, %(mac)s)
        """,
)


def append(*, event: Event) -> int:
    """Append one event and return its number in the whole trail. A gap between such numbers means nothing."""
    return _append(_APPEND, {}, event=event)


def append_end(*, event: Event, end: End) -> int:
    """End something that gives access and append the event that tells of it; return the event's number."""
    ended = {"kind": end.kind.value, "of_id": end.of_id, "ends_at": end.ends_at, "reason": end.reason}
    return _append(_APPEND_END, ended, event=event)


def _append(statement: Statement, values: Mapping[str, str | UUID | datetime], /, *, event: Event) -> int:
    body = canonical_bytes(event=event)
    with connection.cursor() as cursor:
        writer, n = next_number(cursor=cursor)
        statement.execute(cursor, {**values, "writer": writer.id, "n": n, "body": body, "mac": NO_MAC})
        seq, xid = cursor.fetchone()
    writer.wrote(n=n, xid=xid)
    transaction.on_commit(partial(writer.confirm, n=n))
    return int(seq)
