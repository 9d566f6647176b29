"""Reads of the master patient index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from aggregator.composed import composed_once
from aggregator.limits import max_length_of
from aggregator.mpi.death import DeathClaim, claims_disagree
from aggregator.mpi.demographics import Demographics, as_json, beginning_of_given, clean_name, from_json
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.mpi.matching import (
    BY_REVIEW,
    NEW_PERSON,
    KnownRecord,
    have_different_verified_numbers,
    speaks_against,
)
from aggregator.mpi.models import Link, LinkDecision, LinkMove, LinkReview, Person, SourceRecord
from aggregator.mpi.reviews import (
    Cause,
    Decision,
    DecisionTaken,
    ReviewCount,
    ReviewSides,
    ReviewSummary,
    Side,
    fingerprint,
    is_about_the_linked_person,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations  # for the type checker alone

# With more matches than this nobody can safely pick the right person.
SEARCH_LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class HeldBy:
    """A live link: the identifier under which a source holds the person, and what it says about them.

    `answer_restricts`: its last answer was marked as restricted.
    `in_doubt`: the source has said something else since, and nobody has settled whether it is still this person.
    `accepted` are fields in which the record's answers may differ from what is known, `taken` those in which its own
    values were accepted although others differ; both by a human's decision.
    """

    source_id: UUID
    source_record_id: UUID
    identifier_system: str
    identifier_value: str
    nhs_number_sent: str
    demographics: Demographics
    in_doubt: bool = False
    answer_restricts: bool = False
    accepted: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


def max_lengths() -> dict[str, int]:
    """Return the longest value that each column of an identity file may hold."""
    columns = {"local_id": "identifier_value", "nhs_number": "nhs_number_sent", "gender": "sex"}
    same_name = ("nhs_number_status", "family", "given", "postcode", "address_line", "phone")
    fields = {**columns, **{name: name for name in same_name}}
    lengths = {column: max_length_of(model=SourceRecord, field=field) for column, field in fields.items()}
    return {column: length for column, length in lengths.items() if length is not None}


# The columns of a source record that demographics are read from, by their fields. It keeps one number, whole dates and
# names in parts.
_DEMOGRAPHICS = {
    field.name: "nhs_number_sent" if field.name == "nhs_number" else field.name
    for field in fields_of(Demographics)
    if field.name not in ("further_numbers", "birth_date_part", "name_text")
}


def demographics_of(record: SourceRecord) -> Demographics:
    """Return a source record's demographics as the pure modules take them."""
    return Demographics(**{field: getattr(record, column) for field, column in _DEMOGRAPHICS.items()})


class _InDoubt(TypedDict):
    in_doubt: bool


class _Told(TypedDict):
    shares_number: bool
    replaces: list[UUID]


class _Listed(TypedDict):
    decision: str | None
    remaining_id: UUID


# Whom a doubt is about now: whom its person was joined to, or that person.
_REMAINING = Coalesce("person__joined_to_id", "person_id")


def live_links() -> QuerySet[WithAnnotations[Link, _InDoubt]]:
    """Return the links that have not ended, each with `in_doubt`: whether its record waits for a decision."""
    doubt = LinkReview.objects.filter(
        source_record=OuterRef("source_record"), reason=Cause.DEMOGRAPHICS_CHANGED, settled_at__isnull=True
    )
    return Link.objects.filter(ended_at__isnull=True).annotate(in_doubt=Exists(doubt))


def count_linked(*, source_id: UUID) -> int:
    """Return how many people are linked to a record of a source."""
    rows = Link.objects.filter(source_record__source_id=source_id, ended_at__isnull=True)
    return rows.values("person_id").distinct().count()


