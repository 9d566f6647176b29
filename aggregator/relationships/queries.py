"""Reads of relationships: the terms that the decision takes, who has access by them, and what administrators see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce, Lower, Now

from aggregator.accounts.models import AccessEnd, Membership
from aggregator.accounts.queries import has_ended, live_memberships
from aggregator.accounts.roles import Role
from aggregator.composed import composed_once
from aggregator.mpi.queries import same_person
from aggregator.relationships.listing import (
    Carers,
    CareTeamPart,
    CareTeamSummary,
    MembershipAccess,
    RecordedRelationship,
    RelationshipWith,
    RoleAccess,
    SelfClaim,
    UserAccess,
    state_of,
)
from aggregator.relationships.models import CareRelation, CareTeam, CareTeamPatient, CareTeamPlace, Relationship
from aggregator.relationships.terms import (
    RelationshipKind,
    RelationshipTerms,
    earliest_last_day,
    end_of_day,
    london_day,
)


def relationships_of(
    *, person_id: UUID, organisation_id: UUID | None, user_id: UUID | None = None
) -> list[RelationshipTerms]:
    """Return the relationships of an organisation, and of a user who acts for it, with a person, by live links."""
    if organisation_id is None:
        return []
    if user_id is None:
        rows = _of_organisation(person_id=person_id, organisation_id=organisation_id)
    else:
        rows = _of_user(person_id=person_id, organisation_id=organisation_id, user_id=user_id)
    return [_terms(row) for row in rows]


@composed_once
def _of_organisation(*, person_id: UUID, organisation_id: UUID) -> QuerySet[CareRelation]:
    return _not_ended(_is_for(None), person_id=person_id, organisation_id=organisation_id)


@composed_once
def _of_user(*, person_id: UUID, organisation_id: UUID, user_id: UUID) -> QuerySet[CareRelation]:
    return _not_ended(_is_for(user_id), person_id=person_id, organisation_id=organisation_id)


def _not_ended(*conditions: Q, **columns: UUID) -> QuerySet[CareRelation]:
    return CareRelation.objects.filter(*conditions, **columns).exclude(ended_at__lte=Now())


def relationships_by_organisation(*, person_id: UUID) -> dict[UUID, list[RelationshipTerms]]:
    """Return the relationships with a person that have not been ended, also those of single users, by organisation."""
    found: dict[UUID, list[RelationshipTerms]] = defaultdict(list)
    for row in _not_ended(person_id=person_id):
        found[row.organisation_id].append(_terms(row))
    return found


def recorded_relationships(
    *, person_id: UUID, organisation_id: UUID | None, now: datetime
) -> list[RecordedRelationship]:
    """Return the relationships with a person, those that began last first; `organisation_id` None: of everybody."""
    rows = CareRelation.objects.filter(person_id=person_id).select_related("organisation", "user")
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    listed = list(rows.order_by("-from_date", "kind", "id"))
    recorded = Relationship.objects.in_bulk([row.id for row in listed])
    teams = dict(CareTeamPatient.objects.filter(id__in=[row.id for row in listed]).values_list("id", "team_id"))
    ends = _first_ends(recorded)
    return [
        RecordedRelationship(
            id=row.id,
            terms=_terms(row),
            organisation_name=row.organisation.name,
            state=state_of(terms=_terms(row), now=now),
            user_name=f"{row.user.given} {row.user.family}" if row.user else "",
            is_loaded=row.id in recorded and recorded[row.id].source_record_id is not None,
            reason=recorded[row.id].reason if row.id in recorded else "",
            end_reason=ends[row.id].reason if row.id in ends else "",
            team_id=teams.get(row.id),
        )
        for row in listed
    ]


def relationship_with(*, relationship_id: UUID) -> RelationshipWith | None:
    """Return whom a relationship is with, and its terms; None for what is none, or by a care team."""
    row = CareRelation.objects.filter(id=relationship_id).exclude(kind=RelationshipKind.CARE_TEAM).first()
    return RelationshipWith(person_id=row.person_id, terms=_terms(row)) if row else None


# Claims, for those who review them


def self_claim(*, claim_id: UUID) -> SelfClaim | None:
    """Return one claim, whether or not it still stands."""
    return next(iter(_self_claims(Relationship.objects.filter(id=claim_id))), None)


def self_claims(*, organisation_id: UUID | None, among: Collection[UUID], is_among: bool) -> list[SelfClaim]:
    """Return the claims that are among some, or those that are not; `organisation_id` None: of every organisation."""
    rows = Relationship.objects.filter(id__in=among) if is_among else Relationship.objects.exclude(id__in=among)
    return _self_claims(rows if organisation_id is None else rows.filter(organisation_id=organisation_id))


def count_claims(*, user_id: UUID, after: datetime, until: datetime) -> int:
    """Return how many people a user has claimed after one moment and until another."""
    rows = Relationship.objects.filter(user_id=user_id, kind=RelationshipKind.SELF_CLAIMED)
    return rows.filter(recorded_at__gt=after, recorded_at__lte=until).count()


def was_in_care(*, person_id: UUID, organisation_id: UUID, from_at: datetime, until_at: datetime) -> bool:
    """Return whether an organisation was recorded as caring for a person, by no claim, on any day of a time."""
    first, last = london_day(from_at), london_day(until_at)
    rows = CareRelation.objects.filter(person_id=person_id, organisation_id=organisation_id, from_date__lte=last)
    within = Q(until_date=None) | Q(until_date__gte=first)
    unended = Q(ended_at=None) | Q(ended_at__gt=from_at)
    return rows.filter(within & unended).exclude(kind=RelationshipKind.SELF_CLAIMED).exists()


# Who has access to a person's record


def carers_of(*, person_id: UUID, organisation_id: UUID | None, now: datetime) -> Carers:
    """Return who cares for a person now; `organisation_id` None: of every organisation."""
    rows = CareRelation.objects.filter(_is_current(now), person_id=person_id)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    organisations: dict[UUID, set[RelationshipKind]] = defaultdict(set)
    users: dict[tuple[UUID, UUID], set[RelationshipKind]] = defaultdict(set)
    for of_id, user_id, kind in rows.values_list("organisation_id", "user_id", "kind"):
        kinds = organisations[of_id] if user_id is None else users[of_id, user_id]
        kinds.add(RelationshipKind(kind))
    return Carers(
        organisations={key: frozenset(kinds) for key, kinds in organisations.items()},
        users={key: frozenset(kinds) for key, kinds in users.items()},
    )


def roles_with_access(*, carers: Carers, roles: Collection[Role], now: datetime) -> list[RoleAccess]:
    """Return in which of these roles, in which organisations, users care for a person now, and how many in each."""
    rows = (
        _memberships(carers, now=now)
        .filter(role__in=roles)
        .values("organisation_id", "organisation__ods_code", "organisation__name", "role")
        .annotate(users=Count("id"))
        .order_by("organisation__name", "organisation_id", "role")
    )
    return [
        RoleAccess(
            organisation_id=row["organisation_id"],
            organisation_ods=row["organisation__ods_code"],
            organisation_name=row["organisation__name"],
            role=Role(row["role"]),
            users=row["users"],
        )
        for row in rows
    ]


def memberships_with_access(
    *, carers: Carers, roles: Collection[Role], user_ids: Collection[UUID], now: datetime
) -> list[MembershipAccess]:
    """Return the memberships of single users in which they care for a person now."""
    rows = _memberships(carers, now=now).filter(role__in=roles, user_id__in=user_ids).select_related("organisation")
    return [
        MembershipAccess(
            membership_id=row.id,
            user_id=row.user_id,
            role=RoleAccess(
                organisation_id=row.organisation_id,
                organisation_ods=row.organisation.ods_code,
                organisation_name=row.organisation.name,
                role=Role(row.role),
                users=1,
            ),
        )
        for row in rows
    ]


def users_with_access(
    *,
    carers: Carers,
    of: Iterable[RoleAccess],
    besides: Collection[MembershipAccess] = (),
    without: Collection[MembershipAccess] = (),
    now: datetime,
    start: int,
    count: int,
) -> list[UserAccess]:
    """Return users who care for a person now in these roles, one per membership, by name: `count` from `start` on.

    `besides` and `without` are single memberships that are listed, or not, whatever their role.
    """
    in_roles = Q(pk__in=[])
    for role in of:
        in_roles |= Q(organisation_id=role.organisation_id, role=role.role)
    in_roles &= ~Q(pk__in=[membership.membership_id for membership in without])
    in_roles |= Q(pk__in=[membership.membership_id for membership in besides])
    rows = (
        _memberships(carers, now=now)
        .filter(in_roles)
        .select_related("user", "organisation")
        .order_by("user__family", "user__given", "user_id", "organisation__name", "role", "id")
    )
    return [
        UserAccess(
            user_id=row.user_id,
            user_name=" ".join(filter(None, (row.user.prefix, row.user.given, row.user.family))),
            organisation_name=row.organisation.name,
            role=Role(row.role),
            kinds=carers.kinds(organisation_id=row.organisation_id, user_id=row.user_id),
        )
        for row in rows[start : start + count]
    ]


# What a user can reach


def reached_by(*, user_id: UUID, organisation_ids: Collection[UUID], now: datetime) -> dict[RelationshipKind, int]:
    """Return with how many people a user has each kind of relationship now, where they act for these organisations."""
    rows = _reached(user_id=user_id, organisation_ids=organisation_ids, now=now).values("kind")
    counts = dict(rows.annotate(people=Count("person_id", distinct=True)).values_list("kind", "people"))
    return {kind: counts[kind.value] for kind in RelationshipKind if kind.value in counts}


def count_reached(*, user_id: UUID, organisation_ids: Collection[UUID], now: datetime) -> int:
    """Return with how many people a user has any relationship now."""
    rows = _reached(user_id=user_id, organisation_ids=organisation_ids, now=now)
    return rows.values("person_id").distinct().count()


def people_reached(
    *, user_id: UUID, organisation_ids: Collection[UUID], now: datetime, start: int, count: int
) -> list[tuple[UUID, tuple[RelationshipKind, ...]]]:
    """Return people whom a user has a relationship with now, and which, by name: `count` from `start` on."""
    rows = (
        _reached(user_id=user_id, organisation_ids=organisation_ids, now=now)
        .values("person_id")
        .annotate(
            kinds=ArrayAgg("kind", distinct=True),
            family=Lower(Min("person__family")),
            given=Lower(Min("person__given")),
        )
        .order_by("family", "given", "person_id")
    )
    return [
        (row["person_id"], tuple(kind for kind in RelationshipKind if kind.value in row["kinds"]))
        for row in rows[start : start + count]
    ]


# Care teams


def care_teams(*, organisation_id: UUID | None, now: datetime) -> list[CareTeamSummary]:
    """Return the care teams of an organisation, or of all, by name."""
    rows = CareTeam.objects.order_by("organisation__name", "name", "id")
    return _summaries(rows if organisation_id is None else rows.filter(organisation_id=organisation_id), now=now)


def care_team(*, team_id: UUID, organisation_id: UUID | None, now: datetime) -> CareTeamSummary | None:
    """Return one care team of an organisation, or of any."""
    rows = CareTeam.objects.filter(id=team_id)
    rows = rows if organisation_id is None else rows.filter(organisation_id=organisation_id)
    return next(iter(_summaries(rows, now=now)), None)


def live_care_team_named(*, organisation_id: UUID, name: str, now: datetime) -> UUID | None:
    """Return the id of an organisation's care team that has not been ended, by its name."""
    rows = CareTeam.objects.filter(~has_ended(of="id", now=now), organisation_id=organisation_id, name=name)
    return rows.order_by("recorded_at", "id").values_list("id", flat=True).first()


