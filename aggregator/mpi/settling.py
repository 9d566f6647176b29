"""Writes that settle a doubt about identity, and that take a decision back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.errors import Superseded
from aggregator.mpi import matching
from aggregator.mpi.demographics import Demographics, as_json, first_said, from_json, with_later
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import DEMOGRAPHIC_FIELDS, raise_doubts_about_others, rebuild_golden, set_record
from aggregator.mpi.queries import demographics_of, state_of
from aggregator.mpi.reviews import Cause, Decision, acceptable_fields, is_about_the_linked_person

RECORD_FIELDS = [*DEMOGRAPHIC_FIELDS, "first_said", "updated_at"]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a decision, or its taking back, changed.

    `left_person_id` and `new_person_id`: whom the record was taken from, and given to, if anybody. `decided_at` is when
    the decision was made, also where it is the one that was taken back.
    """

    source_record_id: UUID
    person_id: UUID
    cause: str
    decision: Decision
    decided_at: datetime
    left_person_id: UUID | None = None
    new_person_id: UUID | None = None


def settle(
    *,
    review_id: UUID,
    decision: Decision,
    fields: Sequence[str],
    note: str,
    user_id: UUID | None,
    seen: str,
    now: datetime,
) -> Settled:
    """Settle an open doubt. `seen` is the state that the user looked at, "" where none is named.

    Must run in a transaction; the caller has checked that the cause allows the decision.
    Raises: Superseded when it is settled already, or is no longer what it was.
    """
    review = LinkReview.objects.select_for_update().get(id=review_id)
    record = SourceRecord.objects.select_for_update().get(id=review.source_record_id)
    link = Link.objects.select_for_update().filter(source_record=record, ended_at__isnull=True).first()
    if review.settled_at is not None:
        raise Superseded("This doubt has already been settled.")
    if seen and seen != state_of(review=review, record=record, link=link):
        raise Superseded("The information behind this doubt has changed since you opened it. Check it again.")
    needs_its_link = is_about_the_linked_person(cause=review.reason) and decision in {
        Decision.END_LINK,
        Decision.ACCEPT_FIELDS,
    }
    if needs_its_link and (link is None or link.person_id != review.person_id):
        raise Superseded("The record is no longer linked to this person.")
    link_decision = LinkDecision(
        review=review,
        decision=decision,
        fields=list(fields),
        note=note,
        decided_by=user_id,
        decided_at=now,
    )
    if decision is Decision.TAKE_NEW_VALUES:
        link_decision.fields = list(acceptable_fields(evidence=review.evidence))
        _take(link_decision, record=record, values=_merged_values(review, record), now=now)
    elif decision is Decision.END_LINK:
        if review.reason == Cause.DEMOGRAPHICS_CHANGED and review.proposed:
            _take(link_decision, record=record, values=from_json(stored=review.proposed), now=now)
        if link is not None and _should_end(link=link, review=review):
            _move(link_decision, link=link, user_id=user_id, now=now)
    link_decision.save(force_insert=True)
    review.settled_at = now
    review.save(update_fields=["settled_at"])
    if link_decision.record_after is not None:
        raise_doubts_about_others(records=[record], now=now)
    rebuild_golden(person_ids=_people(review=review, link=link, link_decision=link_decision))
    return Settled(
        source_record_id=record.id,
        person_id=review.person_id,
        cause=review.reason,
        decision=decision,
        decided_at=now,
        left_person_id=link_decision.link_ended.person_id if link_decision.link_ended else None,
        new_person_id=link_decision.link_made.person_id if link_decision.link_made else None,
    )


def take_back(*, review_id: UUID, user_id: UUID | None, now: datetime) -> Settled:
    """Undo the decision on a doubt: what it changed is as it was before, and the doubt is open again.

    Must run in a transaction.
    Raises: Superseded when nothing is settled, or a later decision or doubt depends on it.
    """
    review = LinkReview.objects.select_for_update().get(id=review_id)
    record = SourceRecord.objects.select_for_update().get(id=review.source_record_id)
    link_decision = LinkDecision.objects.filter(review=review, ended_at__isnull=True).first()
    if review.settled_at is None or link_decision is None:
        raise Superseded("This doubt is not settled.")
    link = Link.objects.select_for_update().filter(source_record=record, ended_at__isnull=True).first()
    _check_nothing_depends_on(link_decision=link_decision, record=record, link=link)
    if link_decision.link_made_id is not None and link_decision.link_ended_id is not None:
        Link.objects.filter(id=link_decision.link_made_id).update(ended_at=now)
        Link.objects.filter(id=link_decision.link_ended_id).update(ended_at=None)
    if link_decision.record_before is not None:
        held = _snapshot(record)
        if held != link_decision.record_after:
            review.proposed = held["demographics"]  # what the source has said since is not lost
        _restore(record, snapshot=link_decision.record_before)
    _absorb_newer(review=review)
    link_decision.ended_at, link_decision.ended_by = now, user_id
    link_decision.save(update_fields=["ended_at", "ended_by"])
    review.settled_at = None
    review.save(update_fields=["settled_at", "evidence", "proposed"])
    rebuild_golden(person_ids=_people(review=review, link=link, link_decision=link_decision))
    return Settled(
        source_record_id=record.id,
        person_id=review.person_id,
        cause=review.reason,
        decision=Decision(link_decision.decision),
        decided_at=link_decision.decided_at,
        left_person_id=link_decision.link_made.person_id if link_decision.link_made else None,
        new_person_id=link_decision.link_ended.person_id if link_decision.link_ended else None,
    )


