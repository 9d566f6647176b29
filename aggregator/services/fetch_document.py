"""Ask a source for a document that the record only names: decide, note what is asked for, and queue it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import redis

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action, Subject
from aggregator.consent import queries as consent_queries
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.federation import documents, load, tasks
from aggregator.services.view_record import view_record


def fetch_document(*, requester: Requester, retrieval_id: UUID, entry_key: str, number: int, now: datetime) -> None:
    """Ask the source of an entry for its document of this number, counted from 1.

    `view_record` then shows it. One that is awaited, or has come, is not asked for again.
    Raises: NotFound; NotPermitted; Invalid for a document that came with the record or is not kept at its source;
    TooBusy when so much is under way that it could not be fetched in time; Superseded while nothing can be asked for.
    """
    about = Subject(retrieval_id=retrieval_id, entry=entry_key)
    with acting(requester, Action.FETCH_DOCUMENT, needs=Needs.GATES, about=about) as act:
        view = view_record(
            requester=requester, retrieval_id=retrieval_id, now=now, part="document", entry=entry_key, document=number
        )
        decision = consent_queries.decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=view.person.person_id, now=now
        )
        act.require(decision=decision)
        attachment = view.attachment(entry_key=entry_key, number=number)
        if attachment is None:
            raise NotFound("This document is no longer in the record. Go back to the record.")
        source_id = UUID(attachment.source_id)
        act.about(person_id=view.person.person_id, source_id=source_id)
        if not view.may_fetch:
            raise Invalid("This document cannot be asked for.", code="not-at-source")
        if not decision.may_ask(source_id=source_id):
            raise NotFound
        try:
            asked_for = documents.ask_for(
                retrieval_id=retrieval_id,
                source_id=source_id,
                address=attachment.address,
                now=now,
                emergency=decision.emergency is not None,
            )
        except documents.NoRoom:
            raise load.too_busy(to="ask for a document") from None
        except redis.RedisError:
            raise Superseded("Documents cannot be asked for just now. Try again shortly.", code="store") from None
    if asked_for is None:
        return
    try:
        tasks.send_document(
            retrieval_id=retrieval_id, document_id=asked_for.document_id, deadline_at=asked_for.deadline_at
        )
    except tasks.QueueUnavailable:
        documents.note_not_queued(retrieval_id=retrieval_id, source_id=source_id, address=attachment.address, now=now)