def parts_since(
    *, team_id: UUID, of_id: UUID, is_member: bool, from_date: date, now: datetime
) -> dict[UUID, datetime | None]:
    """Return the places of a user, or a patient's care by a team, that began on a day and have not been ended.

    By id: the moment at which each is over; None while no end is known.
    """
    rows: QuerySet[CareTeamPlace] | QuerySet[CareTeamPatient] = (
        CareTeamPlace.objects.filter(user_id=of_id)
        if is_member
        else CareTeamPatient.objects.filter(person_id__in=same_person(person_id=of_id))
    )
    since = rows.filter(~has_ended(of="id", now=now), team_id=team_id, from_date=from_date)
    last_days = dict(since.values_list("id", "until_date"))
    ends = _first_ends(last_days)
    over: dict[UUID, datetime | None] = {}
    for part_id, last_day in last_days.items():
        moments = [end_of_day(last_day)] if last_day else []
        moments += [ends[part_id].ends_at] if part_id in ends else []
        over[part_id] = min(moments, default=None)
    return over


def care_team_name(*, team_id: UUID) -> str:
    """Return the name of a care team; "" for none."""
    return CareTeam.objects.filter(id=team_id).values_list("name", flat=True).first() or ""


def members_of(*, team_id: UUID, now: datetime) -> list[CareTeamPart]:
    """Return who has or had a place in a care team, those that began last first."""
    rows = CareTeamPlace.objects.filter(team_id=team_id).order_by("-from_date", "user__family", "id")
    return _members(rows, now=now)