def summary_of(person: Person) -> PersonSummary:
    """Return a person's summary, without what depends on other people's records.

    Where a source restricts it, without where the person lives and how to reach them.
    """
    summary = PersonSummary(
        person_id=person.id,
        golden=GoldenRecord(
            nhs_number=person.nhs_number,
            nhs_number_is_verified=person.nhs_number_is_verified,
            unusable_number=person.unusable_number,
            family=person.family,
            given=person.given,
            birth_date=person.birth_date,
            sex=person.sex,
            postcode=person.postcode,
            address_line=person.address_line,
            phone=person.phone,
            deceased=person.deceased,
            death_date=person.death_date,
            is_whereabouts_restricted=person.is_whereabouts_restricted,
        ),
    )
    return summary.without_whereabouts() if person.is_whereabouts_restricted else summary


def person_summary(*, person_id: UUID) -> PersonSummary | None:
    """Return a person's summary, or that of whom they were joined to; None when there is no such person."""
    people: list[WithAnnotations[Person, _Told]] = _person(person_id=person_id)
    sharing = {person.id for person in people if person.shares_number}
    named = zip(people, _with_what_others_say(people, sharing=sharing), strict=True)
    return next((replace(summary, replaces=tuple(person.replaces)) for person, summary in named), None)


@composed_once
def _person(*, person_id: UUID) -> QuerySet[WithAnnotations[Person, _Told]]:
    shares_number = Exists(_with_shared_number().filter(person_id=OuterRef("id")))
    remaining_id = Person.objects.filter(id=person_id).values(remaining_id=Coalesce("joined_to_id", "id"))
    joined = Person.objects.filter(joined_to_id=OuterRef("id")).order_by("id").values("id")
    people = Person.objects.filter(id=Subquery(remaining_id))
    return people.annotate(shares_number=shares_number, replaces=ArraySubquery(joined))


def summaries(*, person_ids: Collection[UUID]) -> dict[UUID, PersonSummary]:
    """Return who these people are, by id; of one who was joined to another, who that is."""
    joined = dict(Person.objects.filter(id__in=person_ids, joined_to__isnull=False).values_list("id", "joined_to_id"))
    people = Person.objects.filter(id__in={*person_ids, *joined.values()})
    named = {summary.person_id: summary for summary in _summaries(people)}
    return {
        person_id: named[joined.get(person_id, person_id)]
        for person_id in person_ids
        if joined.get(person_id, person_id) in named
    }


def person_held_as(*, source_id: UUID, identifier_value: str) -> UUID | None:
    """Return whom a source holds under one of its own identifiers, by the live link; None for nobody here."""
    records = live_links().filter(source_record__source_id=source_id, source_record__identifier_value=identifier_value)
    return records.values_list("person_id", flat=True).first()


def people_it_may_be(*, person_id: UUID) -> list[UUID]:
    """Return whom else a person may be: a record was made a person of its own, and that doubt is open."""
    return _open_doubts_of(person_id=person_id)


@composed_once
def _open_doubts_of(*, person_id: UUID) -> QuerySet[LinkReview, UUID]:
    return (
        LinkReview.objects.annotate(remaining_id=_REMAINING)
        .filter(
            source_record__links__person_id=person_id,
            source_record__links__ended_at__isnull=True,
            source_record__links__rule__in=[NEW_PERSON, BY_REVIEW],
            settled_at__isnull=True,
        )
        .exclude(remaining_id=person_id)
        .exclude(reason__in=list(Cause))
        .values_list("remaining_id", flat=True)
    )


# People who were joined


@dataclass(frozen=True, kw_only=True)
class Joined:
    """That all records of one person were given to another, by a decision that stands, and when."""

    person_id: UUID
    to_id: UUID
    at: datetime


def remaining(*, person_id: UUID) -> UUID:
    """Return whom a person was joined to; the person themselves where they were joined to nobody."""
    return next(iter(_joined_to(person_id=person_id)), person_id)


@composed_once
def _joined_to(*, person_id: UUID) -> QuerySet[Person, UUID]:
    people = Person.objects.filter(id=person_id, joined_to__isnull=False)
    return people.values_list("joined_to_id", flat=True)


