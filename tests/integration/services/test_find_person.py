"""Searching: what is refused before anybody is looked for, and how the refusal is worded."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.errors import Invalid
from aggregator.mpi.queries import SEARCH_LIMIT
from aggregator.services.find_person import find_person
from aggregator.services.load_identities import load_identities
from tests.world import JOAN_BORN, SOURCE_SLUG, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("999 000 1007", "the check digit is wrong"),
        ("999 000 100", "10 digits"),
        ("99900010060", "10 digits"),
        ("9999999999", "the check digit is wrong"),
        ("٩٩٩٠٠٠١٠٠٦", "10 digits"),
        ("999000100\0", "10 digits"),
        ("Joan Ferris", "10 digits"),
    ],
)
def test_a_number_that_cannot_be_one_is_refused_with_the_reason(world: World, number: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        find_person(requester=world.clinician, now=timezone.now(), nhs_number=number)
    assert refused.value.field == "nhs_number"


@pytest.mark.parametrize("family", ["", "  ", "---", "123"])
def test_a_surname_without_a_letter_finds_nobody_by_accident(world: World, family: str) -> None:
    with pytest.raises(Invalid) as refused:
        find_person(requester=world.clinician, now=timezone.now(), family=family, birth_date=JOAN_BORN)
    assert refused.value.field == "family"


def test_a_surname_needs_a_date_of_birth(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        find_person(requester=world.clinician, now=timezone.now(), family="Ferris")
    assert refused.value.field == "birth_date"


@pytest.mark.parametrize("number", ["9990001006", " 999 000 1006 ", "999-000-1006", "999\u00a0000\u00a01006"])
def test_a_number_is_taken_with_or_without_spaces(world: World, number: str) -> None:
    (found,) = find_person(requester=world.clinician, now=timezone.now(), nhs_number=number).people
    assert found.person_id == world.joan


@pytest.mark.parametrize("family", ["Ferris", "FERRIS", "fèrris", " Ferris "])
def test_a_surname_is_found_however_it_is_spelt_in_case_and_accents(world: World, family: str) -> None:
    (found,) = find_person(requester=world.clinician, now=timezone.now(), family=family, birth_date=JOAN_BORN).people
    assert found.person_id == world.joan


def test_a_first_name_narrows_the_search(world: World) -> None:
    def found(given: str) -> int:
        named = {"family": "Ferris", "given": given, "birth_date": JOAN_BORN}
        return len(find_person(requester=world.clinician, now=timezone.now(), **named).people)

    assert (found("Jo"), found("Ann")) == (1, 0)


def test_nobody_is_found_by_another_birth_date(world: World) -> None:
    another = date(1951, 4, 5)
    assert not find_person(requester=world.clinician, now=timezone.now(), family="Ferris", birth_date=another).people


@pytest.mark.parametrize(("how_many", "too_many"), [(SEARCH_LIMIT, False), (SEARCH_LIMIT + 1, True)])
def test_more_people_than_a_list_takes_are_said_to_be_more_and_only_those_listed_are_audited(
    world: World, how_many: int, too_many: bool
) -> None:
    names = [f"{first}{second}" for first in "ABCDE" for second in "abcdefgh"][:how_many]
    lines = ["local_id,family,given,birth_date", *(f"m-{name},Many,{name},1980-02-01" for name in names)]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    found = find_person(requester=world.clinician, now=timezone.now(), family="Many", birth_date=date(1980, 2, 1))
    assert (len(found.people), found.too_many) == (SEARCH_LIMIT, too_many)
    audited = AuditEvent.objects.filter(action="find-person").values_list("person_id", flat=True)
    assert set(audited) == {person.person_id for person in found.people}
