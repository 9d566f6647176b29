"""A source that holds one human twice ends by the best of both askings; a link that ends takes its part away."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import SourceOutcome
from aggregator.mpi.models import Link, LinkReview
from aggregator.record.completeness.claims import AllergyStatus, SourceStatus
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources.models import Source
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome
from tests.factories import allergy, condition
from tests.hospital import Hospital, Said, bundle, outcome, running, statement
from tests.world import (
    IDENTITIES,
    JOAN_NUMBER,
    RELATIONSHIPS,
    SOURCE_SLUG,
    SURGERY_ODS,
    World,
    make_world,
    signed_in_client,
)

pytestmark = pytest.mark.django_db(transaction=True)

NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
TWICE = f"{IDENTITIES}4,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04,female,TM1 1AA\n"


def patient(key: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": key,
        "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": JOAN_NUMBER}],
        "name": [{"family": "Ferris", "given": ["Joan"]}],
        "gender": "female",
        "birthDate": "1951-05-04",
        **members,
    }


STRANGER = {
    "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": "9990001022"}],
    "name": [{"family": "Quite", "given": ["Another"]}],
    "gender": "male",
    "birthDate": "1990-02-03",
}


def ways(key: str, *, after_s: float) -> dict[str, Said]:
    """Return how the reading of one Patient can go; each is slow by so many seconds."""
    return {
        "answers": Said(body=patient(key), after_s=after_s),
        "unknown": Said(body=outcome(), status=404, after_s=after_s),
        "fails": Said(body=outcome(), status=504, after_s=after_s),
        "refuses": Said(body=outcome(), status=403, after_s=after_s),
        "another's": Said(body=patient(key, **STRANGER), after_s=after_s),
        "silent": Said(body=patient(key), after_s=2.5),
    }


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    served = Hospital(
        answers={
            "metadata": Said(body=statement("AllergyIntolerance", "Condition")),
            "AllergyIntolerance?patient=1": Said(body=bundle(allergy(id="a1"))),
            "AllergyIntolerance?patient=4": Said(body=bundle()),
            "Condition?patient=1": Said(body=bundle()),
            "Condition?patient=4": Said(body=bundle(condition(id="c4", subject={"reference": "Patient/4"}))),
        }
    )
    for key in ("1", "4"):
        served.answers[f"Patient/{key}"] = Said(body=patient(key))
    with running(served):
        yield served


@pytest.fixture
def world(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    made = make_world(base_url=hospital.address)
    _add_clinic()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=TWICE.splitlines(), now=timezone.now())
    yield made
    close_engine()


def _add_clinic() -> None:
    """Add a source that is not in use and by which the clinician may see Joan, whatever the hospital holds."""
    clinic = NewSource(
        slug="the-clinic",
        name="The Clinic",
        kind="fhir_r4",
        base_url="http://127.0.0.1:9/fhir",
        organisation_ods=SURGERY_ODS,
        organisation_name="The Surgery",
    )
    add_source(requester=operator(), source=clinic, check=False)
    lines = IDENTITIES.splitlines()
    load_identities(requester=operator(), source_slug=clinic.slug, lines=lines, now=timezone.now())
    load_relationships(
        requester=operator(), source_slug=clinic.slug, lines=RELATIONSHIPS.splitlines(), now=timezone.now()
    )
    Source.objects.filter(slug=clinic.slug).update(enabled=False)


def ask(world: World) -> UUID:
    return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())


def run(retrieval_id: UUID) -> None:
    engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=5).result()


def show(world: World, retrieval_id: UUID) -> RecordView:
    return view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())


def asked(world: World) -> RecordView:
    retrieval_id = ask(world)
    run(retrieval_id)
    return show(world, retrieval_id)


def hospital_of(view: RecordView) -> SourceStatus:
    (status,) = [status for status in view.sources if status.name != "The Clinic"]
    return status


def ending(view: RecordView) -> tuple[Outcome | None, str]:
    status = hospital_of(view)
    return status.outcome, status.reason


def end_link(identifier: str) -> None:
    links = Link.objects.filter(
        source_record__source__slug=SOURCE_SLUG, source_record__identifier_value=identifier, ended_at__isnull=True
    )
    assert links.update(ended_at=timezone.now()) == 1


def shown(view: RecordView) -> set[RecordCategory]:
    return {section.category for section in view.record.sections if section.entries}


# Two identifiers


PAIRS: list[tuple[str, str, tuple[Outcome, str]]] = [
    ("answers", "answers", (Outcome.ANSWERED, "")),
    ("answers", "unknown", (Outcome.ANSWERED_IN_PART, "identifier")),
    ("answers", "fails", (Outcome.ANSWERED_IN_PART, "identifier")),
    ("answers", "refuses", (Outcome.ANSWERED_IN_PART, "identifier")),
    ("answers", "another's", (Outcome.ANSWERED_IN_PART, "identifier")),
    ("answers", "silent", (Outcome.ANSWERED_IN_PART, "identifier")),
    ("unknown", "unknown", (Outcome.UNKNOWN_PATIENT, "")),
    ("unknown", "fails", (Outcome.UNREACHABLE, "status")),
    ("unknown", "refuses", (Outcome.REFUSED, "credentials")),
    ("unknown", "silent", (Outcome.TIMED_OUT, "")),
    ("fails", "another's", (Outcome.MALFORMED, "wrong-patient")),
    ("refuses", "silent", (Outcome.REFUSED, "credentials")),
]


@pytest.mark.parametrize(("first", "second", "expected"), PAIRS)
def test_a_source_ends_by_the_best_of_both_whichever_is_first(
    world: World, hospital: Hospital, first: str, second: str, expected: tuple[Outcome, str]
) -> None:
    found = set()
    for one, other in permutations((first, second)):
        hospital.answers["Patient/1"] = ways("1", after_s=0.0)[one]
        hospital.answers["Patient/4"] = ways("4", after_s=0.2)[other]
        view = asked(world)
        found.add(ending(view))
        status = hospital_of(view)
        incomplete = [notice.category for notice in status.notices if notice.code == "incomplete"]
        assert incomplete == ([None] if expected[1] == "identifier" else [])
        if "another's" not in (first, second):
            assert not LinkReview.objects.exists()
    assert found == {expected}


def test_the_outcome_of_each_identifier_is_recorded(world: World, hospital: Hospital) -> None:
    hospital.answers["Patient/4"] = ways("4", after_s=0)["unknown"]
    asked(world)
    row = SourceOutcome.objects.get(source__slug=SOURCE_SLUG)
    told = {one["source_record_id"]: (one["outcome"], one["item_count"]) for one in row.by_identifier}
    by_value = {
        str(link.source_record_id): link.source_record.identifier_value
        for link in Link.objects.filter(person_id=world.joan).select_related("source_record")
    }
    assert {by_value[key]: value for key, value in told.items()} == {
        "1": ("answered", 1),
        "4": ("unknown-patient", 0),
    }


def test_an_answer_about_another_is_dropped_alone_and_raised_on_its_own_record(
    world: World, hospital: Hospital
) -> None:
    hospital.answers["Patient/4"] = ways("4", after_s=0)["another's"]
    view = asked(world)
    assert shown(view) == {RecordCategory.ALLERGIES}
    (review,) = LinkReview.objects.all()
    assert review.source_record.identifier_value == "4"


# A number longer than any reader holds: an entry with one is set aside.
UNREADABLE = 10**60


def test_what_each_of_two_replies_warned_of_and_had_set_aside_is_told(world: World, hospital: Hospital) -> None:
    for key, kind, resource in (
        ("1", "AllergyIntolerance", allergy(id="broken1", note=[{"text": "x", "time": UNREADABLE}])),
        ("4", "Condition", condition(id="broken4", subject={"reference": "Patient/4"}, onsetAge={"value": UNREADABLE})),
    ):
        warning = {"resourceType": "OperationOutcome", "issue": [issue(f"Warning {key}")]}
        hospital.answers[f"{kind}?patient={key}"] = Said(body=bundle(resource, warning))
    status = hospital_of(asked(world))
    assert {notice.text for notice in status.notices} >= {"Warning 1", "Warning 4"}
    assert dict(status.quarantined) == {RecordCategory.ALLERGIES: 1, RecordCategory.PROBLEMS: 1}


def issue(diagnostics: str) -> dict[str, str]:
    return {"severity": "warning", "code": "processing", "diagnostics": diagnostics}


def test_one_that_did_not_answer_leaves_allergies_unavailable(world: World, hospital: Hospital) -> None:
    hospital.answers["Patient/1"] = ways("1", after_s=0)["unknown"]
    assert asked(world).allergy_status is AllergyStatus.UNAVAILABLE


# A link that ended


def test_a_link_that_ended_takes_its_items_off_at_the_next_showing(world: World) -> None:
    retrieval_id = ask(world)
    run(retrieval_id)
    assert shown(show(world, retrieval_id)) == {RecordCategory.ALLERGIES, RecordCategory.PROBLEMS}
    end_link("1")
    view = show(world, retrieval_id)
    assert shown(view) == {RecordCategory.PROBLEMS}
    assert ending(view) == (Outcome.ANSWERED, "")
    assert hospital_of(view).item_count == 1


def test_a_source_without_a_link_shows_and_counts_nothing(world: World, hospital: Hospital) -> None:
    hospital.answers["Condition?patient=4"] = Said(body=outcome(), status=400)
    hospital.answers["Condition?patient=1"] = Said(body=bundle({"resourceType": "Condition", "code": 7}))
    retrieval_id = ask(world)
    run(retrieval_id)
    end_link("1")
    end_link("4")
    view = show(world, retrieval_id)
    status = hospital_of(view)
    assert ending(view) == (Outcome.NOT_ASKED, "no-link")
    assert (status.item_count, status.notices, status.quarantined) == (0, (), ())
    assert shown(view) == set()
    assert view.complete


def test_no_door_shows_what_came_under_a_link_that_ended(world: World) -> None:
    retrieval_id = ask(world)
    run(retrieval_id)
    client = signed_in_client("dr.osei")
    page, answer = (client.get(path + str(retrieval_id)) for path in ("/records/", "/fhir/retrievals/"))
    assert "Allergy to penicillin" in page.content.decode()
    assert "AllergyIntolerance" in {entry["resource"]["resourceType"] for entry in answer.json()["entry"]}
    end_link("1")
    end_link("4")
    page, answer = (client.get(path + str(retrieval_id)) for path in ("/records/", "/fhir/retrievals/"))
    assert "Allergy to penicillin" not in page.content.decode()
    assert "Not asked: it is not linked to this patient" in page.content.decode()
    found = {entry["resource"]["resourceType"] for entry in answer.json()["entry"]}
    assert not found & {"AllergyIntolerance", "Condition"}


def test_an_awaited_source_whose_link_ended_is_not_waited_for(world: World) -> None:
    retrieval_id = ask(world)
    end_link("1")
    end_link("4")
    view = show(world, retrieval_id)
    assert ending(view) == (Outcome.NOT_ASKED, "no-link")
    assert view.complete


def test_a_link_that_ended_before_the_asking_began_is_not_asked(world: World, hospital: Hospital) -> None:
    retrieval_id = ask(world)
    end_link("1")
    end_link("4")
    run(retrieval_id)
    row = SourceOutcome.objects.get(source__slug=SOURCE_SLUG)
    assert (row.outcome, row.reason) == ("not-asked", "no-link")
    assert hospital.asked == []


def test_a_failure_under_a_link_that_ended_is_not_held_against_the_other(world: World, hospital: Hospital) -> None:
    hospital.answers["Patient/1"] = ways("1", after_s=0)["fails"]
    retrieval_id = ask(world)
    run(retrieval_id)
    assert ending(show(world, retrieval_id)) == (Outcome.ANSWERED_IN_PART, "identifier")
    end_link("1")
    view = show(world, retrieval_id)
    assert ending(view) == (Outcome.ANSWERED, "")
    assert "incomplete" not in {notice.code for notice in hospital_of(view).notices}


def test_an_identifier_linked_since_was_not_asked_and_that_is_said(world: World) -> None:
    retrieval_id = ask(world)
    run(retrieval_id)
    more = f"{TWICE}5,{JOAN_NUMBER},01,Ferris,Joan,1951-05-04,female,TM1 1AA\n"
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=more.splitlines(), now=timezone.now())
    assert ending(show(world, retrieval_id)) == (Outcome.ANSWERED_IN_PART, "identifier")