def joined_into(*, person_id: UUID) -> list[Joined]:
    """Return who was joined to a person, also through others, in the order in which they were."""
    return [Joined(person_id=gone, to_id=kept, at=at) for gone, kept, at in _joins_into(person_id=person_id)]


@composed_once
def _joins_into(*, person_id: UUID) -> QuerySet[LinkDecision, tuple[Any, ...]]:
    joins = LinkDecision.objects.filter(person_joined__joined_to_id=person_id, ended_at__isnull=True)
    return joins.order_by("decided_at", "id").values_list("person_joined_id", "person_kept_id", "decided_at")


def linked_before(*, person_id: UUID) -> list[tuple[UUID, datetime, datetime]]:
    """Return to whom else a person's records were linked before, and from when until when."""
    own = Link.objects.filter(person_id=person_id, ended_at__isnull=True).values("source_record_id")
    before = Link.objects.filter(source_record_id__in=own, ended_at__isnull=False).exclude(person_id=person_id)
    stretches = before.order_by("decided_at", "id").values_list("person_id", "decided_at", "ended_at")
    return [(other_id, from_at, until_at) for other_id, from_at, until_at in stretches if until_at is not None]


def same_person(*, person_id: UUID) -> QuerySet[Person, UUID]:
    """Return the ids, for a query, of a person and of all who were joined to them."""
    return Person.objects.filter(Q(id=person_id) | Q(joined_to_id=person_id)).values_list("id", flat=True)


def is_held(*, person_id: UUID) -> bool:
    """Return whether any source's record is linked to a person: one whose records were all given to others has none."""
    return Link.objects.filter(person_id=person_id, ended_at__isnull=True).exists()


def held_by(*, person_id: UUID) -> list[HeldBy]:
    """Return the live links of a person, in a fixed order."""
    held = []
    for source_id, source_record_id, system, value, in_doubt, answer_restricts, *columns in _links_of_person(
        person_id=person_id
    ):
        demographics = Demographics(**dict(zip(_DEMOGRAPHICS, columns, strict=True)))
        held.append(
            HeldBy(
                source_id=source_id,
                source_record_id=source_record_id,
                identifier_system=system,
                identifier_value=value,
                nhs_number_sent=demographics.nhs_number,
                demographics=demographics,
                in_doubt=in_doubt,
                answer_restricts=answer_restricts,
            )
        )
    return held


@composed_once
def _links_of_person(*, person_id: UUID) -> QuerySet[WithAnnotations[Link, _InDoubt], tuple[Any, ...]]:
    record = "source_record__"
    links = live_links().filter(person_id=person_id).order_by(f"{record}source__slug", f"{record}identifier_value")
    return links.values_list(
        f"{record}source_id",
        "source_record_id",
        f"{record}source__identifier_system",
        f"{record}identifier_value",
        "in_doubt",
        f"{record}answer_restricts",
        *(f"{record}{column}" for column in _DEMOGRAPHICS.values()),
    )


def with_decisions(*, held: Sequence[HeldBy], person_id: UUID) -> list[HeldBy]:
    """Return a person's links with the fields that decisions in force have accepted."""
    accepted: dict[UUID, set[str]] = defaultdict(set)
    taken: dict[UUID, set[str]] = defaultdict(set)
    for decision in _decisions_of_person(person_id=person_id):
        fields = accepted if decision.decision == Decision.ACCEPT_FIELDS else taken
        fields[decision.review.source_record_id].update(decision.fields)
    for record_id, fields_joined in _fields_of_joins(person_id=person_id):
        taken[record_id].update(fields_joined)
    return [
        replace(
            holding,
            accepted=frozenset(accepted[holding.source_record_id]),
            taken=frozenset(taken[holding.source_record_id]),
        )
        for holding in held
    ]


