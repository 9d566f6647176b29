"""The region is what its README says: the same each time, plausible, and with its stories in it."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import nhs_number
import pytest

from simulator.organisations import BY_SLUG, SOURCES
from simulator.people import Person, crowd, written_down
from simulator.region import write_region
from tests.unit.simulator.served import record, region_description, region_folder, story

DAY = date(2026, 11, 20)
PENICILLIN, NONE_KNOWN, DIABETES = "91936005", "716186003", "44054006"
PENICILLIN_SUBSTANCE, METFORMIN = "764146007", "325278007"


def rows(source: str, name: str) -> list[dict[str, str]]:
    with (region_folder() / source / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def codes(resources: list[dict[str, Any]], kind: str) -> set[str]:
    return {
        str(coding["code"])
        for resource in resources
        if resource["resourceType"] == kind
        for coding in resource["code"].get("coding", ())
    }


def digest(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_and_day_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_region(folder=tmp_path / name, seed=11, people=12, today=DAY)
    assert digest(tmp_path / "one") == digest(tmp_path / "other")


def test_another_seed_gives_other_people_but_the_same_stories(tmp_path: Path) -> None:
    assert crowd(seed=1, count=20) != crowd(seed=2, count=20)
    write_region(folder=tmp_path, seed=99, people=1, today=DAY)
    other = (tmp_path / "region.json").read_text(encoding="utf-8")
    assert all(one["nhs_number"] in other for one in region_description()["stories"])


def test_a_person_does_not_change_because_another_was_added() -> None:
    assert crowd(seed=7, count=40)[:20] == crowd(seed=7, count=20)


@pytest.fixture(scope="module")
def people() -> tuple[Person, ...]:
    return crowd(seed=7, count=300)


def test_every_nhs_number_is_valid_distinct_and_of_the_test_range(people: tuple[Person, ...]) -> None:
    numbers = [person.truth.nhs_number for person in people]
    assert len(set(numbers)) == len(numbers)
    assert all(nhs_number.is_valid(number) and number.startswith("999") for number in numbers)


def test_most_people_have_a_practice_and_one_to_four_other_sources(people: tuple[Person, ...]) -> None:
    practices = Counter(sum(BY_SLUG[slug].care == "gp" for slug in person.known_to) for person in people)
    others = Counter(sum(BY_SLUG[slug].care != "gp" for slug in person.known_to) for person in people)
    assert set(practices) == {0, 1}
    assert practices[1] > 250
    assert 5 < practices[0] < 50
    assert set(others) == {1, 2, 3, 4}


def test_some_numbers_are_missing_unverified_or_wrong_at_a_source(people: tuple[Person, ...]) -> None:
    told = [
        written_down(person=person, source=source, seed=7)
        for person in people
        for source in SOURCES
        if source.slug in person.known_to
    ]
    statuses = Counter(one.nhs_number_status for one in told)
    wrong = [one for one in told if one.nhs_number and not nhs_number.is_valid(one.nhs_number)]
    assert statuses["01"] > 600
    assert all(statuses[status] for status in ("", "02", "03"))
    assert wrong
    assert all(one.nhs_number_status != "01" for one in wrong)


def test_local_identifiers_are_distinct_within_a_source(people: tuple[Person, ...]) -> None:
    for source in SOURCES:
        held = [person.known_to[source.slug] for person in people if source.slug in person.known_to]
        assert len(set(held)) == len(held)


@pytest.mark.parametrize("source", [source.slug for source in SOURCES])
def test_identities_relationships_and_records_speak_of_the_same_people(source: str) -> None:
    held = {row["local_id"] for row in rows(source, "identities.csv")}
    related = {row["local_id"] for row in rows(source, "relationships.csv")}
    files = {path.stem for path in (region_folder() / source / "records").glob("*.json")}
    assert held == related == files


@pytest.mark.parametrize("source", [source.slug for source in SOURCES])
def test_an_identity_is_what_the_record_says(source: str) -> None:
    for row in rows(source, "identities.csv")[:8]:
        patient = next(r for r in record(source, row["local_id"]) if r["resourceType"] == "Patient")
        assert patient["name"][0]["family"] == row["family"]
        assert patient["birthDate"] == row["birth_date"]


def test_relationships_are_registered_at_practices_and_attended_elsewhere() -> None:
    kinds = {source.care: {row["kind"] for row in rows(source.slug, "relationships.csv")} for source in SOURCES}
    assert kinds == {"gp": {"registered"}, "acute": {"attended"}, "community": {"attended"}, "mental": {"attended"}}


def test_a_laboratory_report_is_held_by_a_practice_and_a_hospital_under_one_number() -> None:
    def numbers(care: str) -> set[str]:
        return {
            identifier["value"]
            for source in SOURCES
            if source.care == care
            for path in (region_folder() / source.slug / "records").glob("*.json")
            for resource in record(source.slug, path.stem)
            if resource["resourceType"] == "DiagnosticReport"
            for identifier in resource["identifier"]
            if "pathology" in identifier["system"]
        }

    assert len(numbers("gp") & numbers("acute")) > 20


def test_values_keep_their_trailing_zeros() -> None:
    texts = [path.read_bytes() for path in (region_folder() / "thornmere-royal" / "records").glob("*.json")]
    assert any(b'0,"unit":"10^9/L"' in text and b"." in text for text in texts)


def test_two_doses_is_known_to_five_sources_four_of_which_answer_with_the_illness() -> None:
    told = story("two-doses")
    assert len(told["sources"]) == 5
    assert told["faults"] == {"larkbeck-mental-health": "hang"}
    answering = [(slug, ident) for slug, ident in told["sources"].items() if slug not in told["faults"]]
    assert all(DIABETES in codes(record(slug, ident), "Condition") for slug, ident in answering)
    doses = " ".join(str(record(slug, ident)) for slug, ident in answering)
    assert METFORMIN in doses
    assert "500 mg oral twice a day" in doses
    assert "1000 mg oral twice a day" in doses
    assert "One To Be Taken Twice A Day" in doses


def test_allergy_or_none_has_both_sides() -> None:
    sources = story("allergy-or-none")["sources"]
    assert codes(record("millbeck-surgery", sources["millbeck-surgery"]), "AllergyIntolerance") >= {PENICILLIN}
    assert codes(record("thornmere-royal", sources["thornmere-royal"]), "AllergyIntolerance") == {NONE_KNOWN}


def test_silent_practice_alone_holds_the_allergy() -> None:
    told = story("silent-practice")
    assert told["faults"] == {"ferrygate-medical": "hang"}
    for slug, ident in told["sources"].items():
        held = codes(record(slug, ident), "AllergyIntolerance")
        assert (PENICILLIN in held) == (slug == "ferrygate-medical")
        assert held <= {PENICILLIN, NONE_KNOWN} | ({"14L1.00"} if slug == "ferrygate-medical" else set())


def test_somebody_else_differs_in_number_name_and_birth_date() -> None:
    told = story("somebody-else")
    other = told["others"][0]
    assert all(told[field] != other[field] for field in ("nhs_number", "family", "given", "birth_date"))
    faults = (region_folder() / "eskwith-general" / "faults.json").read_text(encoding="utf-8")
    assert told["sources"]["eskwith-general"] in faults
    assert other["sources"]["eskwith-general"] in faults


def test_moved_has_both_warnings_on_every_primary_list() -> None:
    told = story("moved")
    lists = [
        resource
        for resource in record("ferrygate-medical", told["sources"]["ferrygate-medical"])
        if resource["resourceType"] == "List" and "encounter" not in resource
    ]
    assert len(lists) >= 10
    for listed in lists:
        warned = {e["valueCode"] for e in listed["extension"] if "valueCode" in e}
        assert warned == {"data-in-transit", "confidential-items"}
        assert "Patient record transfer from previous GP practice not yet complete" in listed["note"][0]["text"]


def test_twins_share_all_but_one_letter_and_the_number() -> None:
    told = story("twins")
    twin = told["others"][0]
    assert all(told[field] == twin[field] for field in ("family", "birth_date", "gender", "postcode"))
    assert set(told["sources"]) == set(twin["sources"])
    assert sum(a != b for a, b in zip(told["given"], twin["given"], strict=True)) == 1
    assert told["nhs_number"] != twin["nhs_number"]


def test_opted_out_alone_is_marked() -> None:
    assert [one["slug"] for one in region_description()["stories"] if one["opt_out"]] == ["opted-out"]


def test_the_stories_keep_their_numbers_and_say_what_to_look_for() -> None:
    stories = region_description()["stories"]
    assert len(stories) == 7
    assert all(one["title"] and one["look_for"] and one["nhs_number"].startswith("9990000") for one in stories)
