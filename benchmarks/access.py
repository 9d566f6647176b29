"""Who has access to a patient's record among many users, beside the least that a database could do for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from aggregator.accounts.models import Membership, Organisation, User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Permission, Role
from aggregator.break_glass.operations import record_access
from aggregator.break_glass.terms import EmergencyReason
from aggregator.consent.decision import Decision
from aggregator.consent.queries import decide
from aggregator.mpi.models import Person
from aggregator.relationships.models import CareTeam, CareTeamPatient, CareTeamPlace, Relationship
from aggregator.relationships.terms import RelationshipKind
from aggregator.services.relationships.list_access import USERS_PER_PAGE, list_access
from benchmarks.figures import Row, Table
from benchmarks.service import Say

USERS, QUICK_USERS = 10_000, 200
ORGANISATIONS = 5
ROLES = (Role.CLINICIAN, Role.NURSE, Role.PHARMACIST, Role.RECEPTIONIST)
ROUNDS, QUICK_ROUNDS = 9, 2
DECISIONS = 50  # of one kind in a round
LONG_AGO = date(2020, 1, 1)
# The users of the organisations that care for the patient, counted and by name: what any answer has to read.
PLAIN = """
SELECT count(*) OVER (), family, given FROM membership JOIN "user" ON "user".id = user_id
WHERE organisation_id = ANY(%s) AND role = ANY(%s) ORDER BY family, given LIMIT %s
"""


def measure(*, quick: bool, say: Say) -> Table:
    """Run all rounds and return their table."""
    users = QUICK_USERS if quick else USERS
    say(f"  {users:,} users in {ORGANISATIONS} organisations")
    call_command("migrate", interactive=False, verbosity=0)
    person_id, caring = _make_world(users=users)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def ours() -> None:
        list_access(requester=operator(), person_id=person_id, now=timezone.now())

    def beside() -> None:
        with connection.cursor() as cursor:
            cursor.execute(PLAIN, [caring, [role.value for role in ROLES[:3]], USERS_PER_PAGE])
            cursor.fetchall()

    ordinary, broken = _deciders(person_id=person_id)
    if ordinary().emergency is not None or broken().emergency is None:
        raise AssertionError("the glass is not broken as the row says")
    times: list[tuple[float, float]] = []
    decisions: list[tuple[float, float]] = []
    for number in range((QUICK_ROUNDS if quick else ROUNDS) + 1):
        say(f"  who has access: round {number}")
        times.append((_ms(ours), _ms(beside)))
        decisions.append((_ms(broken, times=DECISIONS), _ms(ordinary, times=DECISIONS)))
    mine, least = zip(*times[1:], strict=True)  # the first of each fills caches
    row = Row(name=f"who has access, among {users:,} users", unit="ms", ours=mine, beside=least, aim="below 200 ms")
    in_emergency, as_usual = zip(*decisions[1:], strict=True)
    name = "decide under broken glass, from the tables, beside the ordinary decision"
    decided = Row(name=name, unit="ms", ours=in_emergency, beside=as_usual)
    return Table(
        title="Access, wall time",
        beside="the caring organisations' users counted, and a page by name; or what the figure names",
        rows=(row, decided),
    )


def _ms(act: Callable[[], object], *, times: int = 1) -> float:
    """Return how long an act takes, on average over so many."""
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) * 1000 / times


def _deciders(*, person_id: UUID) -> tuple[Callable[[], Decision], Callable[[], Decision]]:
    """Return what decides about the patient for two of their clinicians, of whom the second has broken the glass."""
    now = timezone.now()
    _, broken = memberships = list(
        Membership.objects.filter(role=Role.CLINICIAN, organisation__ods_code="X9700").order_by("user__username")[:2]
    )
    with transaction.atomic():
        record_access(
            user_id=broken.user_id,
            membership_id=broken.id,
            organisation_id=broken.organisation_id,
            person_id=person_id,
            reason=EmergencyReason.UNCONSCIOUS,
            note="Benchmark.",
            now=now,
        )

    def decider(membership: Membership) -> Callable[[], Decision]:
        (requester,) = requesters_for(user_id=membership.user_id, now=now)
        return lambda: decide(
            requester=requester, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now()
        )

    first, second = (decider(membership) for membership in memberships)
    return first, second


def _make_world(*, users: int) -> tuple[UUID, list[UUID]]:
    """Make users, of whom most care for one person, in every way; return the person and the organisations that care."""
    now = timezone.now()
    organisations = Organisation.objects.bulk_create(
        Organisation(ods_code=f"X97{number:02}", name=f"Organisation {number}") for number in range(ORGANISATIONS)
    )
    people = User.objects.bulk_create(
        User(username=f"user{number}", family=f"Family{number % 997}", given=f"Given{number % 89}", password="!")
        for number in range(users)
    )
    Membership.objects.bulk_create(
        Membership(user=user, organisation=organisations[number % ORGANISATIONS], role=ROLES[number % len(ROLES)])
        for number, user in enumerate(people)
    )
    patient = Person.objects.create(created_at=now, family="Bench", given="Ada")
    caring = organisations[:-1]
    Relationship.objects.bulk_create(
        Relationship(person=patient, organisation=organisation, kind=kind, from_date=LONG_AGO, recorded_at=now)
        for organisation in caring
        for kind in (RelationshipKind.REGISTERED, RelationshipKind.ATTENDED)
    )
    team = CareTeam.objects.create(organisation=organisations[-1], name="Team", recorded_at=now)
    CareTeamPatient.objects.create(team=team, person=patient, from_date=LONG_AGO, recorded_at=now)
    CareTeamPlace.objects.bulk_create(
        CareTeamPlace(team=team, user=user, from_date=LONG_AGO, recorded_at=now)
        for user in people[ORGANISATIONS - 1 :: ORGANISATIONS][:100]
    )
    return patient.id, [organisation.id for organisation in caring]