@composed_once
def _decisions_of_person(*, person_id: UUID) -> QuerySet[LinkDecision]:
    return LinkDecision.objects.filter(
        review__person_id__in=same_person(person_id=person_id),
        decision__in=[Decision.ACCEPT_FIELDS, Decision.TAKE_NEW_VALUES],
        ended_at__isnull=True,
    ).select_related("review")


@composed_once
def _fields_of_joins(*, person_id: UUID) -> QuerySet[LinkMove, tuple[Any, ...]]:
    """Return the fields in which records that joins brought to a person contradict those that were there."""
    moves = LinkMove.objects.filter(
        decision__ended_at__isnull=True,
        decision__person_joined__joined_to_id=person_id,
        link_made__source_record__links__person_id=person_id,
        link_made__source_record__links__ended_at__isnull=True,
    )
    return moves.values_list("link_made__source_record_id", "decision__fields")


def known_records(*, asked: HeldBy, held: Iterable[HeldBy]) -> tuple[KnownRecord, ...]:
    """Return what an answer of one linked record is judged against: all that is linked to the person.

    A record whose new values were accepted may differ from the others, in both directions, since a human has said so.
    It may not differ from its own answers.
    """
    return tuple(
        KnownRecord(
            demographics=holding.demographics,
            accepted=asked.accepted
            | (frozenset() if holding.source_record_id == asked.source_record_id else asked.taken | holding.taken),
            proves=not holding.in_doubt,
        )
        for holding in held
    )


def people_with_number(*, nhs_number: str) -> list[PersonSummary]:
    """Return the people whom any source holds under a valid NHS number; more than one is possible, and shown."""
    if not nhs_number:
        return []  # every record without a valid number has an empty one
    return _listed(nhs_number=nhs_number)


def births_by_number(*, nhs_numbers: Collection[str]) -> dict[str, dict[UUID, date | None]]:
    """Return the people whom any source holds under each of these numbers, also those in doubt, with their birth dates.

    A number that nobody is held under is not in it.
    """
    linked = live_links().filter(source_record__nhs_number__in={number for number in nhs_numbers if number})
    found: dict[str, dict[UUID, date | None]] = {}
    for number, person_id, birth_date in linked.values_list(
        "source_record__nhs_number", "person_id", "person__birth_date"
    ):
        found.setdefault(number, {})[person_id] = birth_date
    return found


def people_with_name(*, family: str, given: str, birth_date: date) -> list[PersonSummary]:
    """Return the people whom any source holds under a surname and birth date; `given` narrows when it is not empty.

    "Mary-Ann" finds who is held as "Mary Ann", too.
    """
    narrowed = {"given_clean__startswith": beginning_of_given(text=given)} if given.strip() else {}
    return _listed(family_clean=clean_name(text=family), birth_date=birth_date, **narrowed)


def _listed(**columns: object) -> list[PersonSummary]:
    """Return the people with a linked record, not in doubt, whose columns have these values."""
    conditions = {f"source_record__{name}": value for name, value in columns.items()}
    linked = live_links().filter(in_doubt=False, **conditions)
    people = Person.objects.filter(id__in=linked.values("person_id"))
    return _summaries(people.order_by("family", "given", "birth_date", "id")[: SEARCH_LIMIT + 1])


def _summaries(people: Iterable[Person]) -> list[PersonSummary]:
    listed = list(people)
    person_ids = [person.id for person in listed]
    sharing = _with_shared_number().filter(person_id__in=person_ids).values_list("person_id", flat=True)
    joined: dict[UUID, list[UUID]] = defaultdict(list)
    replaced = Person.objects.filter(joined_to_id__in=person_ids).order_by("id")
    for to_id, person_id in replaced.values_list("joined_to_id", "id"):
        joined[to_id].append(person_id)
    return [
        replace(summary, replaces=tuple(joined[summary.person_id]))
        for summary in _with_what_others_say(listed, sharing=set(sharing))
    ]


