"""Writes that settle a doubt about identity, and that take a decision back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from aggregator.errors import Superseded
from aggregator.mpi import joining, matching
from aggregator.mpi.demographics import Demographics, as_json, first_said, from_json, with_later
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import DEMOGRAPHIC_FIELDS, raise_doubts_about_others, rebuild_golden, set_record
from aggregator.mpi.queries import demographics_of, remaining, state_of
from aggregator.mpi.reviews import Cause, Decision, acceptable_fields, is_about_the_linked_person

RECORD_FIELDS = [*DEMOGRAPHIC_FIELDS, "first_said", "updated_at"]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a decision, or its taking back, changed.

    `left_person_id` and `new_person_id`: whom the record was taken from, and given to, if anybody. `decided_at` is when
    the decision was made, also where it is the one that was taken back. `person_ids` are the two where it joined them;
    then, taken back, `left_person_id` is the one who had it all and `new_person_id` the one who has it again.
    """

    source_record_id: UUID
    person_id: UUID
    cause: str
    decision: Decision
    decided_at: datetime
    left_person_id: UUID | None = None
    new_person_id: UUID | None = None
    person_ids: tuple[UUID, ...] = ()


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
    Raises: Superseded when it is settled already, is no longer what it was, or people are being loaded; Invalid where
    the two may not be joined.
    """
    takes_new_details = LinkReview.objects.filter(id=review_id, reason=Cause.DEMOGRAPHICS_CHANGED).exists()
    if decision is Decision.JOIN or takes_new_details:
        # By what is taken in, other people are looked for: those whom a load adds must be there, or will see it.
        joining.hold_loads()
    if decision is Decision.JOIN:
        joining.lock_doubts_between(review_id=review_id)
    review = LinkReview.objects.select_for_update().get(id=review_id)
    record = SourceRecord.objects.select_for_update().get(id=review.source_record_id)
    link = Link.objects.select_for_update().filter(source_record=record, ended_at__isnull=True).first()
    person_id = remaining(person_id=review.person_id)
    if decision is Decision.JOIN and link is not None:
        joining.lock_records_of(person_ids=[link.person_id, person_id])
        joining.lock_newer_doubts_between(person_ids=[link.person_id, person_id])
    if review.settled_at is not None:
        raise Superseded("This doubt has already been settled.")
    if seen and seen != state_of(review=review, record=record, link=link):
        raise Superseded("The information behind this doubt has changed since you opened it. Check it again.")
    needs_its_link = is_about_the_linked_person(cause=review.reason) and decision in {
        Decision.END_LINK,
        Decision.ACCEPT_FIELDS,
    }
    if needs_its_link and (link is None or link.person_id != person_id):
        raise Superseded("The record is no longer linked to this person.")
    link_decision = LinkDecision(
        review=review,
        decision=decision,
        fields=list(fields),
        note=note,
        decided_by=user_id,
        decided_at=now,
    )
    two: tuple[Person, Person] | None = None
    if decision is Decision.TAKE_NEW_VALUES:
        link_decision.fields = list(acceptable_fields(evidence=review.evidence))
        _take(link_decision, record=record, values=_merged_values(review, record), now=now)
    elif decision is Decision.END_LINK:
        if review.reason == Cause.DEMOGRAPHICS_CHANGED and review.proposed:
            _take(link_decision, record=record, values=from_json(stored=review.proposed), now=now)
        if link is not None and _should_end(link=link, person_id=person_id):
            _move(link_decision, link=link, user_id=user_id, now=now)
    elif decision is Decision.JOIN:
        if link is None:
            raise Superseded("The record is no longer linked to anybody.")
        two = joining.prepare(decision=link_decision, link=link)
    link_decision.save(force_insert=True)
    if two is not None:
        joined, kept = two
        joining.join(decision=link_decision, joined=joined, kept=kept)
    review.settled_at = now
    review.save(update_fields=["settled_at"])
    if link_decision.record_after is not None:
        raise_doubts_about_others(records=[record], now=now)
    rebuild_golden(person_ids=_people(review=review, link=link, link_decision=link_decision))
    return Settled(
        source_record_id=record.id,
        person_id=person_id,
        cause=review.reason,
        decision=decision,
        decided_at=now,
        left_person_id=link_decision.link_ended.person_id if link_decision.link_ended else None,
        new_person_id=link_decision.link_made.person_id if link_decision.link_made else None,
        person_ids=_joined_people(link_decision),
    )


def take_back(*, review_id: UUID, user_id: UUID | None, now: datetime) -> Settled:
    """Undo the decision on a doubt: what it changed is as it was before, and the doubt is open again.

    Where it was settled with another, by joining two people, so is that. Must run in a transaction.
    Raises: Superseded when nothing is settled, or a later decision or doubt depends on it.
    """
    review, link_decision = _decision_to_take_back(review_id)
    record = SourceRecord.objects.select_for_update().get(id=review.source_record_id)
    link = Link.objects.select_for_update().filter(source_record=record, ended_at__isnull=True).first()
    people = _joined_people(link_decision)
    if people:
        joining.lock_records_of(person_ids=people)
        joining.check_can_part(decision=link_decision)
    _check_nothing_depends_on(link_decision=link_decision, record=record, link=link, review=review)
    if link_decision.link_made_id is not None and link_decision.link_ended_id is not None:
        Link.objects.filter(id=link_decision.link_made_id).update(ended_at=now)
        Link.objects.filter(id=link_decision.link_ended_id).update(ended_at=None)
    if link_decision.record_before is not None:
        held = _snapshot(record)
        if held != link_decision.record_after:
            review.proposed = held["demographics"]  # what the source has said since is not lost
        _restore(record, snapshot=link_decision.record_before)
    if people:
        joining.part(decision=link_decision, joined_id=people[0], now=now)
    for settled in (link_decision, *link_decision.settled_by_it.filter(ended_at__isnull=True).select_related("review")):
        reopened = review if settled is link_decision else settled.review
        _absorb_newer(review=reopened)
        settled.ended_at, settled.ended_by = now, user_id
        settled.save(update_fields=["ended_at", "ended_by"])
        reopened.settled_at = None
        reopened.save(update_fields=["settled_at", "evidence", "proposed"])
    if people:
        joining.doubt_newcomers(decision=link_decision, now=now)
    rebuild_golden(person_ids=_people(review=review, link=link, link_decision=link_decision))
    return Settled(
        source_record_id=record.id,
        person_id=review.person_id,
        cause=review.reason,
        decision=Decision(link_decision.decision),
        decided_at=link_decision.decided_at,
        left_person_id=link_decision.link_made.person_id if link_decision.link_made else link_decision.person_kept_id,
        new_person_id=link_decision.link_ended.person_id
        if link_decision.link_ended
        else link_decision.person_joined_id,
        person_ids=people,
    )


def _decision_to_take_back(review_id: UUID, /) -> tuple[LinkReview, LinkDecision]:
    """Return the decision by which a doubt is settled, or was settled with another, and the doubt that it was about.

    The doubts are locked; where links move, nobody loads people meanwhile.
    Raises: Superseded when there is none.
    """
    in_force = LinkDecision.objects.filter(ended_at__isnull=True)
    named = in_force.filter(review_id=review_id).first()
    found = named.settled_with if named is not None and named.settled_with is not None else named
    if found is not None and (found.person_joined_id is not None or found.link_made_id is not None):
        joining.hold_loads()
        joining.lock_doubts_of(decision=found)
    review = LinkReview.objects.select_for_update().get(id=found.review_id if found is not None else review_id)
    decision = in_force.filter(review=review).first()
    if review.settled_at is None or decision is None or found is None or decision.id != found.id:
        raise Superseded("This doubt is not settled.")
    return review, decision


def _merged_values(review: LinkReview, record: SourceRecord) -> Demographics:
    return with_later(earlier=demographics_of(record), later=from_json(stored=review.proposed))


def _joined_people(link_decision: LinkDecision, /) -> tuple[UUID, ...]:
    """Return who was joined and to whom, where that is what was decided."""
    people = (link_decision.person_joined_id, link_decision.person_kept_id)
    return tuple(person_id for person_id in people if person_id is not None)


def _should_end(*, link: Link, person_id: UUID) -> bool:
    """Return whether there is a link to end: a record that is already the only one of another person has none."""
    if link.person_id == person_id:
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


def _check_nothing_depends_on(
    *, link_decision: LinkDecision, record: SourceRecord, link: Link | None, review: LinkReview
) -> None:
    ended = link_decision.link_ended
    if ended is not None and remaining(person_id=ended.person_id) != ended.person_id:
        raise Superseded("The person has since been joined to another. Take that decision back first.")
    is_one_now = link is not None and link.person_id == remaining(person_id=review.person_id)
    is_about_another = not is_about_the_linked_person(cause=review.reason)
    moves_nothing = link_decision.link_made_id is None and link_decision.person_joined_id is None
    if is_about_another and moves_nothing and is_one_now and link_decision.settled_with_id is None:
        raise Superseded("The two have since been joined. Take that decision back first.")
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

    Its record is locked already, and whoever settles the newer doubt locks that first: so nobody is waited for here.
    Raises: Superseded where decisions about the newer one are on record, or it is being settled.
    """
    newer = LinkReview.objects.filter(
        source_record=review.source_record_id, reason=review.reason, settled_at__isnull=True
    )
    if review.reason != Cause.DEMOGRAPHICS_CHANGED:
        newer = newer.filter(person_id=review.person_id)
    doubts = list(newer.select_for_update(skip_locked=True))
    if len(doubts) < newer.count():
        raise Superseded("A newer doubt of this kind about the record is being settled at this moment.")
    for doubt in doubts:
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
    linked = (each.person_id for each in links if each is not None)
    return {remaining(person_id=review.person_id), review.person_id, *linked, *_joined_people(link_decision)}
