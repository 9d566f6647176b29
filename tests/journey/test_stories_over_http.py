"""Five of the seven stories, through the FHIR door and the pages as a clinician's system would ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.mpi.models import LinkReview
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, verdict
from tests.demonstration import Stories
from tests.door import Visitor, issues, resources

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("logs_hold_nothing_identifying")]


def record_of(clinician: Visitor, story: dict[str, Any]) -> dict[str, Any]:
    (person,) = clinician.find(nhs_number=story["nhs_number"])
    answer = clinician.everything(person)
    assert answer.status == 200, answer.body
    bundle: dict[str, Any] = answer.json()
    return bundle


def page_of(clinician: Visitor, story: dict[str, Any]) -> str:
    """Return the record page once every source has ended."""
    (person,) = clinician.find(nhs_number=story["nhs_number"])
    opened = clinician.open(person)
    assert opened.status == 200
    path = opened.address.removeprefix(clinician.base)
    clinician.everything(person)  # joins what is in flight, and waits for it
    return clinician.get(path).body


def test_an_allergy_stands_beside_no_known_allergies(clinician: Visitor, stories: Stories) -> None:
    page = page_of(clinician, stories.by_slug["allergy-or-none"])
    assert "<strong>Known allergies</strong>" in page
    assert "No known allergies" not in page
    assert "One source says that no allergies are known; another holds an allergy." in page
    assert "2 of 2 sources have answered." in page


def test_allergies_are_unavailable_when_their_holder_is_silent(clinician: Visitor, stories: Stories) -> None:
    story = stories.by_slug["silent-practice"]
    page = page_of(clinician, story)
    assert "<strong>Allergies unavailable</strong>" in page
    assert "No known allergies" not in page
    assert "3 of 4 sources have answered; Ferrygate Medical Centre: did not answer in time." in page
    issue = issues(record_of(clinician, story))["Ferrygate Medical Centre"]
    assert (issue["severity"], issue["code"]) == ("warning", "timeout")


def test_somebody_elses_record_is_not_shown_and_is_raised(clinician: Visitor, stories: Stories) -> None:
    story = stories.by_slug["somebody-else"]
    (other,) = story["others"]
    bundle = record_of(clinician, story)
    assert issues(bundle)["Eskwith General Hospital"]["code"] == "structure"
    text = str(bundle)
    assert other["family"] not in text
    assert other["nhs_number"] not in text
    assert "eskwith-general" not in text
    review = LinkReview.objects.get(reason="answer-about-another")
    assert review.evidence == {"identifier": "differs"}
    assert review.source_record.source.slug == "eskwith-general"


def test_the_practices_warnings_stand_at_what_they_concern(clinician: Visitor, stories: Stories) -> None:
    page = page_of(clinician, stories.by_slug["moved"])
    assert page.count("Patient record transfer from previous GP practice not yet complete") >= 5
    assert "Items excluded due to confidentiality and/or patient preferences." in page
    assert "2 of 2 sources have answered; Ferrygate Medical Centre: answered in part." in page
    assert "<strong>Allergies unavailable</strong>" in page


def test_twins_are_two_people_and_share_nothing(clinician: Visitor, stories: Stories) -> None:
    ella = stories.by_slug["twins"]
    (elle,) = ella["others"]
    found = clinician.find(family=ella["family"], day="21", month="3", year="2009")
    assert len(found) == 2
    bundles = {twin["given"]: record_of(clinician, twin) for twin in (ella, elle)}
    names = {given: resources(bundle, "Patient")[0]["name"][0]["given"] for given, bundle in bundles.items()}
    assert names == {"Ella": ["Ella"], "Elle": ["Elle"]}
    identifiers = {
        given: {
            (one["system"], one["value"])
            for entry in bundle["entry"]
            if entry["search"]["mode"] == "match" and isinstance(entry["resource"].get("identifier"), list)
            for one in entry["resource"]["identifier"]
        }
        for given, bundle in bundles.items()
    }
    assert identifiers["Ella"]
    assert identifiers["Elle"]
    assert not identifiers["Ella"] & identifiers["Elle"]


def test_a_caller_may_come_back_for_the_answer(clinician: Visitor, stories: Stories) -> None:
    (person,) = clinician.find(nhs_number=stories.by_slug["allergy-or-none"]["nhs_number"])
    accepted = clinician.get(f"/fhir/Patient/{person}/$everything", Prefer="respond-async")
    assert accepted.status == 202
    location = accepted.headers["Content-Location"]
    clinician.everything(person)  # joins what is in flight, and waits for it
    assert clinician.get(location).json()["type"] == "searchset"


def test_every_resource_in_an_answer_is_valid_fhir(clinician: Visitor, stories: Stories) -> None:
    bundle = record_of(clinician, stories.by_slug["two-doses"])
    refused = {
        entry["resource"]["resourceType"]: found.flaws
        for entry in bundle["entry"]
        if isinstance(found := verdict(entry=json.dumps(entry["resource"]).encode(), release=Release.R4), RefusedEntry)
    }
    assert refused == {}


def test_every_reference_in_an_answer_leads_somewhere(clinician: Visitor, stories: Stories) -> None:
    bundle = record_of(clinician, stories.by_slug["two-doses"])
    there = {f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in bundle["entry"]}
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses))
    assert set(_references(bundle)) <= there
    assert len(_references(bundle)) > 100
    assert bundle["total"] == sum(entry["search"]["mode"] == "match" for entry in bundle["entry"])


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [reference for one in value for reference in _references(one)]
    if not isinstance(value, dict):
        return []
    own = value.get("reference")
    below = [reference for one in value.values() for reference in _references(one)]
    return [own, *below] if isinstance(own, str) and not own.startswith("#") else below