def _with_what_others_say(people: Iterable[Person], /, *, sharing: Set[UUID]) -> list[PersonSummary]:
    """Return summaries of people; `sharing`: those under whose NHS number another person is held too."""
    shown = [summary_of(person) for person in people]
    claims = _death_claims([summary.person_id for summary in shown if summary.golden.deceased is not None])
    return [
        replace(
            summary, shares_number=summary.person_id in sharing, death_claims=tuple(claims.get(summary.person_id, ()))
        )
        for summary in shown
    ]


def _with_shared_number() -> QuerySet[Link]:
    """Return the links of people under whose NHS number another person is held too."""
    numbered = Link.objects.filter(ended_at__isnull=True).exclude(source_record__nhs_number="")
    others = numbered.filter(source_record__nhs_number=OuterRef("source_record__nhs_number")).exclude(
        person_id=OuterRef("person_id")
    )
    return numbered.filter(Exists(others))


def _death_claims(person_ids: Sequence[UUID]) -> dict[UUID, list[DeathClaim]]:
    """Return what sources say about the death of those of these people about whom they disagree."""
    if not person_ids:
        return {}
    claims: dict[UUID, list[DeathClaim]] = defaultdict(list)
    links = (
        live_links()
        .filter(in_doubt=False, person_id__in=person_ids, source_record__deceased__isnull=False)
        .select_related("source_record__source")
        .order_by("source_record__source__rank", "source_record__source__slug", "source_record__identifier_value")
    )
    for link in links:
        record = link.source_record
        claims[link.person_id].append(
            DeathClaim(
                source_name=record.source.name,
                deceased=bool(record.deceased),
                death_date=record.death_date,
                source_id=record.source_id,
            )
        )
    return {person_id: of_person for person_id, of_person in claims.items() if claims_disagree(claims=of_person)}


def reviews(
    *, is_settled: bool, cause: str = "", source_slug: str = "", start: int = 0, limit: int
) -> list[ReviewSummary]:
    """Return doubts that wait for a decision, the oldest first, or that are settled, the latest first.

    `cause` and `source_slug`: only those of one cause, or about the records of one source.
    """
    asked = _reviews().filter(settled_at__isnull=not is_settled)
    if cause:
        asked = asked.filter(reason=cause)
    if source_slug:
        asked = asked.filter(source_record__source__slug=source_slug)
    ordered = asked.order_by("-settled_at" if is_settled else "raised_at", "id")
    return [_summary(review) for review in ordered[start : start + limit]]


def count_reviews() -> list[ReviewCount]:
    """Return how many doubts there are of each cause at each source, by the names of the sources."""
    counted = (
        LinkReview.objects.values("reason", "source_record__source__slug", "source_record__source__name")
        .annotate(
            open=Count("id", filter=Q(settled_at__isnull=True)),
            settled=Count("id", filter=Q(settled_at__isnull=False)),
        )
        .order_by("source_record__source__name", "source_record__source__slug", "reason")
    )
    return [
        ReviewCount(
            cause=row["reason"],
            source_slug=row["source_record__source__slug"],
            source_name=row["source_record__source__name"],
            open=row["open"],
            settled=row["settled"],
        )
        for row in counted
    ]


def review_summary(*, review_id: UUID) -> ReviewSummary | None:
    """Return one doubt as listed, or None when there is no such doubt."""
    review = _reviews().filter(id=review_id).first()
    return _summary(review) if review else None


