"""A small world, made only through services: two organisations, a source, three people, and those who use it.

Joan Ferris        registered with the surgery that Dr Ama Osei works for
Peter Holt         the same, and objects to sharing
Nobody's Patient   held by the source, in nobody's care
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.consent.policies import shares_with_most
from aggregator.consent.queries import terms_that_hold
from aggregator.consent.terms import PolicyTerms
from aggregator.mpi.models import LinkReview, SourceRecord
from aggregator.mpi.queries import people_with_number
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.end_policy import end_policy
from aggregator.services.load_identities import load_identities
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.services.settle_review import settle_review
from tests.factories import person_of

PASSWORD = "a long enough phrase 7"
SURGERY_ODS = "X99101"
HOSPITAL_ODS = "X99102"
SOURCE_SLUG = "the-surgery"
# Nothing listens on the discard port of this machine: a source that cannot be reached.
NOWHERE = "http://127.0.0.1:9/fhir"

JOAN_NUMBER, PETER_NUMBER, NOBODYS_NUMBER = "9990001006", "9990001014", "9990001022"

IDENTITIES = f"""local_id,nhs_number,nhs_number_status,family,given,birth_date,gender,postcode
1,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04,female,TM1 1AA
2,{PETER_NUMBER},01,Holt,Peter,1960-09-12,male,TM1 1AB
3,{NOBODYS_NUMBER},01,Patient,Nobody,1970-01-02,male,TM1 1AC
"""
RELATIONSHIPS = """local_id,kind,from_date,until_date
1,registered,2010-01-01,
2,registered,2010-01-01,
"""
# Joan once more, without her number: in doubt, and a person of its own until that is settled.
JOAN_AGAIN = ["local_id,family,given,birth_date", "d,Ferris,Joan,1951-05-04"]


@dataclass(frozen=True, kw_only=True)
class World:
    clinician: Requester
    administrator: Requester
    outsider: Requester  # a clinician of a hospital that cares for none of them
    joan: UUID
    peter: UUID
    nobodys: UUID


def make_world(*, base_url: str = NOWHERE, kind: str = "fhir_r4", freshness_s: int = 0) -> World:
    """Make the world and return who is in it. The source is asked each time, unless a test says otherwise."""
    add_source(
        requester=operator(),
        source=NewSource(
            slug=SOURCE_SLUG,
            name="The Surgery",
            kind=kind,
            base_url=base_url,
            organisation_ods=SURGERY_ODS,
            organisation_name="The Surgery",
            time_limit_s=2,
            freshness_s=freshness_s,
        ),
        check=False,
    )
    now = timezone.now()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=IDENTITIES.splitlines(), now=now)
    load_relationships(requester=operator(), source_slug=SOURCE_SLUG, lines=RELATIONSHIPS.splitlines(), now=now)
    for username, role, ods in (
        ("dr.osei", Role.CLINICIAN, SURGERY_ODS),
        ("ms.lane", Role.ADMINISTRATOR, SURGERY_ODS),
        ("dr.far", Role.CLINICIAN, HOSPITAL_ODS),
    ):
        add_user(
            requester=operator(),
            user=NewUser(
                username=username, password=PASSWORD, family="Osei", given="Ama", organisation_ods=ods, role=role
            ),
            now=now,
        )
    world = World(
        clinician=requester_named("dr.osei"),
        administrator=requester_named("ms.lane"),
        outsider=requester_named("dr.far"),
        joan=_person(JOAN_NUMBER),
        peter=_person(PETER_NUMBER),
        nobodys=_person(NOBODYS_NUMBER),
    )
    record_opt_out(
        requester=world.administrator, person_id=world.peter, opted_out=True, note="Said so by letter.", now=now
    )
    return world


def load_joan_again() -> UUID:
    """Load a record that may be Joan's; return the person that is made of it."""
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=JOAN_AGAIN, now=timezone.now())
    assert LinkReview.objects.count() == 1
    return person_of(record=SourceRecord.objects.get(identifier_value="d")).id


def settled(world: World, decision: str) -> None:
    """Settle the one doubt that there is."""
    settle_review(
        requester=world.administrator,
        review_id=LinkReview.objects.get().id,
        decision=decision,
        note="Rang the surgery.",
        now=timezone.now(),
    )


def decided(world: World, person_id: UUID, terms: PolicyTerms) -> UUID:
    """Record what a person has decided about sharing; return the policy's id."""
    return record_policy(
        requester=world.administrator, person_id=person_id, terms=terms, note="By letter.", now=timezone.now()
    )


def withdraw(world: World, policy_id: UUID) -> None:
    """End a decision about sharing."""
    end_policy(requester=world.administrator, policy_id=policy_id, note="By letter.", now=timezone.now())


def is_shared(person_id: UUID) -> bool:
    """Return whether a person's record is shared with most who care for them."""
    now = timezone.now()
    policies, *joined = terms_that_hold(person_id=person_id, now=now)
    return shares_with_most(policies=policies, joined=joined, now=now)


def signed_in_client(username: str) -> Client:
    """Return a client that signed in as a user does, by the form."""
    client = Client(headers={"host": "testserver"})
    answer = client.post("/sign-in", {"username": username, "password": PASSWORD})
    assert answer.status_code == 302, answer.status_code
    return client


JOAN_BORN, PETER_BORN, NOBODYS_BORN = date(1951, 5, 4), date(1960, 9, 12), date(1970, 1, 2)


def requester_named(username: str) -> Requester:
    """Return the requester of a user who has one role."""
    (requester,) = requesters_for(user_id=User.objects.get(username=username).id, now=timezone.now())
    return requester


def _person(number: str) -> UUID:
    (person,) = people_with_number(nhs_number=number)
    return person.person_id
