"""Writes to relationships and care teams. Nothing is changed or deleted: an end is recorded by `acting`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from uuid import UUID

from django.db import transaction

from aggregator.accounts.queries import has_ended
from aggregator.mpi.models import Person, SourceRecord
from aggregator.relationships.models import CareTeam, CareTeamPatient, CareTeamPlace, LastDay, Relationship
from aggregator.relationships.relationship_file import RelationshipLine
from aggregator.relationships.terms import RelationshipKind
from aggregator.sources.models import Source

BATCH = 2000
# What makes a line of a file one relationship.
Key = tuple[str, RelationshipKind, date]
# The same, by the source record.
RecordKey = tuple[UUID, RelationshipKind, date]


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """`unknown` lines name a person whom the index does not hold for that source.

    `ended`: how many lines are recorded and of no effect, since the relationship was ended here: it stays ended.
    """

    recorded: int
    unknown: tuple[RelationshipLine, ...]
    ended: int


@transaction.atomic
def load_relationships(*, source: Source, lines: Iterable[RelationshipLine], now: datetime) -> LoadReport:
    """Record the relationships of a source's organisation.

    Of two that began on the same day there is one, which lasts as long as the longer. Where an earlier load said
    another last day, what the source says now is added and counts. The source's row is locked, so that two loads cannot
    cross.
    """
    lines = list(lines)
    Source.objects.select_for_update().get(id=source.id)
    longest = {_key(line): line for line in sorted(lines, key=_until)}
    unknown: set[str] = set()
    ended: set[Key] = set()
    for batch in _batches(longest.values()):
        unknown |= _load(source=source, lines=batch, now=now)
        ended |= _ended(source=source, lines=batch, now=now)
    return LoadReport(
        recorded=sum(line.identifier_value not in unknown for line in lines),
        unknown=tuple(line for line in lines if line.identifier_value in unknown),
        ended=sum(_key(line) in ended for line in lines),
    )


def is_ended_under_lock(*, relationship_id: UUID, person_id: UUID, now: datetime) -> bool:
    """Return whether a relationship of a person has been ended, once nobody else records any for that person.

    Must run in a transaction: the person's row is locked, so that of two who change it at once the second finds that.
    """
    Person.objects.select_for_update().get(id=person_id)
    return Relationship.objects.filter(has_ended(of="id", now=now), id=relationship_id).exists()


def record_relationship(
    *,
    person_id: UUID,
    organisation_id: UUID,
    kind: RelationshipKind,
    from_date: date,
    until_date: date | None,
    reason: str,
    recorded_by: UUID | None,
    now: datetime,
) -> UUID:
    """Record that an organisation cares for a person; return the id, or that of the one that says the same already.

    Must run in a transaction: the person's row is locked, so that two administrators cannot cross.
    """
    Person.objects.select_for_update().get(id=person_id)
    said = {"organisation_id": organisation_id, "kind": kind, "from_date": from_date, "until_date": until_date}
    same = Relationship.objects.filter(~has_ended(of="id", now=now), person_id=person_id, **said).first()
    if same is not None:
        return same.id
    return Relationship.objects.create(
        person_id=person_id, reason=reason, recorded_at=now, recorded_by=recorded_by, **said
    ).id


def claim_relationship(
    *,
    person_id: UUID,
    organisation_id: UUID,
    user_id: UUID,
    reason: str,
    from_date: date,
    expires_at: datetime,
    now: datetime,
) -> UUID:
    """Record that a user says that a person is in their care; return the id, or that of the claim that still stands.

    Must run in a transaction: the person's row is locked, so that a form that is sent twice claims once.
    """
    Person.objects.select_for_update().get(id=person_id)
    mine = {"organisation_id": organisation_id, "user_id": user_id, "kind": RelationshipKind.SELF_CLAIMED}
    standing = Relationship.objects.filter(
        ~has_ended(of="id", now=now), person_id=person_id, expires_at__gt=now, **mine
    ).first()
    if standing is not None:
        return standing.id
    return Relationship.objects.create(
        person_id=person_id,
        from_date=from_date,
        expires_at=expires_at,
        reason=reason,
        recorded_at=now,
        recorded_by=user_id,
        **mine,
    ).id


def add_care_team(*, organisation_id: UUID, name: str, recorded_by: UUID | None, now: datetime) -> UUID:
    """Record a care team of an organisation; return its id."""
    return CareTeam.objects.create(
        organisation_id=organisation_id, name=name, recorded_at=now, recorded_by=recorded_by
    ).id


def add_care_team_member(
    *,
    team_id: UUID,
    user_id: UUID,
    from_date: date,
    until_date: date | None,
    recorded_by: UUID | None,
    now: datetime,
) -> UUID:
    """Give a user a place in a care team; return its id, or that of the place that says the same already.

    Must run in a transaction: the team's row is locked.
    """
    return _record_dated(
        CareTeamPlace,
        of={"team_id": team_id, "user_id": user_id},
        from_date=from_date,
        until_date=until_date,
        recorded_by=recorded_by,
        now=now,
    )


def add_care_team_patient(
    *,
    team_id: UUID,
    person_id: UUID,
    from_date: date,
    until_date: date | None,
    recorded_by: UUID | None,
    now: datetime,
) -> UUID:
    """Record that a care team cares for a person; return the id, or that of the one that says the same already.

    Must run in a transaction: the team's row is locked.
    """
    return _record_dated(
        CareTeamPatient,
        of={"team_id": team_id, "person_id": person_id},
        from_date=from_date,
        until_date=until_date,
        recorded_by=recorded_by,
        now=now,
    )


def _record_dated(
    table: type[CareTeamPlace] | type[CareTeamPatient],
    *,
    of: Mapping[str, UUID],
    from_date: date,
    until_date: date | None,
    recorded_by: UUID | None,
    now: datetime,
) -> UUID:
    """Add a row to a team, unless one that has not ended says the same; return its id."""
    CareTeam.objects.select_for_update().get(id=of["team_id"])
    said = {**of, "from_date": from_date, "until_date": until_date}
    same = table.objects.filter(~has_ended(of="id", now=now), **said).values_list("id", flat=True).first()
    return same or table.objects.create(recorded_at=now, recorded_by=recorded_by, **said).id


def _load(*, source: Source, lines: Sequence[RelationshipLine], now: datetime) -> set[str]:
    """Record lines, no two of which are the same relationship; return the identifiers that the index does not hold."""
    identifiers = {line.identifier_value for line in lines}
    records = dict(
        SourceRecord.objects.filter(source=source, identifier_value__in=identifiers).values_list(
            "identifier_value", "id"
        )
    )
    said: dict[RecordKey, date | None] = {
        (records[line.identifier_value], line.kind, line.from_date): line.until_date
        for line in lines
        if line.identifier_value in records
    }
    Relationship.objects.bulk_create(
        [
            Relationship(
                source_record_id=record_id,
                organisation_id=source.organisation_id,
                kind=kind,
                from_date=from_date,
                until_date=until_date,
                recorded_at=now,
            )
            for (record_id, kind, from_date), until_date in said.items()
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    _add_last_days(source=source, said=said, now=now)
    return identifiers - records.keys()


def _add_last_days(*, source: Source, said: Mapping[RecordKey, date | None], now: datetime) -> None:
    """Add what is said now of the last day, where something else was said before."""
    rows = Relationship.objects.filter(
        organisation_id=source.organisation_id, source_record__in={record_id for record_id, _, _ in said}
    )
    ids = {
        (record_id, RelationshipKind(kind), from_date): (relationship_id, until_date)
        for relationship_id, record_id, kind, from_date, until_date in rows.values_list(
            "id", "source_record_id", "kind", "from_date", "until_date"
        )
        if record_id is not None
    }
    before = dict(ids.values())
    later = LastDay.objects.filter(relationship__in=before).order_by("relationship_id", "-id")
    before |= dict(later.distinct("relationship_id").values_list("relationship_id", "until_date"))
    LastDay.objects.bulk_create(
        LastDay(relationship_id=ids[key][0], until_date=until_date, recorded_at=now)
        for key, until_date in said.items()
        if before[ids[key][0]] != until_date
    )


def _ended(*, source: Source, lines: Sequence[RelationshipLine], now: datetime) -> set[Key]:
    """Return which of these have been ended here."""
    rows = Relationship.objects.filter(
        has_ended(of="id", now=now),
        organisation_id=source.organisation_id,
        source_record__source=source,
        source_record__identifier_value__in=[line.identifier_value for line in lines],
    ).values_list("source_record__identifier_value", "kind", "from_date")
    return {(identifier, RelationshipKind(kind), from_date) for identifier, kind, from_date in rows}


def _batches(lines: Iterable[RelationshipLine]) -> Iterator[list[RelationshipLine]]:
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _key(line: RelationshipLine) -> Key:
    return (line.identifier_value, line.kind, line.from_date)


def _until(line: RelationshipLine) -> date:
    return line.until_date or date.max