def member_of_team(*, team_id: UUID, place_id: UUID, now: datetime) -> CareTeamPart | None:
    """Return one place in a care team."""
    return next(iter(_members(CareTeamPlace.objects.filter(team_id=team_id, id=place_id), now=now)), None)


def patients_of(*, team_id: UUID, now: datetime, start: int, count: int) -> list[CareTeamPart]:
    """Return whom a care team cares or cared for, those that began last first: `count` from `start` on."""
    rows = CareTeamPatient.objects.filter(team_id=team_id).order_by("-from_date", "person__family", "id")
    return _patients(rows[start : start + count], now=now)


def patient_of_team(*, team_id: UUID, patient_id: UUID, now: datetime) -> CareTeamPart | None:
    """Return one patient of a care team."""
    return next(iter(_patients(CareTeamPatient.objects.filter(team_id=team_id, id=patient_id), now=now)), None)


def _memberships(carers: Carers, *, now: datetime) -> QuerySet[Membership]:
    """Return the live memberships in which users care for a person."""
    by_organisation: dict[UUID, list[UUID]] = defaultdict(list)
    for organisation_id, user_id in carers.users:
        by_organisation[organisation_id].append(user_id)
    theirs = Q(organisation_id__in=list(carers.organisations))
    for organisation_id, user_ids in by_organisation.items():
        theirs |= Q(organisation_id=organisation_id, user_id__in=user_ids)
    return live_memberships(now=now).filter(theirs)


