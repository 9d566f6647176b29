"""Check whether a retrieval is complete, and may still be seen. No content is returned: only a refusal is audited."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, Needs, acting, emergency_has_ended
from aggregator.audit.events import Action, Subject
from aggregator.consent import queries as consent_queries
from aggregator.errors import NotFound, Superseded
from aggregator.federation import queries as federation_queries
from aggregator.mpi.queries import held_by, remaining
from aggregator.services.standing import check_is_whole, linked_records, mark_of


def check_progress(
    *, requester: Requester, retrieval_id: UUID, now: datetime, shown_by: UUID | None = None, standing: str = ""
) -> bool:
    """Return whether a retrieval is complete; its requester must be allowed to see it now.

    `shown_by`: the emergency access by which what is on the screen was shown, which must still stand. `standing`: the
    mark of the links and decisions that it was shown by, which must be as they were; "" where none is named.
    Raises: NotFound for a retrieval that is not the requester's own or has expired; NotPermitted; Superseded when
    something else is to be shown by now.
    """
    about = Subject(retrieval_id=retrieval_id)
    with acting(requester, Action.CHECK_PROGRESS, needs=Needs.GATES, about=about, audit=Audit.ON_REFUSAL) as act:
        view = federation_queries.retrieval_view(retrieval_id=retrieval_id, asker_id=requester.asker_id, now=now)
        if view is None:
            raise NotFound
        person_id = remaining(person_id=view.person_id)
        act.about(person_id=person_id)
        decision = consent_queries.decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now
        )
        act.require(decision=decision)
        check_is_whole(opened_for=view.person_id, person_id=person_id, opened_at=view.created_at)
        if shown_by is not None and (decision.emergency is None or decision.emergency.id != shown_by):
            raise emergency_has_ended()
        linked = linked_records(held=held_by(person_id=view.person_id)) if standing else {}
        if standing and standing != mark_of(linked=linked, decision=decision):
            raise Superseded("What may be shown of this record has changed.", code="standing")
        return view.complete
