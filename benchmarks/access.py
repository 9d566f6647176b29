"""Who has access to a patient's record among many users, beside the least that a database could do for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from aggregator.accounts.models import Membership, Organisation, User
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
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

    times: list[tuple[float, float]] = []
    for number in range((QUICK_ROUNDS if quick else ROUNDS) + 1):
        say(f"  who has access: round {number}")
        times.append((_ms(ours), _ms(beside)))
    mine, least = zip(*times[1:], strict=True)  # the first of each fills caches
    row = Row(name=f"who has access, among {users:,} users", unit="ms", ours=mine, beside=least, aim="below 200 ms")
    return Table(
        title="Access, wall time", beside="the caring organisations' users counted, and a page by name", rows=(row,)
    )


def _ms(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


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