def _reached(*, user_id: UUID, organisation_ids: Collection[UUID], now: datetime) -> QuerySet[CareRelation]:
    return CareRelation.objects.filter(_is_for(user_id), _is_current(now), organisation_id__in=organisation_ids)


def _is_for(user_id: UUID | None, /) -> Q:
    """Return the condition that a relation is an organisation's, or this user's own."""
    everybodys = Q(user=None)
    return everybodys | Q(user_id=user_id) if user_id is not None else everybodys


def _is_current(now: datetime, /) -> Q:
    """Return the condition that a relation is current, as `terms.is_current` has it.

    Ends are recorded by the database's clock: one that has been committed counts, however this process's clock stands.
    """
    within = Q(until_date=None)
    for kind in RelationshipKind:
        within |= Q(kind=kind, until_date__gte=earliest_last_day(kind=kind, now=now))
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
    unended = Q(ended_at=None) | Q(ended_at__gt=now) & Q(ended_at__gt=Now())
    return Q(from_date__lte=london_day(now)) & within & unexpired & unended


def _self_claims(rows: QuerySet[Relationship]) -> list[SelfClaim]:
    claims = list(rows.filter(kind=RelationshipKind.SELF_CLAIMED).order_by("recorded_at", "id"))
    ends = _first_ends(row.id for row in claims)
    return [
        SelfClaim(
            id=row.id,
            person_id=row.person_id,
            user_id=row.user_id,
            organisation_id=row.organisation_id,
            reason=row.reason,
            claimed_at=row.recorded_at,
            ends_at=min(row.expires_at, ends[row.id].ends_at) if row.id in ends else row.expires_at,
        )
        for row in claims
        if row.person_id and row.user_id and row.recorded_at and row.expires_at
    ]


