"""Who has access, asked of all users at once, is whom the gates let through one by one."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.utils import timezone

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.models import Membership, User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import MEMBERSHIP_ROLES, Permission, Role
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.consent.queries import decide
from aggregator.consent.terms import Actor, BasePolicy, Effect, PolicyTerms, Provision
from aggregator.mpi.models import Person, SourceRecord
from aggregator.relationships.models import CareTeam, CareTeamPatient, CareTeamPlace, Relationship
from aggregator.relationships.terms import OF_ORGANISATIONS, RelationshipKind, london_day
from aggregator.services.clients.end_client import end_client
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.relationships.list_access import AccessList, list_access
from aggregator.services.relationships.list_reach import list_reach
from tests.factories import nhs_number, person, requester, source
from tests.machine import register
from tests.signing import CLIENT
from tests.world import make_world

pytestmark = pytest.mark.django_db

# How many worlds are generated.
SEEDS = 8
# Days from today.
BEGINS, ENDS = (-200, -200, -1, 0, 1), (-91, -90, -1, 0, 1, 30)


class Generated:
    """Two organisations, users with every role, and one person with many relationships of every kind and standing."""

    def __init__(self, *, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = timezone.now()
        self.sources = [source() for _ in range(3)]
        self.organisations = [each.organisation for each in self.sources]
        self.joan = person(at=self.sources[0], nhs_number=nhs_number(index=100 + 2 * seed))
        self.peter = person(
            at=self.sources[0], identifier="2", given="Peter", nhs_number=nhs_number(index=101 + 2 * seed)
        )
        self.users = [
            User.objects.create(
                username=f"user-{seed}-{number}",
                family=f"Family{number}",
                given="Ann",
                password=f"{UNUSABLE_PASSWORD_PREFIX}{number}",
                is_active=self.random.random() > 0.1,
            )
            for number in range(12)
        ]
        ended: list[tuple[Ends, UUID]] = []
        for user in self.users:
            for _ in range(self.random.randint(0, 3)):
                membership = Membership.objects.create(
                    user=user,
                    organisation=self.random.choice(self.organisations),
                    role=self.random.choice(MEMBERSHIP_ROLES[:6]),
                    from_at=self.now + timedelta(days=self.random.choice((-9, -9, -9, 1))),
                )
                ended += [(Ends.MEMBERSHIP, membership.id)] * (self.random.random() < 0.2)
        for _ in range(self.random.randint(1, 6)):
            ended += [(Ends.RELATIONSHIP, self._relationship())] * (self.random.random() < 0.3)
        for _ in range(self.random.randint(1, 4)):
            ended += self._team()
        for kind, of_id in ended:
            end(kind=kind, of_id=of_id, after=timedelta(days=self.random.choice((0, 0, 1))))
        self.now = timezone.now()

    def _days(self) -> dict[str, date | None]:
        today = london_day(self.now)
        since = today + timedelta(days=self.random.choice(BEGINS))
        until = self.random.choice([None, *(today + timedelta(days=days) for days in ENDS)])
        return {"from_date": since, "until_date": until}

    def _relationship(self) -> UUID:
        organisation = self.random.choice(self.organisations)
        if self.random.random() < 0.3:
            return Relationship.objects.create(
                person=self.joan,
                organisation=organisation,
                user=self.random.choice(self.users),
                kind=RelationshipKind.SELF_CLAIMED,
                from_date=london_day(self.now),
                expires_at=self.now + timedelta(hours=self.random.choice((-1, 24))),
                reason="On the ward.",
            ).id
        days, kind = self._days(), self.random.choice(OF_ORGANISATIONS)
        of = self.random.choice(
            [{"person": self.joan}, {"source_record": SourceRecord.objects.get(links__person=self.joan)}]
        )
        made, _ = Relationship.objects.get_or_create(organisation=organisation, kind=kind, **of, **days)
        return made.id

    def _team(self) -> list[tuple[Ends, UUID]]:
        organisation = self.random.choice(self.organisations)
        team = CareTeam.objects.create(organisation=organisation, name="The team", recorded_at=self.now)
        ids = [(Ends.CARE_TEAM, team.id)]
        for user in self.random.sample(self.users, 4):
            place = CareTeamPlace.objects.create(team=team, user=user, recorded_at=self.now, **self._days())
            ids.append((Ends.CARE_TEAM_PLACE, place.id))
        patient = CareTeamPatient.objects.create(team=team, person=self.joan, recorded_at=self.now, **self._days())
        ids.append((Ends.CARE_TEAM_PATIENT, patient.id))
        return [each for each in ids if self.random.random() < 0.1]

    def let_through(self, *, of: Person) -> Counter[tuple[UUID, UUID, str]]:
        """Return every user, organisation and role that the gates let through."""
        return Counter(
            (user.id, who.organisation_id, who.role.value)
            for user in self.users
            for who in requesters_for(user_id=user.id, now=self.now)
            if who.organisation_id
            and decide(requester=who, permission=Permission.VIEW_RECORD, person_id=of.id, now=self.now).permitted
        )


def end(*, kind: Ends, of_id: UUID, after: timedelta = timedelta(0)) -> None:
    with acting(operator(), Action.END_RELATIONSHIP, needs=Permission.MANAGE_RELATIONSHIPS) as act:
        act.about_nothing_single()
        act.ends(end=End(kind=kind, of_id=of_id, ends_at=timezone.now() + after, reason="It is over."))


def everybody(world: Generated, *, of: Person) -> AccessList:
    return list_access(requester=operator(), person_id=of.id, now=world.now)


def told(world: Generated, *, of: Person) -> Counter[tuple[UUID, UUID, str]]:
    listed = everybody(world, of=of)
    assert listed.count == len(listed.users) == sum(role.users for role in listed.roles)
    ids = {organisation.name: organisation.id for organisation in world.organisations}
    return Counter((user.user_id, ids[user.organisation_name], user.role.value) for user in listed.users)


def test_all_at_once_are_those_whom_the_gates_let_through_one_by_one() -> None:
    reached: Counter[bool] = Counter()
    kinds: Counter[RelationshipKind] = Counter()
    for seed in range(SEEDS):
        world = Generated(seed=seed)
        assert told(world, of=world.joan) == world.let_through(of=world.joan), seed
        assert told(world, of=world.peter) == Counter()
        listed = everybody(world, of=world.joan)
        kinds.update(kind for user in listed.users for kind in user.kinds)
        for user in world.users:
            access = {each.user_id for each in listed.users}
            reached[user.id in access] += 1
            memberships = requesters_for(user_id=user.id, now=world.now)
            if memberships:
                reach = list_reach(requester=operator(), username=user.username, now=world.now)
                assert reach.count == (user.id in access), seed
    assert min(reached[True], reached[False]) > 10
    assert set(kinds) == set(RelationshipKind)


def test_a_decision_about_single_users_counts_for_them_alone() -> None:
    reached: Counter[str] = Counter()
    for seed in range(SEEDS):
        world = Generated(seed=seed)
        before = world.let_through(of=world.joan)
        denied, other = (world.random.choice([user for user, _, _ in before] or [world.users[0].id]) for _ in range(2))
        root = Provision(effect=Effect.DENY, actors=frozenset({Actor.user(denied)}))
        record_policy(
            requester=operator(),
            person_id=world.joan.id,
            terms=PolicyTerms(base=BasePolicy.DENY, root=root),
            note="By letter.",
            now=world.now,
        )
        assert told(world, of=world.joan) == world.let_through(of=world.joan), seed
        exception = Provision(effect=Effect.PERMIT, actors=frozenset({Actor.user(other)}))
        record_policy(
            requester=operator(),
            person_id=world.joan.id,
            terms=PolicyTerms(base=BasePolicy.DENY, exceptions=(exception,)),
            note="By letter.",
            now=world.now,
        )
        after = world.let_through(of=world.joan)
        assert told(world, of=world.joan) == after, seed
        reached.update({"some denied": len(after) < len(before), "some left": bool(after)})
    assert reached["some denied"] > 2
    assert reached["some left"] > 2


def test_who_has_objected_is_open_to_nobody_and_it_is_said_who_is_kept_out() -> None:
    world = Generated(seed=1)
    before = everybody(world, of=world.joan)
    assert before.count
    record_opt_out(requester=operator(), person_id=world.joan.id, opted_out=True, note="By letter.", now=world.now)
    after = everybody(world, of=world.joan)
    assert (after.count, after.roles, after.users) == (0, (), ())
    assert [refused.role for refused in after.refused] == list(before.roles)
    assert {refused.reason for refused in after.refused} == {
        "The patient has objected to sharing their record in this service."
    }


def test_the_systems_of_organisations_that_care_are_listed_with_what_they_may_read() -> None:
    world = make_world()
    register(scopes="system/Condition.rs system/Patient.rs")
    (system,) = list_access(requester=operator(), person_id=world.joan, now=timezone.now()).systems
    assert (system.oauth_id, system.scopes) == (CLIENT, "system/Condition.rs system/Patient.rs")
    assert (system.kinds, system.reason) == ((RelationshipKind.REGISTERED,), "")
    (objected,) = list_access(requester=operator(), person_id=world.peter, now=timezone.now()).systems
    assert objected.reason == "The patient has objected to sharing their record in this service."
    assert list_access(requester=operator(), person_id=world.nobodys, now=timezone.now()).systems == ()
    end_client(requester=operator(), oauth_id=CLIENT, reason="Replaced.", now=timezone.now())
    assert list_access(requester=operator(), person_id=world.joan, now=timezone.now()).systems == ()


def test_an_administrator_is_told_of_their_own_organisation_and_that_it_is_not_the_whole() -> None:
    world = Generated(seed=1)
    whole = everybody(world, of=world.joan)
    here = next(each for each in world.organisations if each.id == whole.roles[0].organisation_id)
    own = requester(role=Role.ADMINISTRATOR, organisation_id=here.id, organisation_ods=here.ods_code)
    listed = list_access(requester=own, person_id=world.joan.id, now=world.now)
    assert not listed.is_whole
    assert listed.roles == tuple(role for role in whole.roles if role.organisation_id == here.id)
    assert whole.is_whole


def test_ending_anything_never_gives_anybody_access() -> None:
    for seed in range(SEEDS // 2):
        world = Generated(seed=seed)
        before = told(world, of=world.joan)
        for table, kind in (
            (Relationship, Ends.RELATIONSHIP),
            (CareTeam, Ends.CARE_TEAM),
            (CareTeamPlace, Ends.CARE_TEAM_PLACE),
            (CareTeamPatient, Ends.CARE_TEAM_PATIENT),
            (Membership, Ends.MEMBERSHIP),
        ):
            ids = list(table.objects.values_list("id", flat=True).order_by("?")[:2])
            for of_id in ids:
                end(kind=kind, of_id=of_id)
            world.now = timezone.now()
            after = told(world, of=world.joan)
            assert after <= before, (seed, kind)
            assert after == world.let_through(of=world.joan)
            before = after
