"""Writes that join two people who are one, and that part them again.

All that is linked to the one who was recorded later is given to the other. Each link ends and another is made, never
changed, and each pair is kept: so parting them gives back exactly these. What else hangs on a person (decisions about
sharing, care, emergencies, doubts) stays where it was recorded, and counts for whom they were joined to while that
stands (`Person.joined_to`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from aggregator.errors import Invalid, Superseded
from aggregator.mpi import matching
from aggregator.mpi.models import Link, LinkDecision, LinkMove, LinkReview, Person, SourceRecord
from aggregator.mpi.operations import raise_doubts_about_others, wait_for_loads
from aggregator.mpi.queries import demographics_of, remaining
from aggregator.mpi.reviews import Cause, Decision

# A load that is under way could still add to either of the two. Whoever decides does not wait for a whole file.
MOST_WAIT_S = 5.0


def hold_loads() -> None:
    """Have nobody load people, join them or part them before this transaction has ended.

    To be called before anything is locked, since a load locks source records.
    Raises: Superseded when others have been at it for too long.
    """
    wait_for_loads(most_s=MOST_WAIT_S)


def lock_doubts_between(*, review_id: UUID) -> None:
    """Lock the doubts that a join would settle, in one order, before any record, as whoever settles one does."""
    review = LinkReview.objects.get(id=review_id)
    link = Link.objects.filter(source_record_id=review.source_record_id, ended_at__isnull=True).first()
    if link is not None:
        two = [link.person_id, remaining(person_id=review.person_id)]
        between = _doubts_between(two).filter(settled_at__isnull=True)
        list(between.select_for_update(of=("self",)).order_by("id").values_list("id"))


def lock_doubts_of(*, decision: LinkDecision) -> None:
    """Lock the doubts that were settled by a decision, and with it, in one order."""
    doubts = LinkReview.objects.filter(Q(id=decision.review_id) | Q(decisions__settled_with=decision))
    ids = set(doubts.values_list("id", flat=True))
    list(LinkReview.objects.select_for_update().filter(id__in=ids).order_by("id").values_list("id"))


def lock_records_of(*, person_ids: Iterable[UUID]) -> None:
    """Lock the source records of people and their links, in one order, before the people themselves."""
    linked = Link.objects.filter(person_id__in=list(person_ids), ended_at__isnull=True)
    record_ids = list(linked.values_list("source_record_id", flat=True))
    list(SourceRecord.objects.select_for_update().filter(id__in=record_ids).order_by("id").values_list("id"))
    list(Link.objects.select_for_update().filter(id__in=linked.values("id")).order_by("id").values_list("id"))


def lock_newer_doubts_between(*, person_ids: Collection[UUID]) -> None:
    """Lock the doubts between two people that came, or were opened again, after `lock_doubts_between`.

    Their records are locked, so that no more come. Nobody is waited for: whoever settles one of these doubts locks it
    before its record, which is locked here.
    Raises: Superseded while one of them is being settled.
    """
    between = _doubts_between(person_ids).filter(settled_at__isnull=True)
    locked = between.select_for_update(of=("self",), skip_locked=True).order_by("id")
    if len(locked.values_list("id")) < between.count():
        raise Superseded("Another doubt about these two is being settled at this moment. Check them again after that.")


def prepare(*, decision: LinkDecision, link: Link) -> tuple[Person, Person]:
    """Say in a decision who is joined to whom, and in which fields their records may differ; return the two.

    The one who was recorded first remains: what hangs on their id, here and wherever it was given out, stays valid.
    Raises: Superseded where there are no longer two people to join; Invalid where each has a number that is one
    person's alone.
    """
    other_id = remaining(person_id=decision.review.person_id)
    if other_id == link.person_id:
        raise Superseded("These are one person already.")
    links = {
        person_id: list(Link.objects.filter(person_id=person_id, ended_at__isnull=True).select_related("source_record"))
        for person_id in (link.person_id, other_id)
    }
    if not links[other_id]:
        raise Superseded("No source holds a record of the other person any more.")
    left, right = (
        [demographics_of(each.source_record) for each in links[person_id]] for person_id in (link.person_id, other_id)
    )
    if matching.have_different_verified_numbers(left=left, right=right):
        raise Invalid(
            "Each of these people has a verified NHS number, and they differ: a number belongs to one person alone. "
            "Have the sources correct it first.",
            code="verified-numbers",
            field="decision",
        )
    kept, joined = Person.objects.filter(id__in=links).order_by("created_at", "id")
    decision.person_kept, decision.person_joined = kept, joined
    decision.fields = list(matching.speaks_against(left=left, right=right))
    return joined, kept


def join(*, decision: LinkDecision, joined: Person, kept: Person) -> None:
    """Give all that is linked to one person to the other, as a decision that has been saved says.

    Other open doubts about these two are settled with it.
    """
    ended = list(Link.objects.filter(person=joined, ended_at__isnull=True).order_by("id"))
    made = [
        Link(
            source_record_id=link.source_record_id,
            person=kept,
            grade=matching.Grade.CERTAIN,
            rule=_rule_after(link),
            rules_version=matching.RULES_VERSION,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
        )
        for link in ended
    ]
    Link.objects.filter(id__in=[link.id for link in ended]).update(ended_at=decision.decided_at)
    Link.objects.bulk_create(made)
    LinkMove.objects.bulk_create(
        LinkMove(decision=decision, link_ended=before, link_made=after)
        for before, after in zip(ended, made, strict=True)
    )
    Person.objects.filter(id=joined.id).update(joined_to=kept)
    Person.objects.filter(joined_to=joined).update(joined_to=kept)
    _settle_others(decision=decision, kept_id=kept.id)


def check_can_part(*, decision: LinkDecision) -> None:
    """Check that nothing later depends on a decision that joined two people.

    Raises: Superseded.
    """
    if decision.moves.filter(link_made__ended_at__isnull=False).exists():
        raise Superseded("One of the records has since been linked again. Take that decision back first.")
    later = LinkDecision.objects.filter(
        person_kept=decision.person_kept_id, ended_at__isnull=True, decided_at__gt=decision.decided_at
    )
    if later.exists():
        raise Superseded("Somebody else has since been joined to this person. Take that decision back first.")


def part(*, decision: LinkDecision, joined_id: UUID, now: datetime) -> None:
    """Give back to one person all that a decision gave to another."""
    moves = list(decision.moves.select_related("link_made"))
    Link.objects.filter(id__in=[move.link_made_id for move in moves]).update(ended_at=now)
    Link.objects.filter(id__in=[move.link_ended_id for move in moves]).update(ended_at=None)
    Person.objects.filter(id=joined_id).update(joined_to=None)
    Person.objects.filter(id__in=_joined_before(joined_id)).update(joined_to=joined_id)


def doubt_newcomers(*, decision: LinkDecision, now: datetime) -> None:
    """Raise a doubt about each record that has come since to whom somebody was joined, and may be that one's.

    It stays where it is until somebody looks.
    """
    since = Link.objects.filter(person=decision.person_kept, ended_at__isnull=True, decided_at__gt=decision.decided_at)
    newcomers = SourceRecord.objects.filter(id__in=since.values("source_record_id")).order_by("id")
    raise_doubts_about_others(records=list(newcomers), now=now, but_about=decision.person_joined_id)


def _rule_after(link: Link, /) -> str:
    """Return by which rule a record is linked to another; one that had become a person of its own is still known so."""
    was_of_its_own = link.rule in {matching.NEW_PERSON, matching.BY_REVIEW}
    return matching.BY_REVIEW if was_of_its_own else matching.JOINED


def _settle_others(*, decision: LinkDecision, kept_id: UUID) -> None:
    """Settle the other open doubts by a matching rule that would now name a person with themselves."""
    between = _doubts_between([kept_id]).filter(settled_at__isnull=True)
    answered = list(between.exclude(id=decision.review_id).order_by("id"))
    LinkDecision.objects.bulk_create(
        LinkDecision(
            review=review,
            decision=Decision.JOIN,
            note=decision.note,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
            settled_with=decision,
        )
        for review in answered
    )
    LinkReview.objects.filter(id__in=[review.id for review in answered]).update(settled_at=decision.decided_at)


def _doubts_between(person_ids: Collection[UUID], /) -> QuerySet[LinkReview]:
    """Return the doubts by a matching rule about records of these people that name one of them, by whatever id."""
    linked = Link.objects.filter(person_id__in=person_ids, ended_at__isnull=True).values("source_record_id")
    named = Person.objects.filter(Q(id__in=person_ids) | Q(joined_to__in=person_ids)).values("id")
    doubts = LinkReview.objects.filter(source_record_id__in=linked, person_id__in=named)
    return doubts.exclude(reason__in=list(Cause))


def _joined_before(person_id: UUID, /) -> set[UUID]:
    """Return who was joined to a person, also through others, by decisions that stand."""
    joins = LinkDecision.objects.filter(person_joined__isnull=False, ended_at__isnull=True)
    found: set[UUID] = set()
    reached = {person_id}
    while reached:
        reached = set(joins.filter(person_kept__in=reached).values_list("person_joined_id", flat=True))
        found |= reached
    return found