def _terms(row: CareRelation) -> RelationshipTerms:
    return RelationshipTerms(
        organisation_id=row.organisation_id,
        kind=RelationshipKind(row.kind),
        from_date=row.from_date,
        until_date=row.until_date,
        user_id=row.user_id,
        ends_at=min(filter(None, (row.expires_at, row.ended_at)), default=None),
    )


def _summaries(rows: QuerySet[CareTeam], *, now: datetime) -> list[CareTeamSummary]:
    teams = list(rows.select_related("organisation"))
    if not teams:
        return []
    ids = [team.id for team in teams]
    ends = _first_ends(ids)
    places, patients = CareTeamPlace.objects.filter(team_id__in=ids), CareTeamPatient.objects.filter(team_id__in=ids)
    in_force = _in_force(now)
    members = _count_by_team(places.filter(in_force), of="user_id")
    remaining = Coalesce("person__joined_to_id", "person_id")
    cared_for = _count_by_team(patients.filter(in_force).annotate(remaining_id=remaining), of="remaining_id")
    ever = _count_by_team(patients, of="id")
    return [
        CareTeamSummary(
            id=team.id,
            name=team.name,
            organisation_id=team.organisation_id,
            organisation_name=team.organisation.name,
            member_count=members.get(team.id, 0),
            patient_count=cared_for.get(team.id, 0),
            ever_patients=ever.get(team.id, 0),
            ends_at=ends[team.id].ends_at if team.id in ends else None,
            has_ended=team.id in ends and ends[team.id].ends_at <= now,
        )
        for team in teams
    ]


def _in_force(now: datetime) -> Q:
    """Return the conditions that a part of a care team has begun and not ended."""
    today = london_day(now)
    within = Q(until_date=None) | Q(until_date__gte=today)
    return Q(from_date__lte=today) & within & Q(~has_ended(of="id", now=now))


def _count_by_team(rows: QuerySet[CareTeamPlace] | QuerySet[CareTeamPatient], *, of: str) -> dict[UUID, int]:
    counted = rows.values("team_id").annotate(counted=Count(of, distinct=True))
    return dict(counted.values_list("team_id", "counted"))


def _members(rows: QuerySet[CareTeamPlace], *, now: datetime) -> list[CareTeamPart]:
    listed = list(rows.select_related("team", "user"))
    ends = _first_ends(row.id for row in listed)
    return [
        _part(row, of_id=row.user_id, name=f"{row.user.given} {row.user.family}", end=ends.get(row.id), now=now)
        for row in listed
    ]


def _patients(rows: QuerySet[CareTeamPatient], *, now: datetime) -> list[CareTeamPart]:
    listed = list(rows.select_related("team", "person__joined_to"))
    ends = _first_ends(row.id for row in listed)
    people = {row.id: row.person.joined_to or row.person for row in listed}
    return [
        _part(
            row,
            of_id=people[row.id].id,
            name=f"{people[row.id].given} {people[row.id].family}",
            end=ends.get(row.id),
            now=now,
        )
        for row in listed
    ]


def _part(
    row: CareTeamPlace | CareTeamPatient, *, of_id: UUID, name: str, end: AccessEnd | None, now: datetime
) -> CareTeamPart:
    terms = RelationshipTerms(
        organisation_id=row.team.organisation_id,
        kind=RelationshipKind.CARE_TEAM,
        from_date=row.from_date,
        until_date=row.until_date,
        ends_at=end.ends_at if end else None,
    )
    return CareTeamPart(id=row.id, of_id=of_id, name=name, terms=terms, state=state_of(terms=terms, now=now))


def _first_ends(ids: Iterable[UUID], /) -> dict[UUID, AccessEnd]:
    """Return the end that counts, the earliest, of each that has any."""
    return {end.of_id: end for end in AccessEnd.objects.filter(of_id__in=list(ids)).order_by("-ends_at", "-id")}