def _merged_values(review: LinkReview, record: SourceRecord) -> Demographics:
    return with_later(earlier=demographics_of(record), later=from_json(stored=review.proposed))


def _should_end(*, link: Link, review: LinkReview) -> bool:
    """Return whether there is a link to end: a record that is already the only one of another person has none."""
    if link.person_id == review.person_id:
        return True
    return Link.objects.filter(person_id=link.person_id, ended_at__isnull=True).exclude(id=link.id).exists()


def _take(link_decision: LinkDecision, *, record: SourceRecord, values: Demographics, now: datetime) -> None:
    link_decision.record_before = _snapshot(record)
    values = replace(values, restricted=record.restricted if values.restricted is None else values.restricted)
    set_record(record=record, demographics=values, first=first_said(before=Demographics(), now=values), now=now)
    record.save(update_fields=RECORD_FIELDS)
    link_decision.record_after = _snapshot(record)


def _move(link_decision: LinkDecision, *, link: Link, user_id: UUID | None, now: datetime) -> None:
    link.ended_at = now
    link.save(update_fields=["ended_at"])
    link_decision.link_ended = link
    link_decision.link_made = Link.objects.create(
        source_record_id=link.source_record_id,
        person=Person.objects.create(created_at=now),
        grade=matching.Grade.CERTAIN,
        rule=matching.BY_REVIEW,
        rules_version=matching.RULES_VERSION,
        decided_by=user_id,
        decided_at=now,
    )


def _check_nothing_depends_on(*, link_decision: LinkDecision, record: SourceRecord, link: Link | None) -> None:
    if link_decision.link_made is not None and (link is None or link.id != link_decision.link_made_id):
        raise Superseded("The record has since been linked again. Take that decision back first.")
    later = LinkDecision.objects.filter(
        review__source_record=record,
        ended_at__isnull=True,
        decided_at__gt=link_decision.decided_at,
        record_before__isnull=False,
    )
    if link_decision.record_before is not None and later.exists():
        raise Superseded("There is a later decision about this record. Take that one back first.")


def _absorb_newer(*, review: LinkReview) -> None:
    """Take a newer open doubt of the same kind into the one that is opened again: one open doubt per record and cause.

    Raises: Superseded where decisions about the newer one are on record.
    """
    newer = LinkReview.objects.filter(
        source_record=review.source_record_id, reason=review.reason, settled_at__isnull=True
    )
    if review.reason != Cause.DEMOGRAPHICS_CHANGED:
        newer = newer.filter(person_id=review.person_id)
    for doubt in newer.select_for_update():
        if doubt.decisions.exists():
            raise Superseded("A newer doubt of this kind about the record is open. Settle that one first.")
        review.evidence = {**review.evidence, **doubt.evidence}
        review.proposed = doubt.proposed or review.proposed  # what the source said last
        doubt.delete()


def _snapshot(record: SourceRecord) -> dict[str, Any]:
    return {
        "demographics": as_json(demographics=demographics_of(record)),
        "first_said": record.first_said,
        "updated_at": record.updated_at.isoformat(),
    }


def _restore(record: SourceRecord, *, snapshot: dict[str, Any]) -> None:
    before = from_json(stored=snapshot["demographics"])
    set_record(
        record=record,
        # That whereabouts are restricted may have been said since.
        demographics=replace(before, restricted=record.restricted or before.restricted),
        first=Demographics(),
        now=datetime.fromisoformat(snapshot["updated_at"]),
    )
    record.first_said = snapshot["first_said"]
    record.save(update_fields=RECORD_FIELDS)


def _people(*, review: LinkReview, link: Link | None, link_decision: LinkDecision) -> set[UUID]:
    links = (link, link_decision.link_ended, link_decision.link_made)
    return {review.person_id, *(linked.person_id for linked in links if linked is not None)}
