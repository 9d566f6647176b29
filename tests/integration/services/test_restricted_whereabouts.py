"""Where a patient lives, which a source restricts, is told by no search, and on no record while it is silent."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.api.fhir.searchset import everything
from aggregator.mpi.models import LinkReview, Person, SourceRecord
from aggregator.services.find_person import find_person
from aggregator.services.load_identities import load_identities
from aggregator.services.read_review import read_review
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review
from aggregator.services.view_record import RecordView
from tests.factories import allergy
from tests.one_hospital import Hospital, add_clinic, hospital, load, opened, world
from tests.world import IDENTITIES, JOAN_NUMBER, SOURCE_SLUG, World, signed_in_client

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

WITHHELD = "withheld: whereabouts restricted"
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
POSTCODE = "TM1 1AA"


def found(world: World) -> str:
    """Return the postcode that a search shows, having looked at the page of it, too."""
    (person,) = find_person(requester=world.clinician, now=timezone.now(), nhs_number=JOAN_NUMBER).people
    page = signed_in_client("dr.osei").post("/", {"nhs_number": JOAN_NUMBER}).content.decode()
    assert (POSTCODE in page) == bool(person.golden.postcode)
    assert ("not shown: a source marks this as restricted" in page) == (not person.golden.postcode)
    return person.golden.postcode


def load_restricted(word: str, *changes: tuple[str, str]) -> None:
    """Load the practice's people again, with what its file says of Joan's whereabouts."""
    lines = IDENTITIES.replace("postcode\n", "postcode,restricted\n").replace("TM1 1AA\n", f"TM1 1AA,{word}\n")
    for before, after in changes:
        lines = lines.replace(before, after)
    loaded = load_identities(
        requester=operator(), source_slug=SOURCE_SLUG, lines=lines.splitlines(), now=timezone.now()
    )
    assert loaded.rejected == ()


def test_what_one_answer_restricts_no_search_shows_and_no_record_on_which_it_is_silent(
    world: World, hospital: Hospital
) -> None:
    assert found(world) == POSTCODE
    hospital.patients["1"]["meta"] = {"security": [RESTRICTED]}
    opened(world)
    assert found(world) == ""
    SourceRecord.objects.update(updated_at=timezone.now())
    hospital.patients.clear()
    silent = opened(world)
    assert silent.is_whereabouts_restricted
    assert POSTCODE not in str(silent)
    assert POSTCODE not in str(everything(view=silent, base="https://x.example"))


def test_an_answer_that_is_not_marked_any_more_lifts_what_answers_said_and_not_what_a_file_said(
    world: World, hospital: Hospital
) -> None:
    hospital.patients["1"]["meta"] = {"security": [RESTRICTED]}
    opened(world)
    del hospital.patients["1"]["meta"]
    opened(world)
    assert found(world) == POSTCODE
    load_restricted("yes")
    opened(world)
    assert found(world) == ""


def test_a_file_restricts_and_says_nothing_and_lifts(world: World) -> None:
    load_restricted("yes")
    assert found(world) == ""
    load_restricted("")
    assert found(world) == ""
    load_restricted("No")
    assert found(world) == POSTCODE


def test_another_source_that_says_no_does_not_lift_it(world: World, hospital: Hospital) -> None:
    add_clinic(hospital.base)
    load(("postcode\n", "postcode,restricted\n"), ("TM1 1AA\n", "TM1 1AA,yes\n"), source="clinic")
    load_restricted("no")
    assert Person.objects.get(id=world.joan).is_whereabouts_restricted


def test_it_holds_at_once_where_all_else_waits_for_review_and_whatever_is_taken_back(world: World) -> None:
    load_restricted("", ("Ferris,Joan,1951-05-04", "Okoro,Ada,1980-01-01"))
    review_id = LinkReview.objects.get().id
    settle_review(
        requester=world.administrator, review_id=review_id, decision="take-new-values", note="So.", now=timezone.now()
    )
    load_restricted("yes", ("Ferris,Joan,1951-05-04", "Okoro,Ada,1980-01-01"))
    take_back_review(requester=world.administrator, review_id=review_id, now=timezone.now())
    assert Person.objects.get(id=world.joan).is_whereabouts_restricted
    load_restricted("")
    assert Person.objects.get(id=world.joan).is_whereabouts_restricted


def pages_of_entries(view: RecordView) -> str:
    clinician = signed_in_client("dr.osei")
    pages = [clinician.get(f"/records/{view.retrieval_id}/entries/{key}") for key in view.record.entries]
    assert {page.status_code for page in pages} == {200}
    return "".join(page.content.decode() for page in pages)


def test_an_entry_tells_neither_page_nor_caller_where_one_lives_who_must_not_be_found(
    world: World, hospital: Hospital
) -> None:
    home = {"line": ["4 Mill Lane"], "postalCode": POSTCODE}
    mother = {"resourceType": "RelatedPerson", "id": "m", "address": [home]}
    hospital.beside = [allergy(id="b", contained=[mother], asserter={"reference": "#m"})]
    told = opened(world)
    assert "4 Mill Lane" in str(everything(view=told, base="https://x.example"))
    assert "4 Mill Lane" in pages_of_entries(told)
    load_restricted("yes")
    restricted = opened(world)
    answer = everything(view=restricted, base="https://x.example")
    assert {"AllergyIntolerance"} < {entry["resource"]["resourceType"] for entry in answer["entry"]}
    shown = (str(restricted), str(answer), pages_of_entries(restricted))
    assert not any(said in text for said in ("4 Mill Lane", POSTCODE) for text in shown)
    issues = answer["entry"][-1]["resource"]["issue"]
    assert ["may tell it" in issue["diagnostics"] for issue in issues if issue["code"] == "suppressed"] == [True]


def test_a_word_that_is_neither_yes_nor_no_is_refused(world: World) -> None:
    lines = ["local_id,restricted", "1,R"]
    loaded = load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    assert [line.reason for line in loaded.rejected] == ["restricted is neither yes nor no"]


MARRIED = ("Ferris,Joan,1951-05-04", "Okoro,Ada,1951-05-04")
DETAILS = ("postcode\n", "postcode,address_line,phone\n"), ("TM1 1AA\n", "TM1 1AA,4 Mill Lane,01632960001\n")
MOVED = ("TM1 1AA,4 Mill Lane,01632960001\n", "TM9 9ZZ,1 Kiln Road,01632960001\n")
TOLD = ("TM1 1AA", "TM9 9ZZ", "4 Mill Lane", "1 Kiln Road", "01632960001")


def doubt_shown() -> dict[str, tuple[str, ...]]:
    """Return what the page of the only doubt, and the command, show of where its people live."""
    review_id = LinkReview.objects.get().id
    page = signed_in_client("ms.lane").get(f"/reviews/{review_id}").content.decode()
    out = StringIO()
    call_command("review_links", "show", str(review_id), "--json", stdout=out)
    rows = {row["field"]: tuple(row["values"]) for row in json.loads(out.getvalue())["fields"]}
    for said in (TOLD[0], TOLD[2], TOLD[4]):
        assert (said in page) == (said in out.getvalue()) == any(said in values for values in rows.values())
    assert (WITHHELD in page) == (WITHHELD in out.getvalue())
    return {label: rows[label] for label in ("Postcode", "Address", "Telephone")}


def test_a_doubt_about_one_whose_whereabouts_are_restricted_says_only_whether_they_agree(world: World) -> None:
    load(*DETAILS)
    load(*DETAILS, MOVED, MARRIED)
    assert doubt_shown()["Postcode"] == ("TM9 9ZZ", "TM1 1AA")
    # By the answer of a source, which may be any of those of that person.
    SourceRecord.objects.filter(identifier_value="1").update(answer_restricts=True)
    assert set(doubt_shown().values()) == {(WITHHELD, WITHHELD)}
    view = read_review(requester=operator(), review_id=LinkReview.objects.get().id)
    assert {row.label: row.differs for row in view.rows if WITHHELD in row.values} == {
        "Postcode": True,
        "Address": True,
        "Telephone": False,
    }
    assert not any(said in str(view) for said in TOLD)


def test_what_a_source_restricts_of_one_of_two_people_no_side_of_a_doubt_tells(
    world: World, hospital: Hospital
) -> None:
    add_clinic(hospital.base)
    load(*DETAILS, (f"1,{JOAN_NUMBER},01", f"7,{JOAN_NUMBER},02"), source="clinic")
    load(*DETAILS)
    assert "TM1 1AA" in doubt_shown()["Postcode"]
    Person.objects.filter(id=world.joan).update(is_whereabouts_restricted=True)
    assert set(doubt_shown().values()) == {(WITHHELD, WITHHELD)}
