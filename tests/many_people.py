"""Many people, each with one allergy at each of several hospitals: for tests of many records at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.mpi.queries import people_with_number
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.load_identities import load_identities
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.sources.models import Source
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from tests.factories import allergy, nhs_number
from tests.hospital import Answering, Hospital, Said, bundle, statement
from tests.world import SOURCE_SLUG, World, make_world

FIRST_INDEX = 5000  # NHS numbers that nobody else here has


@dataclass(frozen=True, kw_only=True)
class ManyPeople:
    """Who asks, and whose records; all of them are at every source."""

    world: World
    person_ids: tuple[UUID, ...] = field(default=())


def hospital(*, after_s: float = 0.0) -> Hospital:
    """Return a hospital that knows everybody by number; `after_s` seconds pass before each record."""
    return Hospital(answers={"metadata": Said(body=statement(everything=True)), "Patient/": _record(after_s)})


def load_people(*, count: int, addresses: dict[str, str], slow: str = "", slow_limit_s: float = 4.0) -> ManyPeople:
    """Register a source at each address, all of which hold so many people; `slow` has a time limit of its own."""
    names = list(addresses)
    world = make_world(base_url=addresses[names[0]])
    for slug in names[1:]:
        add_source(
            requester=operator(),
            source=NewSource(
                slug=slug,
                name=slug.title(),
                kind="fhir_r4",
                base_url=addresses[slug],
                organisation_ods=f"X992{names.index(slug):02}",
                organisation_name=slug.title(),
            ),
            check=False,
        )
    Source.objects.update(time_limit_s=9, freshness_s=0)
    Source.objects.filter(slug=slow).update(time_limit_s=slow_limit_s)
    now = timezone.now()
    head = "local_id,nhs_number,nhs_number_status,family,given,birth_date,gender"
    lines = [head, *(f"{at},{number_of(at)},01,Family{at},Ann,1951-05-04,female" for at in range(100, 100 + count))]
    for slug in (SOURCE_SLUG, *names[1:]):
        load_identities(requester=operator(), source_slug=slug, lines=lines, now=now)
    cares = ["local_id,kind,from_date,until_date", *(f"{at},registered,2010-01-01," for at in range(100, 100 + count))]
    load_relationships(requester=operator(), source_slug=SOURCE_SLUG, lines=cares, now=now)
    found = [people_with_number(nhs_number=number_of(at)) for at in range(100, 100 + count)]
    return ManyPeople(world=world, person_ids=tuple(person.person_id for (person,) in found))


def number_of(at: int) -> str:
    """Return the NHS number of the person with this local id; the first has 100."""
    return nhs_number(index=FIRST_INDEX + at)


def patient_of(local_id: str) -> dict[str, Any]:
    """Return what every hospital says of who the person with this local id is."""
    return {
        "resourceType": "Patient",
        "id": local_id,
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": number_of(int(local_id))}],
        "name": [{"family": f"Family{local_id}", "given": ["Ann"]}],
        "birthDate": "1951-05-04",
        "gender": "female",
    }


def _record(after_s: float) -> Answering:
    def answer(path: str) -> Said:
        local_id = path.removeprefix("Patient/").partition("/")[0].partition("?")[0]
        patient = patient_of(local_id)
        if "everything" not in path:
            return Said(body=patient, after_s=after_s)
        about = {"reference": f"Patient/{local_id}"}
        return Said(body=bundle(patient, allergy(id=f"a{local_id}", patient=about)), after_s=after_s)

    return answer
