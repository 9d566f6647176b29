"""Show a retrieved record. Clinical content leaves the service here and nowhere else.

The order matters: decide, open the held answers, permit, merge, audit, return. Each time, the
decision is made again and so is the question who the patient is: what came under a link that has ended is left out.
What may not be shown is removed before anything is merged. A record that cannot be audited is not returned; showing a
user again what they were shown last is no new event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec
import redis
from django.utils.crypto import salted_hmac

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.accounts.scopes import Scopes
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action, Subject
from aggregator.break_glass.terms import EmergencyAccess
from aggregator.consent import queries as consent_queries
from aggregator.consent.answers import PermittedAnswers, SourceAnswer, permit_answers
from aggregator.consent.contents import names_any
from aggregator.consent.decision import Decision
from aggregator.consent.found_labels import found_labels, labelled_entry, labelled_item
from aggregator.errors import NotFound
from aggregator.federation import documents
from aggregator.federation import queries as federation_queries
from aggregator.federation.answers import HeldAnswer, HeldDocument
from aggregator.federation.endings import Ending, while_linked
from aggregator.federation.queries import RetrievalView, SourceState
from aggregator.mpi import queries as mpi_queries
from aggregator.mpi.golden import PersonSummary
from aggregator.record import merge
from aggregator.record.attachments import Attachment
from aggregator.record.completeness.claims import AllergyStatus, SourceStatus, allergy_status
from aggregator.record.item import Item
from aggregator.record.patient_details import PatientDetails, details_of_patient, labels_of_patient
from aggregator.record.reading import parse
from aggregator.record.references import Targets
from aggregator.record.timeline import LongitudinalRecord
from aggregator.services.standing import check_is_whole, check_none_came, linked_records, mark_of
from aggregator.terminology import compiled
from aggregator.terminology.finding import Finder
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from fhir_data.access import JsonObject
from fhir_data.labels import labels_of


@dataclass(frozen=True, kw_only=True)
class RecordView:
    """A record as shown once. `withheld` says that something is withheld, never what or how much.

    `is_whereabouts_restricted`: a source restricts where the patient lives and how to reach them. `scopes` are those of
    a client's token, beyond which nothing is in the record; None for a person. `emergency` is the access by which the
    record is open in an emergency. `standing` marks the links and decisions that it was shown by (`standing`).
    """

    retrieval_id: UUID
    person: PersonSummary
    asked_at: datetime
    deadline_at: datetime
    complete: bool
    sources: tuple[SourceStatus, ...]
    record: LongitudinalRecord
    allergy_status: AllergyStatus
    withheld: bool
    shown_at: datetime
    patient_details: tuple[PatientDetails, ...] = ()
    is_whereabouts_restricted: bool = False
    fetched: HeldDocument | None = None
    may_fetch: bool = False
    scopes: Scopes | None = None
    emergency: EmergencyAccess | None = None
    standing: str = ""

    def attachment(self, *, entry_key: str, number: int) -> Attachment | None:
        """Return a document that an entry describes, by its number from 1; None where there is none."""
        entry = self.record.entries.get(entry_key)
        return entry.attachments[number - 1] if entry and 1 <= number <= len(entry.attachments) else None


def view_record(
    *,
    requester: Requester,
    retrieval_id: UUID,
    now: datetime,
    part: str = "record",
    entry: str | None = None,
    document: int | None = None,
) -> RecordView:
    """Return a retrieved record as its requester may see it now.

    `part` tells the audit what is shown: the record, a section, an entry (by its key, `entry`) or an export. Where
    `document` numbers one of the entry's documents that did not come with the record, `fetched` is what became of
    asking for it, and `may_fetch` whether it may be asked for.
    Raises: NotFound for a retrieval that is not the requester's own or has expired; NotPermitted; Superseded where the
    person has since been joined with another, or a source that was not asked has come to hold them.
    """
    about = Subject(retrieval_id=retrieval_id, entry=entry)
    with acting(requester, Action.VIEW_RECORD, needs=Needs.GATES, about=about, detail={"part": part}) as act:
        view = federation_queries.retrieval_view(retrieval_id=retrieval_id, asker_id=requester.asker_id, now=now)
        if view is None:
            raise NotFound
        person_id = mpi_queries.remaining(person_id=view.person_id)
        act.about(person_id=person_id)
        decision = consent_queries.decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=now
        )
        act.require(decision=decision)
        check_is_whole(opened_for=view.person_id, person_id=person_id, opened_at=view.created_at)
        person = mpi_queries.person_summary(person_id=view.person_id)
        if person is None:
            raise NotFound
        person = person.naming(_may_be_named(person, decision=decision))
        linked = linked_records(held=mpi_queries.held_by(person_id=view.person_id))
        check_none_came(asked={state.source_id for state in view.sources}, linked=linked, decision=decision)
        # That a source which may not be asked holds the patient is withheld, too.
        known = tuple(state for state in view.sources if decision.may_ask(source_id=state.source_id))
        is_source_withheld = len(known) < len(view.sources)
        view = replace(view, sources=tuple(_as_linked(state=state, linked=linked) for state in known))
        held = _held(view=view, linked=linked)
        finder = compiled.finder()
        answers = [
            _source_answer(answer, source_id=state.source_id, finder=finder)
            for state in view.sources
            for answer in held.get(state.source_id) or ()
        ]
        permitted = permit_answers(
            answers=answers,
            decision=decision,
            is_whereabouts_restricted=person.golden.is_whereabouts_restricted,
        )
        if permitted.is_whereabouts_restricted:
            person = person.without_whereabouts()
        is_withheld = permitted.is_withheld or is_source_withheld
        statuses = tuple(_status(state=state, permitted=permitted, opened_at=view.created_at) for state in view.sources)
        record = merge.merge(items=permitted.items)
        details = _patient_details(permitted)
        act.note(
            outcomes={status.source_id: status.outcome or "awaited" for status in statuses},
            items=len(permitted.items),
            withheld=len(permitted.withheld),
        )
        if kept := {status.source_id: status.answered_at for status in statuses if status.kept_for_s is not None}:
            act.note(kept={source_id: at.isoformat() for source_id, at in kept.items() if at is not None})
        shown = RecordView(
            retrieval_id=view.retrieval_id,
            person=person,
            asked_at=view.created_at,
            deadline_at=view.deadline_at,
            complete=view.complete,
            sources=statuses,
            record=record,
            patient_details=details,
            is_whereabouts_restricted=permitted.is_whereabouts_restricted,
            allergy_status=allergy_status(record=record, statuses=statuses, withheld=is_withheld),
            withheld=is_withheld,
            shown_at=now,
            scopes=requester.scopes,
            emergency=decision.emergency,
            standing=mark_of(linked=linked, decision=decision),
        )
        if entry and document:
            shown = _with_document(shown, entry, document, withheld=permitted.withheld, decision=decision)
        # Once more, now that all is ready to be shown: access that was ended meanwhile has ended.
        act.begin()
        act.require(
            decision=consent_queries.decide(
                requester=requester, permission=Permission.VIEW_RECORD, person_id=view.person_id, now=now
            )
        )
        if requester.scopes is not None:
            act.note(scopes=str(requester.scopes))
        ids, fetched = [item.id for item in permitted.items], _as_told(shown.fetched)
        act.shows(
            content=_content_hash(
                *(part, entry, document, requester, person, statuses, is_withheld, ids, details, fetched),
                decision.emergency,
            )
        )
        return shown


def _may_be_named(person: PersonSummary, /, *, decision: Decision) -> frozenset[UUID]:
    """Return which of the sources that disagree about a death may be known to hold the person."""
    sources = {claim.source_id for claim in person.death_claims if claim.source_id is not None}
    return frozenset(source_id for source_id in sources if decision.may_ask(source_id=source_id))


def _with_document(
    view: RecordView, entry_key: str, number: int, *, withheld: Iterable[Item], decision: Decision
) -> RecordView:
    """Return a view with what became of asking for a document that did not come with the record.

    One that is withheld may not be asked for instead, and what comes is withheld if it is labelled so. While the store
    cannot be reached, neither can the record be read: then no entry describes a document.
    """
    attachment = view.attachment(entry_key=entry_key, number=number)
    if attachment is None or attachment.held is not None or not attachment.may_be_at_source:
        return view
    targets = Targets(items=withheld)
    pointing = view.record.entries[entry_key].items
    if any(targets.find_likely(item=item, reference=attachment.address) for item in pointing):
        return view
    try:
        document = documents.read(
            retrieval_id=view.retrieval_id,
            source_id=UUID(attachment.source_id),
            address=attachment.address,
            now=view.shown_at,
        )
    except redis.RedisError:
        document = None
    if document and not _may_show(document, decision=decision, withheld=targets):
        ending = Ending(outcome=Outcome.REFUSED, reason=Reason.CONFIDENTIAL)
        document = replace(document, ending=ending, encoded="", content_type="", head=b"{}")
    return replace(view, fetched=document, may_fetch=True)


def _may_show(document: HeldDocument, *, decision: Decision, withheld: Targets) -> bool:
    """Return whether a fetched document may be shown: by its own labels, and by what it names as their measure."""
    item = _document_as_item(document)
    return decision.may_show(item=item) and not names_any(item=item, targets=withheld)


def _document_as_item(document: HeldDocument) -> Item:
    """Return a fetched document as the item that it would be, had it come with the record."""
    return Item(
        id="",
        source_id=str(document.source_id),
        category=RecordCategory.DOCUMENTS,
        resource=document.head,
        labels=(
            *labels_of(resource=document.head),
            *found_labels(resources=[document.head], finder=compiled.finder()),
        ),
    )


def _as_told(document: HeldDocument | None) -> tuple[str, int] | None:
    """Return what tells one showing of a fetched document from another."""
    if document is None:
        return None
    return (document.ending.outcome if document.ending else "awaited", len(document.encoded))


def _content_hash(*content: object) -> str:
    """Return a hash of what is shown and to whom: equal for equal content, and revealing nothing about it.

    Keyed, so that nobody can find the patient by hashing every NHS number.
    """
    encoded = msgspec.json.encode(content, order="deterministic")
    return salted_hmac(key_salt="longview.shown", value=encoded, algorithm="sha256").hexdigest()


def _as_linked(*, state: SourceState, linked: Mapping[UUID, Collection[UUID]]) -> SourceState:
    """Return the state of a source given the person's links now; one whose link has ended counts as not asked."""
    if state.source_id not in linked:
        unlinked = Ending(outcome=Outcome.NOT_ASKED, reason=Reason.NO_LINK)
        return replace(state, ending=unlinked, by_identifier=())
    if not state.by_identifier:
        return state  # still awaited, or it ended before it was asked under any identifier
    ending = while_linked(endings=state.by_identifier, linked=linked[state.source_id])
    if ending.reason is Reason.RESTING and state.ending is not None:
        ending = replace(ending, since=state.ending.since)  # which is kept once, for the source
    return replace(state, ending=ending)


