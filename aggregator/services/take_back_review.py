"""Take back how a doubt about identity was settled."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import trail
from aggregator.errors import Clash, NotFound, NotPermitted
from aggregator.mpi import queries, settling

ACTION = "take-back-review"


def take_back_review(*, requester: Requester, review_id: UUID, now: datetime) -> None:
    """Make everything as it was before the doubt was settled; it is open again. The decision stays on record, ended.

    Raises: NotPermitted; NotFound; Clash when it is not settled, or something later stands on it.
    """
    if not requester.may(Permission.REVIEW_LINKS):
        error = NotPermitted("You may not settle doubts about identity.")
        raise trail.refuse(requester=requester, action=ACTION, error=error, detail={"review": review_id})
    summary = queries.review_summary(review_id=review_id)
    if summary is None:
        raise trail.refuse(requester=requester, action=ACTION, error=NotFound(), detail={"review": review_id})
    try:
        with transaction.atomic():
            taken_back = settling.take_back(review_id=review_id, user_id=requester.user_id, now=now)
            trail.append(
                requester=requester,
                action=ACTION,
                person_id=taken_back.person_id,
                detail={
                    "review": review_id,
                    "record": taken_back.source_record_id,
                    "cause": taken_back.cause,
                    "decision": taken_back.decision,
                },
            )
    except Clash as error:
        raise trail.refuse(
            requester=requester,
            action=ACTION,
            error=error,
            person_id=summary.person_id,
            detail={"review": review_id},
            outcome=trail.FAILED,
        ) from None
