"""Writing the audit trail. A service appends in the same transaction as the act; a refusal in one of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from aggregator.accounts.requester import Requester
from aggregator.errors import LongviewError

SUCCESS = "success"
REFUSED = "refused"
FAILED = "failed"


def append(
    *,
    requester: Requester,
    action: str,
    outcome: str = SUCCESS,
    person_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Append one event and return its number.

    `detail` holds ids, codes and counts; never a name, an NHS number or anything clinical.
    Source: IHE Basic Audit Log Patterns; purpose codes of HL7 v3-ActReason.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_append(%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                action,
                outcome,
                requester.user_id,
                requester.organisation_ods,
                requester.role,
                requester.purpose,
                person_id,
                json.dumps(dict(detail or {}), default=str),
            ],
        )
        row = cursor.fetchone()
    seq: int = row[0]
    return seq


def refuse(
    *,
    requester: Requester,
    action: str,
    error: LongviewError,
    person_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
    outcome: str = REFUSED,
) -> LongviewError:
    """Commit the record of a refusal, then return the error for the caller to raise.

    `durable` makes a call from inside another transaction fail loudly: there the row would vanish with the rollback.
    """
    with transaction.atomic(durable=True):
        append(
            requester=requester,
            action=action,
            outcome=outcome,
            person_id=person_id,
            detail={"code": error.code, **(detail or {})},
        )
    return error