def _held(*, view: RetrievalView, linked: Mapping[UUID, Collection[UUID]]) -> dict[UUID, tuple[HeldAnswer, ...] | None]:
    """Return the held answers of source records that are linked to the person now, by source.

    While the store cannot be reached every answer is lost; that is reported, and never read as empty.
    """
    try:
        held = federation_queries.held_answers(view=view)
    except redis.RedisError:
        return {}
    return {
        source_id: answers
        and tuple(answer for answer in answers if answer.source_record_id in linked.get(source_id, ()))
        for source_id, answers in held.items()
    }


def _source_answer(answer: HeldAnswer, /, *, source_id: UUID, finder: Finder) -> SourceAnswer:
    """Return a held answer as the decision is asked about it: labelled for what it names, its Patient as an item."""
    sent = answer.subject_sent or answer.subject
    patient = Item(
        id="",
        source_id=str(source_id),
        category=RecordCategory.SUPPORTING,
        resource=sent or b"{}",
        labels=(*labels_of_patient(patient=sent or b"{}"), *answer.subject_labels),
    )
    return SourceAnswer(
        source_id=str(source_id),
        received_at=answer.received_at,
        items=tuple(labelled_item(item=item, finder=finder) for item in answer.items),
        quarantined=tuple(labelled_entry(entry=entry, finder=finder) for entry in answer.quarantined),
        notices=answer.notices,
        patient=patient if sent else None,
        patient_read=answer.subject,
    )


