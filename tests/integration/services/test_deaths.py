"""A death that any source tells of is on the page and in the Patient at once; where sources disagree, it is said."""

from __future__ import annotations

import pytest

from aggregator.api.fhir.searchset import everything
from aggregator.mpi.models import Person, SourceRecord
from aggregator.sources.models import Source
from aggregator.terminology.sensitivity import Sensitivity
from aggregator.web.record.page import record_page
from tests.one_hospital import Hospital, add_clinic, hospital, load, opened, world
from tests.world import JOAN_NUMBER, World, signed_in_client

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_death_in_an_answer_is_on_the_page_and_in_the_patient_at_once(world: World, hospital: Hospital) -> None:
    hospital.patients["1"]["deceasedDateTime"] = "1998-02"
    view = opened(world)
    banner = record_page(view=view).banner
    assert (banner.deceased, banner.died, banner.age, banner.age_at_death) == (True, "Feb-1998", "", "46y")
    assert everything(view=view, base="https://x.example")["entry"][0]["resource"]["deceasedDateTime"] == "1998-02"
    del hospital.patients["1"]["deceasedDateTime"]
    assert record_page(view=opened(world)).banner.deceased


def test_an_answer_about_somebody_else_says_nothing_of_her_death(world: World, hospital: Hospital) -> None:
    hospital.patients["1"].update({"deceasedBoolean": True, "birthDate": "1980-01-01"})
    opened(world)
    assert Person.objects.get(id=world.joan).deceased is None


def test_sources_that_disagree_about_her_death_are_named_on_the_page_and_in_the_outcome(
    world: World, hospital: Hospital
) -> None:
    load(("postcode\n", "postcode,deceased\n"), ("TM1 1AA\n", "TM1 1AA,no\n"))
    add_clinic(hospital.base)
    load(source="clinic")
    hospital.patients["1"]["deceasedBoolean"] = False
    SourceRecord.objects.filter(source__slug="clinic").update(deceased=True, death_date="1998-02-01")
    hospital.patients["1"].pop("deceasedBoolean")
    view = opened(world)
    (warning,) = record_page(view=view).banner.warnings
    assert warning == (
        "Sources disagree about this patient's death: The Clinic: died 01-Feb-1998; The Surgery: recorded as alive."
    )
    told = everything(view=view, base="https://x.example")["entry"][-1]["resource"]["issue"]
    assert any("Sources disagree about this patient's death" in issue["diagnostics"] for issue in told)


def test_a_source_that_may_not_be_known_to_hold_her_is_not_named_for_what_it_says_of_her_death(
    world: World, hospital: Hospital
) -> None:
    load(("postcode\n", "postcode,deceased\n"), ("TM1 1AA\n", "TM1 1AA,no\n"))
    add_clinic(hospital.base)
    load(source="clinic")
    SourceRecord.objects.filter(source__slug="clinic").update(deceased=True, death_date="1998-02-01")
    Source.objects.filter(slug="clinic").update(discloses=Sensitivity.SEXUAL_HEALTH)
    view = opened(world)
    (warning,) = record_page(view=view).banner.warnings
    assert warning == (
        "Sources disagree about this patient's death: a source: died 01-Feb-1998; The Surgery: recorded as alive."
    )
    told = everything(view=view, base="https://x.example")["entry"][-1]["resource"]["issue"]
    assert "Clinic" not in str(told)


@pytest.mark.parametrize("username", ["dr.far", "ms.lane"])
def test_who_finds_her_is_not_told_which_sources_hold_her(world: World, hospital: Hospital, username: str) -> None:
    load(("postcode\n", "postcode,deceased\n"), ("TM1 1AA\n", "TM1 1AA,no\n"))
    add_clinic(hospital.base)
    load(source="clinic")
    SourceRecord.objects.filter(source__slug="clinic").update(deceased=True, death_date="1998-02-01")
    page = signed_in_client(username).post("/", {"nhs_number": JOAN_NUMBER}).content.decode()
    assert "death: a source: died 01-Feb-1998; a source: recorded as alive." in page
    assert "The Clinic:" not in page
