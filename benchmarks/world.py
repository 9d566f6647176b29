"""The sources, the people and the clinician of the measured retrievals, made through the services."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.mpi.queries import people_with_number
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.load_identities import load_identities
from aggregator.services.relationships.load_relationships import load_relationships
from benchmarks.records import FakeSource
from launcher.processes import StartError
from simulator.people import Person

USERNAME = "dr.bench"
PASSWORD = "only for the benchmark 7"
# The longest that a source may be given: a slow machine is measured, not cut off.
TIME_LIMIT_S = 60.0
HANGING, BREAKING = "hanging", "breaking"


@dataclass(frozen=True, kw_only=True)
class World:
    clinician: Requester
    person_ids: tuple[UUID, ...]


def load_world(*, sources: Sequence[FakeSource], addresses: Sequence[str], known: Sequence[Person]) -> World:
    """Register the sources at their addresses and load the people, each linked to every source.

    Raises: StartError.
    """
    now = timezone.now()
    for fake, address in zip(sources, addresses, strict=True):
        source = fake.source
        add_source(
            requester=operator(),
            source=NewSource(
                slug=source.slug,
                name=source.name,
                kind=source.kind,
                base_url=address,
                organisation_ods=source.ods,
                organisation_name=source.name,
                identifier_system=source.identifier_system,
                time_limit_s=TIME_LIMIT_S,
                freshness_s=0,  # each retrieval is to ask
            ),
            check=False,
        )
        load_identities(requester=operator(), source_slug=source.slug, lines=_identities(known=known), now=now)
    cares = sources[0].source
    lines = ["local_id,kind,from_date,until_date", *(f"{person.key},registered,2010-01-01," for person in known)]
    load_relationships(requester=operator(), source_slug=cares.slug, lines=lines, now=timezone.now())
    return World(clinician=_clinician(ods=cares.ods), person_ids=tuple(_person_id(person=person) for person in known))


def add_source_more(
    *, slug: str, address: str, known: Sequence[Person], time_limit_s: float, identifier_system: str = ""
) -> None:
    """Register one more source, which holds everybody too."""
    name = f"A source that is {slug}"
    add_source(
        requester=operator(),
        source=NewSource(
            slug=slug,
            name=name,
            kind="fhir_r4",
            base_url=address,
            organisation_ods="X9999",
            organisation_name="A source more",
            identifier_system=identifier_system,
            time_limit_s=time_limit_s,
            freshness_s=0,
        ),
        check=False,
    )
    load_identities(requester=operator(), source_slug=slug, lines=_identities(known=known), now=timezone.now())


def _identities(*, known: Sequence[Person]) -> list[str]:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(("local_id", "nhs_number", "nhs_number_status", "family", "given", "birth_date", "gender"))
    for person in known:
        told = person.truth
        born = told.birth_date.isoformat()
        writer.writerow(
            (person.key, told.nhs_number, told.nhs_number_status, told.family, " ".join(told.given), born, told.gender)
        )
    return written.getvalue().splitlines()


def _clinician(*, ods: str) -> Requester:
    add_user(
        requester=operator(),
        user=NewUser(
            username=USERNAME,
            password=PASSWORD,
            family="Bench",
            given="Ada",
            organisation_ods=ods,
            role=Role.CLINICIAN,
        ),
        now=timezone.now(),
    )
    (requester,) = requesters_for(user_id=User.objects.get(username=USERNAME).id, now=timezone.now())
    return requester


def _person_id(*, person: Person) -> UUID:
    found = people_with_number(nhs_number=person.truth.nhs_number)
    if len(found) != 1:
        raise StartError(f"{len(found)} people bear one NHS number, where each source holds one person under it.")
    return found[0].person_id