def _patient_details(permitted: PermittedAnswers, /) -> tuple[PatientDetails, ...]:
    """Return what each source says of the patient. Where one restricts the details, no other tells the whereabouts."""
    return tuple(
        details_of_patient(
            patient=answer.patient.resource,
            source_id=answer.source_id,
            find=_finder(item=answer.patient, answer=answer),
            restricted=permitted.is_whereabouts_restricted,
        )
        for answer in permitted.answers
        if answer.patient is not None
    )


def _finder(*, item: Item, answer: SourceAnswer) -> Callable[[str], JsonObject]:
    """Return what finds what a Patient refers to in its answer, of what may be shown."""
    targets = Targets(items=[other for other in answer.items if other.category.is_supporting])

    def find(reference: str) -> JsonObject:
        copies = targets.find(item=item, reference=reference)
        return parse(resource=copies[0].resource) if copies else {}

    return find


def _status(*, state: SourceState, permitted: PermittedAnswers, opened_at: datetime) -> SourceStatus:
    """Return the status of a source in a record that was opened at `opened_at`.

    Only what may be shown is counted: a difference would reveal what is withheld.
    """
    answers = [answer for answer in permitted.answers if answer.source_id == str(state.source_id)]
    clinical = [item for answer in answers for item in answer.items if item.category.is_clinical]
    quarantined: Counter[RecordCategory | None] = Counter(
        entry.category for answer in answers for entry in answer.quarantined
    )
    ending = state.ending
    if ending is not None and ending.outcome.is_answer and not answers:
        ending = Ending(outcome=Outcome.FAILED, reason=Reason.HELD_ANSWER_LOST)
    elif ending is not None and ending.outcome is Outcome.ANSWERED and not clinical and not quarantined:
        ending = replace(ending, outcome=Outcome.EMPTY)
    notices = tuple(notice for answer in answers for notice in answer.notices)
    if ending is not None and ending.reason is Reason.IDENTIFIER:
        words = "This source holds the patient under more than one identifier, and did not answer for all of them."
        notices += (Notice(code=NoticeCode.INCOMPLETE, text=words),)
    answered_at = min((answer.received_at for answer in answers), default=state.ended_at)
    is_kept = state.is_kept and ending is not None and ending.outcome.is_answer and answered_at is not None
    untranslated = Counter(item.category for item in clinical if not item.translated)
    return SourceStatus(
        source_id=str(state.source_id),
        name=state.source_name,
        organisation=state.organisation_name,
        kind=state.kind,
        holds=state.holds,
        not_served=state.not_served,
        outcome=ending.outcome if ending else None,
        reason=(ending.reason or "") if ending else "",
        since=ending.since if ending else None,
        answered_at=answered_at,
        kept_for_s=max(0.0, (opened_at - answered_at).total_seconds()) if is_kept and answered_at else None,
        item_count=len(clinical),
        billing_count=sum(item.category.is_billing for answer in answers for item in answer.items),
        notices=notices,
        quarantined=tuple(sorted(quarantined.items(), key=lambda pair: str(pair[0]))),
        untranslated=tuple(sorted(untranslated.items())),
    )
