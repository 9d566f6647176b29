"""Writes to the master patient index: loading what a source says about its people, and raising doubts for review."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from aggregator.errors import Superseded
from aggregator.mpi import matching
from aggregator.mpi.demographics import (
    Demographics,
    Identity,
    as_json,
    birth_date_is_placeholder,
    clean_name,
    first_given,
    first_said,
    from_json,
    is_placeholder,
    name_is_placeholder,
    with_later,
)
from aggregator.mpi.golden import Contribution, GoldenRecord, golden_record
from aggregator.mpi.matching import Grade, Verdict
from aggregator.mpi.models import Link, LinkDecision, LinkReview, Person, SourceRecord
from aggregator.mpi.queries import demographics_of, live_links, same_person
from aggregator.mpi.reviews import Cause, Decision
from aggregator.sources.models import Source

# One load at a time: of two, neither would see the people whom the other adds, and one human would stand twice with
# nobody told. The number means nothing but this.
_LOADING = 4_811_904
MOST_WAIT_S, LOOK_EVERY_S = 600.0, 0.5

GOLDEN_FIELDS = (
    "nhs_number",
    "nhs_number_is_verified",
    "unusable_number",
    "family",
    "given",
    "birth_date",
    "sex",
    "postcode",
    "address_line",
    "phone",
    "deceased",
    "death_date",
    "is_whereabouts_restricted",
)
DEMOGRAPHIC_FIELDS = (
    "nhs_number_sent",
    "nhs_number",
    "nhs_number_status",
    "family",
    "given",
    "family_clean",
    "given_clean",
    "birth_date",
    "sex",
    "postcode",
    "address_line",
    "phone",
    "deceased",
    "death_date",
    "restricted",
)


@dataclass(kw_only=True)
class LoadReport:
    """What a load did. Every identity is counted in exactly one of `joined`, `new_people` and `updated`."""

    joined: int = 0
    new_people: int = 0
    updated: int = 0
    reviews: int = 0
    invalid_numbers: int = 0
    person_ids: set[UUID] = field(default_factory=set)


def load_identities(*, source: Source, identities: Sequence[Identity], now: datetime) -> LoadReport:
    """Load what a source says about its people, linking only where the rules are certain.

    A record that is certainly one person joins them; if it might also be another, a doubt is raised as well. One that
    might be an existing person but not certainly, that is certainly two, or that matches somebody else better, becomes
    a person of its own with a review, so that nothing waits unnoticed. Must run in a transaction; an identifier may
    occur only once in `identities`. Locks doubts, then records, then people, each in the order of their ids, as whoever
    settles a doubt does.
    Raises: Superseded when others have been loading for too long.
    """
    wait_for_loads(most_s=MOST_WAIT_S)
    report = LoadReport()
    report.invalid_numbers = sum(
        1 for identity in identities if identity.demographics.nhs_number and not identity.demographics.valid_number
    )
    known = SourceRecord.objects.filter(
        source=source, identifier_value__in=[identity.identifier_value for identity in identities]
    )
    # The settled ones, too: until the records are locked one may be opened again.
    doubts = LinkReview.objects.filter(source_record__in=known, reason=Cause.DEMOGRAPHICS_CHANGED)
    list(doubts.select_for_update().order_by("id").values_list("id"))
    # A doubt that names one of them may be raised meanwhile: an answer that waited for the whole file would be lost.
    locked = known.select_for_update(no_key=True).order_by("id")
    existing = {record.identifier_value: record for record in locked}
    fresh = [identity for identity in identities if identity.identifier_value not in existing]
    changed = [(existing[i.identifier_value], i) for i in identities if i.identifier_value in existing]
    _update_records(pairs=changed, now=now, report=report)
    _add_records(source=source, identities=fresh, now=now, report=report)
    rebuild_golden(person_ids=report.person_ids)
    return report


def wait_for_loads(*, most_s: float) -> None:
    """Have this transaction alone load people, join them or part them again, once those that do so now have ended.

    Raises: Superseded after so many seconds.
    """
    until = time.monotonic() + most_s
    while True:
        # Asked again and again: a statement that waits is ended within a second.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOADING])
            if cursor.fetchone()[0]:
                return
        if time.monotonic() > until:
            raise Superseded("The people of another source are still being loaded. Do this after that.")
        time.sleep(LOOK_EVERY_S)


def raise_review(
    *, source_record_id: UUID, person_id: UUID, reason: str, evidence: dict[str, str], now: datetime
) -> None:
    """Raise a doubt for a human to settle, once while it is open, and not again where the same was noted.

    `evidence` names fields, never values.
    """
    same = LinkReview.objects.filter(
        source_record_id=source_record_id, reason=reason, person_id__in=same_person(person_id=person_id)
    )
    noted = LinkDecision.objects.filter(
        decision=Decision.NOTED, ended_at__isnull=True, review__in=same.filter(evidence=evidence)
    )
    if noted.exists() or same.filter(settled_at__isnull=True).exists():
        return
    LinkReview.objects.bulk_create(
        [
            LinkReview(
                source_record_id=source_record_id, person_id=person_id, reason=reason, evidence=evidence, raised_at=now
            )
        ],
        ignore_conflicts=True,
    )


def note_death(*, source_record_id: UUID, deceased: bool, death_date: str) -> None:
    """Record what an answer says about a death, and derive the golden record again; a repeat changes nothing.

    "Dead" without a date keeps the date that the source gave before.
    """
    values = {"deceased": deceased} if deceased and not death_date else {"deceased": deceased, "death_date": death_date}
    _note(source_record_id=source_record_id, values=values, golden=values)


def note_restriction(*, source_record_id: UUID, restricts: bool) -> None:
    """Record whether an answer is marked as restricted, and derive the golden record again; a repeat changes nothing.

    It does not lift what the source has said by file.
    """
    _note(
        source_record_id=source_record_id,
        values={"answer_restricts": restricts},
        golden={"is_whereabouts_restricted": restricts},
    )


def _note(*, source_record_id: UUID, values: Mapping[str, object], golden: Mapping[str, object]) -> None:
    """Give a source record these values, and have the golden record follow; `golden`: what it says once it has."""
    links = Link.objects.filter(source_record_id=source_record_id, ended_at__isnull=True)
    of_record = {f"source_record__{name}": value for name, value in values.items()}
    of_person = {f"person__{name}": value for name, value in golden.items()}
    if links.filter(**of_record, **of_person).exists():
        return
    # Committed before the people are locked, so that no load of identities waits for it. `updated_at` stays: it says
    # whose name and address are newest.
    SourceRecord.objects.filter(id=source_record_id).exclude(**values).update(**values)
    # Asked of the golden record, and not of the update: that may have been made by an attempt that went no further.
    people = list(Person.objects.filter(id__in=links.values("person_id")))
    derived = _derived(people=people)
    outdated = [person.id for person in people if _of_row(person) != derived[person.id]]
    if outdated:
        with transaction.atomic():
            rebuild_golden(person_ids=outdated)


def rebuild_golden(*, person_ids: Iterable[UUID]) -> None:
    """Derive the golden records of these people again from their live links, leaving out those in doubt.

    Must run in a transaction: the people are locked, so that of two concurrent rebuilds neither is lost. A doubt that
    names one of them may be raised meanwhile: two who each raise one about the other's would wait in a ring.
    """
    people = list(Person.objects.select_for_update(no_key=True).filter(id__in=set(person_ids)).order_by("id"))
    derived = _derived(people=people)
    for person in people:
        for name in GOLDEN_FIELDS:
            setattr(person, name, getattr(derived[person.id], name))
    Person.objects.bulk_update(people, GOLDEN_FIELDS, batch_size=500)


def _derived(*, people: Collection[Person]) -> dict[UUID, GoldenRecord]:
    """Return the golden records of people as their live links give them now."""
    contributions: dict[UUID, list[Contribution]] = defaultdict(list)
    restricted: set[UUID] = set()
    for link in live_links().filter(person__in=people).select_related("source_record__source"):
        record = link.source_record
        if record.restricted or record.answer_restricts:
            restricted.add(link.person_id)  # also by one in doubt
        if link.in_doubt:
            continue
        contributions[link.person_id].append(
            Contribution(
                demographics=demographics_of(record),
                rank=record.source.rank,
                updated_at=record.updated_at,
                source_slug=record.source.slug,
            )
        )
    return {
        person.id: replace(
            golden_record(contributions=contributions[person.id]), is_whereabouts_restricted=person.id in restricted
        )
        for person in people
    }


def _of_row(person: Person, /) -> GoldenRecord:
    return GoldenRecord(**{name: getattr(person, name) for name in GOLDEN_FIELDS})


def record_values(demographics: Demographics) -> dict[str, object]:
    return {
        "nhs_number_sent": demographics.nhs_number,
        "nhs_number": demographics.valid_number,
        "nhs_number_status": demographics.nhs_number_status,
        "family": demographics.family,
        "given": demographics.given,
        "family_clean": clean_name(text=demographics.family),
        "given_clean": first_given(text=demographics.given),
        "birth_date": demographics.birth_date,
        "sex": demographics.sex,
        "postcode": demographics.postcode,
        "address_line": demographics.address_line,
        "phone": demographics.phone,
        "deceased": demographics.deceased,
        "death_date": demographics.death_date,
        "restricted": demographics.restricted,
    }


def _update_records(*, pairs: Sequence[tuple[SourceRecord, Identity]], now: datetime, report: LoadReport) -> None:
    """Take in new demographics of known records.

    A change in who the record seems to be about raises a doubt: what the source said before stays in force, and what it
    says now is kept beside it until somebody decides. What is taken in may show that the record is also another
    person's: that raises a doubt, too.
    """
    records = [record for record, _ in pairs]
    people = _people_of(records)
    open_doubts = {
        review.source_record_id: review
        for review in LinkReview.objects.filter(
            source_record__in=records, reason=Cause.DEMOGRAPHICS_CHANGED, settled_at__isnull=True
        )
    }
    changed: list[SourceRecord] = []
    to_match_again: list[SourceRecord] = []
    restricted: list[SourceRecord] = []
    doubts: list[LinkReview] = []
    for record, identity in pairs:
        sent, person_id = identity.demographics, people.get(record.id)
        if sent.restricted and not record.restricted:
            # At once, whatever else it says that waits for review.
            record.restricted = True
            restricted.append(record)
            if person_id is not None:
                report.person_ids.add(person_id)
        before = demographics_of(record)
        first = first_said(before=from_json(stored=record.first_said), now=before)
        wrong = _changes(first=first, before=before, sent=sent)
        doubt = open_doubts.get(record.id)
        if doubt is not None:
            doubt.proposed = as_json(demographics=sent)
            doubt.evidence = dict.fromkeys(wrong, "differs") or doubt.evidence
            continue
        if wrong and person_id is not None:
            report.person_ids.add(person_id)
            doubts.append(
                LinkReview(
                    source_record=record,
                    person_id=person_id,
                    reason=Cause.DEMOGRAPHICS_CHANGED,
                    evidence=dict.fromkeys(wrong, "differs"),
                    proposed=as_json(demographics=sent),
                    raised_at=now,
                )
            )
            continue
        after = with_later(earlier=before, later=sent)
        if after == before:
            continue
        set_record(record=record, demographics=after, first=first_said(before=first, now=after), now=now)
        changed.append(record)
        if _affects_matching(before=before, after=after):
            to_match_again.append(record)
        if person_id is not None:
            report.person_ids.add(person_id)
    SourceRecord.objects.bulk_update(restricted, ["restricted"], batch_size=500)
    SourceRecord.objects.bulk_update(changed, [*DEMOGRAPHIC_FIELDS, "first_said", "updated_at"], batch_size=500)
    LinkReview.objects.bulk_update(open_doubts.values(), ["proposed", "evidence"], batch_size=500)
    LinkReview.objects.bulk_create(doubts, batch_size=500)
    report.reviews += len(doubts) + raise_doubts_about_others(records=to_match_again, now=now)
    report.updated += len(pairs)


def raise_doubts_about_others(*, records: Sequence[SourceRecord], now: datetime, but_about: UUID | None = None) -> int:
    """Raise a doubt wherever what known records say now makes them somebody else's, or possibly; return how many.

    The links stay: what was decided for a person, and who cares for them, hangs on them. A doubt about the same two
    people that is open, or that was settled with the same evidence, is not raised again, whichever record it names;
    but about one (`but_about`) it is, for each record.
    Must run in a transaction.
    """
    if not records:
        return 0
    own = _people_of(records)
    candidates = _Candidates(identities=[_identity_of(record) for record in records])
    doubts: list[LinkReview] = []
    for record in records:
        if record.id not in own:
            continue
        certain, doubtful = candidates.judge(demographics=demographics_of(record), but=own[record.id])
        doubts += _doubts_about(record=record, candidates={**certain, **doubtful}, now=now)
    known = _known_doubts(doubts=doubts, own=own)
    raised: list[LinkReview] = []
    for doubt in doubts:
        of_two = _of_two(doubt.person_id, own[doubt.source_record_id], doubt.reason)
        is_known = doubt.evidence in known[of_two] or None in known[of_two]
        if not is_known or doubt.person_id == but_about:
            raised.append(doubt)
            known[of_two].append(None)
    LinkReview.objects.bulk_create(raised, batch_size=500, ignore_conflicts=True)
    return len(raised)


def _doubts_about(*, record: SourceRecord, candidates: Mapping[UUID, Verdict], now: datetime) -> Iterator[LinkReview]:
    """Yield a doubt for each person whom a record might be about."""
    for person_id, verdict in candidates.items():
        yield LinkReview(
            source_record=record,
            person_id=person_id,
            reason=verdict.rule,
            evidence=dict(verdict.evidence),
            raised_at=now,
        )


# Two people in any order, and the rule by which they might be one.
_TwoPeople = tuple[frozenset[UUID], str]


def _of_two(left: UUID, right: UUID, rule: str) -> _TwoPeople:
    return frozenset({left, right}), rule


def _known_doubts(
    *, doubts: Sequence[LinkReview], own: Mapping[UUID, UUID]
) -> dict[_TwoPeople, list[dict[str, str] | None]]:
    """Return the evidence of the doubts about the same people that were settled, and None for one that is open."""
    people = {doubt.person_id for doubt in doubts} | set(own.values())
    linked = Link.objects.filter(person_id__in=people, ended_at__isnull=True)
    people_by_record = dict(linked.values_list("source_record_id", "person_id"))
    told_apart = [Decision.NOTED, Decision.END_LINK]
    noted = LinkDecision.objects.filter(review=OuterRef("id"), decision__in=told_apart, ended_at__isnull=True)
    rows = LinkReview.objects.filter(
        Q(settled_at__isnull=True) | Exists(noted),
        Q(person_id__in=people) | Q(person__joined_to__in=people),
        source_record__in=linked.values("source_record_id"),
        reason__in={doubt.reason for doubt in doubts},
    )
    known: dict[_TwoPeople, list[dict[str, str] | None]] = defaultdict(list)
    for review in rows.select_related("person"):
        remaining_id = review.person.joined_to_id or review.person_id
        of_two = _of_two(remaining_id, people_by_record[review.source_record_id], review.reason)
        known[of_two].append(review.evidence if review.settled_at else None)
    return known


def _people_of(records: Sequence[SourceRecord]) -> dict[UUID, UUID]:
    links = Link.objects.filter(source_record__in=records, ended_at__isnull=True)
    return dict(links.values_list("source_record_id", "person_id"))


def _identity_of(record: SourceRecord) -> Identity:
    return Identity(identifier_value=record.identifier_value, demographics=demographics_of(record))


def _affects_matching(*, before: Demographics, after: Demographics) -> bool:
    """Return whether a change touches anything by which records are matched."""
    matched_by = ("valid_number", "number_is_verified", "family", "given", "birth_date", "known_sex", "postcode")
    return any(getattr(before, name) != getattr(after, name) for name in matched_by)


def set_record(*, record: SourceRecord, demographics: Demographics, first: Demographics, now: datetime) -> None:
    """Give a record these demographics; the caller saves it."""
    for name, value in record_values(demographics).items():
        setattr(record, name, value)
    record.first_said = as_json(demographics=first)
    record.updated_at = now


def _changes(*, first: Demographics, before: Demographics, sent: Demographics) -> tuple[str, ...]:
    """Return the fields in which a source contradicts what it said before, or at first."""
    wrong = {
        *matching.answer_disagreements(asked=before, answered=sent),
        *matching.answer_disagreements(asked=first, answered=sent),
    }
    return tuple(field for field in matching.ANSWER_FIELDS if field in wrong)


def _add_records(*, source: Source, identities: Sequence[Identity], now: datetime, report: LoadReport) -> None:
    candidates = _Candidates(identities=identities)
    records: list[SourceRecord] = []
    people: list[Person] = []
    links: list[Link] = []
    reviews: list[LinkReview] = []
    for identity in identities:
        record = SourceRecord(
            source=source,
            identifier_value=identity.identifier_value,
            updated_at=now,
            **record_values(identity.demographics),
        )
        records.append(record)
        certain, doubtful = candidates.judge(demographics=identity.demographics)
        if len(certain) == 1:
            ((person_id, verdict),) = certain.items()
            report.joined += 1
        else:
            person = Person(created_at=now)
            people.append(person)
            person_id, verdict = person.id, Verdict(grade=Grade.CERTAIN, rule=matching.NEW_PERSON, evidence=())
            report.new_people += 1
        others = {**certain, **doubtful}
        others.pop(person_id, None)
        reviews += _doubts_about(record=record, candidates=others, now=now)
        links.append(
            Link(
                source_record=record,
                person_id=person_id,
                grade=verdict.grade,
                rule=verdict.rule,
                rules_version=matching.RULES_VERSION,
                evidence=dict(verdict.evidence),
                decided_at=now,
            )
        )
        report.person_ids.add(person_id)
        candidates.add(person_id=person_id, demographics=identity.demographics)
    SourceRecord.objects.bulk_create(records, batch_size=500)
    Person.objects.bulk_create(people, batch_size=500)
    Link.objects.bulk_create(links, batch_size=500)
    LinkReview.objects.bulk_create(reviews, batch_size=500)
    report.reviews += len(reviews)


class _Candidates:
    """The people whom new identities might be: by NHS number, or by surname or first name with the birth date."""

    def __init__(self, *, identities: Sequence[Identity]) -> None:
        self._by_key: dict[tuple[str, ...], dict[UUID, list[Demographics]]] = defaultdict(lambda: defaultdict(list))
        self._by_person: dict[UUID, list[Demographics]] = defaultdict(list)
        people = [identity.demographics for identity in identities]
        numbers = {person.valid_number for person in people if person.valid_number}
        born_on = {person.birth_date for person in people if person.birth_date}
        births = {born for born in born_on if not birth_date_is_placeholder(born=born)}
        live = Link.objects.filter(ended_at__isnull=True)
        met = live.filter(Q(source_record__nhs_number__in=numbers) | Q(source_record__birth_date__in=births))
        # Everything that is linked to them: what forbids a link may be in a record with other keys.
        for link in live.filter(person_id__in=met.values("person_id")).select_related("source_record"):
            self.add(person_id=link.person_id, demographics=demographics_of(link.source_record))

    def add(self, *, person_id: UUID, demographics: Demographics) -> None:
        self._by_person[person_id].append(demographics)
        for key in _keys(demographics):
            self._by_key[key][person_id].append(demographics)

    def judge(
        self, *, demographics: Demographics, but: UUID | None = None
    ) -> tuple[dict[UUID, Verdict], dict[UUID, Verdict]]:
        """Return the people who certainly match, and those who might, without one (`but`) who is known already.

        A person certainly matches when one of their records says so, none contradicts it and nobody else matches
        better: an initial sent with a twin's number matches that twin, but the full name may be the brother's.
        """
        met = {person_id for key in _keys(demographics) for person_id in self._by_key[key]} - {but}
        certain: dict[UUID, Verdict] = {}
        doubtful: dict[UUID, Verdict] = {}
        named: set[UUID] = set()
        for person_id in sorted(met):
            verdicts = [matching.compare(left=demographics, right=known) for known in self._by_person[person_id]]
            agreeing = [verdict for verdict in verdicts if verdict.grade is Grade.CERTAIN]
            if agreeing and not any(_contradicts(verdict) for verdict in verdicts):
                certain[person_id] = agreeing[0]
            elif agreeing or any(verdict.grade is Grade.PROBABLE for verdict in verdicts):
                doubtful[person_id] = next(v for v in verdicts if v.grade is not Grade.CERTAINLY_NOT)
            if any(_agrees_in_full(verdict) for verdict in verdicts):
                named.add(person_id)
        if named and not named & certain.keys():
            return {}, {**certain, **doubtful}
        if is_placeholder(demographics=demographics):
            return certain, self._with_one_placeholder(doubtful)
        return certain, doubtful

    def _with_one_placeholder(self, doubtful: Mapping[UUID, Verdict], /) -> dict[UUID, Verdict]:
        """Return whom somebody with a placeholder might be: everybody who has none, or else only one who has.

        Of many such under one number each is in doubt with one other, and not with all: no reviewer could settle those.
        """
        named = {
            person_id: verdict
            for person_id, verdict in doubtful.items()
            if not all(is_placeholder(demographics=known) for known in self._by_person[person_id])
        }
        return named or dict(list(doubtful.items())[:1])


def _contradicts(verdict: Verdict) -> bool:
    evidence = dict(verdict.evidence)
    return bool(verdict.vetoes) or "differs" in {evidence["given"], evidence["birth_date"]}


def _agrees_in_full(verdict: Verdict) -> bool:
    """Return whether forename, surname and birth date are the same, whatever forbids a link."""
    evidence = dict(verdict.evidence)
    return {evidence["given"], evidence["family"], evidence["birth_date"]} == {"same"}


def _keys(demographics: Demographics) -> set[tuple[str, ...]]:
    """Return the keys under which somebody is looked for; placeholders make none."""
    keys: set[tuple[str, ...]] = set()
    if demographics.valid_number:
        keys.add(("number", demographics.valid_number))
    if demographics.birth_date and not birth_date_is_placeholder(born=demographics.birth_date):
        born = demographics.birth_date.isoformat()
        if not name_is_placeholder(text=demographics.family):
            keys.add(("family", born, clean_name(text=demographics.family)))
        if not name_is_placeholder(text=demographics.given):
            keys.add(("given", born, first_given(text=demographics.given)))
    return keys