def review_sides(*, review_id: UUID) -> ReviewSides | None:
    """Return both sides of a doubt, or None when there is no such doubt."""
    review = _reviews().filter(id=review_id).first()
    if review is None:
        return None
    record = review.source_record
    link = Link.objects.filter(source_record=record, ended_at__isnull=True).first()
    in_force = review.decisions.filter(ended_at__isnull=True, record_before__isnull=False).first()
    others = tuple(_side(other) for other in _records_of(review.remaining_id, but=record))
    is_about_another = (
        not is_about_the_linked_person(cause=review.reason)
        and link is not None
        and link.person_id != review.remaining_id
    )
    own = tuple(_side(other) for other in _records_of(link.person_id, but=record)) if link and is_about_another else ()
    left, right = [side.demographics for side in (_side(record), *own)], [side.demographics for side in others]
    return ReviewSides(
        summary=_summary(review),
        linked_person_id=link.person_id if link else None,
        evidence=review.evidence,
        record=_side(record),
        proposed=Side(source_name=record.source.name, demographics=from_json(stored=review.proposed))
        if review.proposed and review.settled_at is None
        else None,
        before=Side(
            source_name=record.source.name,
            demographics=from_json(stored=in_force.record_before["demographics"]),
        )
        if in_force and in_force.record_before
        else None,
        others=others,
        own=own,
        against=speaks_against(left=left, right=right) if is_about_another else (),
        may_not_join=is_about_another and have_different_verified_numbers(left=left, right=right),
        # Of all or of none: where the details agree, those of one tell those of the other.
        is_whereabouts_restricted=bool(record.restricted)
        or record.answer_restricts
        or _are_whereabouts_restricted({review.remaining_id, *([link.person_id] if link else [])}),
        decisions=tuple(
            DecisionTaken(
                decision=Decision(taken.decision),
                fields=tuple(taken.fields),
                note=taken.note,
                decided_by=taken.decided_by,
                decided_at=taken.decided_at,
                ended_by=taken.ended_by,
                ended_at=taken.ended_at,
            )
            for taken in review.decisions.order_by("-decided_at", "id")
        ),
        state=state_of(review=review, record=record, link=link),
    )


def _are_whereabouts_restricted(person_ids: Set[UUID]) -> bool:
    return Person.objects.filter(id__in=person_ids, is_whereabouts_restricted=True).exists()


def state_of(*, review: LinkReview, record: SourceRecord, link: Link | None) -> str:
    """Return a fingerprint of everything that a decision about this doubt depends on."""
    demographics = as_json(demographics=demographics_of(record))
    parts = [review.evidence, review.proposed, demographics, link and link.id, link and link.person_id]
    if link is not None and not is_about_the_linked_person(cause=review.reason):
        # The two may be joined: so all that is linked to either counts.
        both = [link.person_id, remaining(person_id=review.person_id)]
        linked = Link.objects.filter(person_id__in=both, ended_at__isnull=True).select_related("source_record")
        parts += [
            [other.id, other.person_id, as_json(demographics=demographics_of(other.source_record))]
            for other in linked.order_by("id")
        ]
    return fingerprint(parts=parts)


def _records_of(person_id: UUID, /, *, but: SourceRecord) -> list[SourceRecord]:
    links = (
        Link.objects.filter(person_id=person_id, ended_at__isnull=True)
        .exclude(source_record=but)
        .select_related("source_record__source")
        .order_by("source_record__source__rank", "source_record__source__slug", "source_record__identifier_value")
    )
    return [link.source_record for link in links]


def _reviews() -> QuerySet[WithAnnotations[LinkReview, _Listed]]:
    in_force = LinkDecision.objects.filter(review=OuterRef("id"), ended_at__isnull=True)
    return LinkReview.objects.select_related("source_record__source").annotate(
        decision=Subquery(in_force.values("decision")[:1]), remaining_id=_REMAINING
    )


def _summary(review: WithAnnotations[LinkReview, _Listed]) -> ReviewSummary:
    source = review.source_record.source
    return ReviewSummary(
        review_id=review.id,
        cause=review.reason,
        source_record_id=review.source_record_id,
        person_id=review.remaining_id,
        source_slug=source.slug,
        source_name=source.name,
        raised_at=review.raised_at,
        settled_at=review.settled_at,
        decision=Decision(review.decision) if review.decision else None,
    )


def _side(record: SourceRecord) -> Side:
    return Side(source_name=record.source.name, demographics=demographics_of(record))
