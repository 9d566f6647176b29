"""What the simulator writes is FHIR: each resource is read by the strict models of its own version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class as r4b_class
from fhir.resources.STU3 import get_fhir_model_class as stu3_class

from simulator.organisations import FHIR_R4, SOURCES, Source
from tests.unit.simulator.served import record, region_description, region_folder

PEOPLE = 6  # of each source, besides those of the stories
R4_SOURCES = [source for source in SOURCES if source.kind == FHIR_R4]
PRACTICES = [source for source in SOURCES if source.kind != FHIR_R4]


def records(source: Source) -> Iterator[list[dict[str, Any]]]:
    of_stories = [one["sources"].get(source.slug) for one in region_description()["stories"]]
    files = sorted((region_folder() / source.slug / "records").glob("*.json"))
    for local_id in dict.fromkeys([*filter(None, of_stories), *(path.stem for path in files[:PEOPLE])]):
        yield record(source.slug, local_id)


@pytest.mark.parametrize("source", R4_SOURCES, ids=lambda source: source.slug)
def test_hospital_resources_are_r4(source: Source) -> None:
    for resources in records(source):
        for resource in resources:
            r4b_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("source", PRACTICES, ids=lambda source: source.slug)
def test_practice_resources_are_stu3(source: Source) -> None:
    for resources in records(source):
        for resource in resources:
            stu3_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_a_record_is_of_a_realistic_size_and_has_no_id_twice(source: Source) -> None:
    for resources in records(source):
        names = [(r["resourceType"], r["id"]) for r in resources if "id" in r]
        assert len(set(names)) == len(names)
        assert 10 <= len(resources) <= 260


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.slug)
def test_a_business_identifier_names_one_entry_of_a_record(source: Source) -> None:
    for resources in records(source):
        held = [
            (identifier["system"], identifier["value"], r["resourceType"])
            for r in resources
            if isinstance(r.get("identifier"), list) and r["resourceType"] not in ("Organization", "Practitioner")
            for identifier in r["identifier"]
        ]
        assert len(set(held)) == len(held)


@pytest.mark.parametrize("source", PRACTICES, ids=lambda source: source.slug)
def test_clinical_entries_of_a_practice_have_a_persistent_identifier_and_a_profile(source: Source) -> None:
    without = {
        "Medication",
        "List",
        "Patient",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Location",
        "Binary",
    }
    for resources in records(source):
        assert all(r["meta"]["profile"] for r in resources if r["resourceType"] != "Binary")
        assert all(r["identifier"] for r in resources if r["resourceType"] not in without)
