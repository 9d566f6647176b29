"""A showing becomes a searchset: nothing dangles, nothing is rounded, and what is missing is said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from aggregator.api.fhir.patient_resource import patient_resource
from aggregator.api.fhir.rendering import FhirRenderer
from aggregator.api.fhir.searchset import everything
from aggregator.mpi.death import DeathClaim
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.record import merge
from aggregator.record.completeness.claims import SourceStatus, allergy_status
from aggregator.record.item import Item
from aggregator.services.view_record import RecordView
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from fhir_data.flaws import Flaw, FlawReason

BASE = "https://record.example/fhir"
NORTH, SOUTH = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PERSON = UUID("33333333-3333-4333-8333-333333333333")
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def item(
    resource: str,
    *,
    number: int,
    source: str = NORTH,
    category: RecordCategory = RecordCategory.RESULTS,
    subject_references: tuple[str, ...] = ("Patient/9",),
) -> Item:
    return Item(
        id=f"{number:032x}",
        source_id=source,
        category=category,
        resource=resource.encode(),
        subject_references=subject_references,
    )


def status(source: str, name: str, outcome: Outcome, **more: Any) -> SourceStatus:
    return SourceStatus(
        source_id=source,
        name=name,
        organisation=name,
        kind="fhir_r4",
        holds=CLINICAL_CATEGORIES,
        outcome=outcome,
        answered_at=NOW,
        **more,
    )


FERRIS = PersonSummary(
    person_id=PERSON, golden=GoldenRecord(family="Ferris", given="Joan", birth_date=date(1951, 5, 4))
)


def rendered(
    *items: Item, statuses: tuple[SourceStatus, ...] = (), withheld: bool = False, person: PersonSummary = FERRIS
) -> bytes:
    view = view_of(*items, statuses=statuses, withheld=withheld, person=person)
    return FhirRenderer().render(everything(view=view, base=BASE))


def view_of(
    *items: Item, statuses: tuple[SourceStatus, ...] = (), withheld: bool = False, person: PersonSummary = FERRIS
) -> RecordView:
    record = merge.merge(items=items)
    return RecordView(
        retrieval_id=UUID(int=7),
        person=person,
        asked_at=NOW,
        deadline_at=NOW,
        complete=True,
        sources=statuses,
        record=record,
        allergy_status=allergy_status(record=record, statuses=statuses, withheld=withheld),
        withheld=withheld,
        shown_at=NOW,
    )


def searchset(*items: Item, **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(rendered(*items, **options))
    return made


def resource_of(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]
    return dict(found)


POTASSIUM = (
    '{"resourceType":"Observation","id":"o1","status":"final","subject":{"reference":"Patient/9"},'
    '"performer":[{"reference":"Practitioner/d"},{"reference":"Organization/gone","display":"The lab"}],'
    '"code":{"text":"Potassium"},"valueQuantity":{"value":4.10,"unit":"mmol/L"},"contained":[{"resourceType":'
    '"Specimen","id":"s"}],"specimen":{"reference":"#s"}}'
)
DOCTOR = '{"resourceType":"Practitioner","id":"d","name":[{"family":"Low"}]}'


def test_a_decimal_keeps_the_digits_that_it_was_sent_with() -> None:
    record = merge.merge(items=[item(POTASSIUM, number=1)])
    assert record.sections[0].entries[0].details[0] == ("Value", "4.10 mmol/L")
    assert FhirRenderer().render({"value": Decimal("4.10")}) == b'{"value":4.10}'
    assert b'"valueQuantity":{"value":4.10,"unit":"mmol/L"}' in rendered(item(POTASSIUM, number=1))


def test_references_lead_to_what_is_in_the_answer_or_become_logical() -> None:
    bundle = searchset(item(POTASSIUM, number=1), item(DOCTOR, number=2, category=RecordCategory.SUPPORTING))
    observation = resource_of(bundle, "Observation")
    assert observation["subject"] == {"reference": f"Patient/{PERSON}"}
    known, gone = observation["performer"]
    assert known == {"reference": f"Practitioner/{2:032x}"}
    assert gone == {"display": "The lab", "identifier": {"system": f"urn:uuid:{NORTH}", "value": "Organization/gone"}}
    assert observation["specimen"] == {"reference": "#s"}
    assert observation["id"] == f"{1:032x}"
    assert observation["meta"]["source"] == f"urn:uuid:{NORTH}"


@pytest.mark.parametrize("performer", ["Patient/8", "https://elsewhere.example/fhir/Patient/9", "Patient/9/more"])
def test_only_a_reference_that_was_found_to_mean_the_patient_comes_to_mean_ours(performer: str) -> None:
    told = json.loads(POTASSIUM)
    told["performer"] = [{"reference": performer}, {"reference": "Patient/9"}]
    made = resource_of(searchset(item(json.dumps(told), number=1)), "Observation")
    other, ours = made["performer"]
    assert other == {"identifier": {"system": f"urn:uuid:{NORTH}", "value": performer}}
    assert ours == made["subject"] == {"reference": f"Patient/{PERSON}"}
    unresolved = resource_of(searchset(item(POTASSIUM, number=1, subject_references=())), "Observation")
    assert "reference" not in unresolved["subject"]


def test_an_organisation_without_name_or_identifier_is_named_by_a_logical_reference() -> None:
    nobody = '{"resourceType":"Organization","id":"gone","active":true}'
    bundle = searchset(item(POTASSIUM, number=1), item(nobody, number=2, category=RecordCategory.SUPPORTING))
    assert "Organization" not in {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    _, gone = resource_of(bundle, "Observation")["performer"]
    assert gone["identifier"] == {"system": f"urn:uuid:{NORTH}", "value": "Organization/gone"}


def test_a_reference_counts_within_its_own_source_only() -> None:
    bundle = searchset(
        item(POTASSIUM, number=1), item(DOCTOR, number=2, source=SOUTH, category=RecordCategory.SUPPORTING)
    )
    assert "reference" not in resource_of(bundle, "Observation")["performer"][0]


def test_entries_that_say_the_same_carry_the_same_tag() -> None:
    asthma = (
        '{"resourceType":"Condition","id":"%s","subject":{"reference":"Patient/1"},"onsetDateTime":"2011-03-04",'
        '"code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}]}}'
    )
    bundle = searchset(
        item(asthma % "a", number=1, category=RecordCategory.PROBLEMS),
        item(asthma % "b", number=2, source=SOUTH, category=RecordCategory.PROBLEMS),
    )
    tags = [
        entry["resource"]["meta"]["tag"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Condition"
    ]
    assert len(tags) == 2
    assert tags[0] == tags[1]
    assert bundle["total"] == 3


def test_each_source_has_an_issue_of_its_own() -> None:
    bundle = searchset(
        statuses=(
            status(NORTH, "North", Outcome.ANSWERED),
            status(SOUTH, "South", Outcome.TIMED_OUT),
            status(
                "44444444-4444-4444-8444-444444444444",
                "West",
                Outcome.ANSWERED,
                notices=(Notice(code=NoticeCode.CONFIDENTIAL_ITEMS, text="Items excluded."),),
            ),
        ),
        withheld=True,
    )
    issues = resource_of(bundle, "OperationOutcome")["issue"]
    assert [(issue["severity"], issue["code"], issue["diagnostics"]) for issue in issues] == [
        ("information", "informational", "North: Answered."),
        ("warning", "timeout", "South: Did not answer in time."),
        ("warning", "incomplete", "West: Answered in part. Items excluded."),
        ("warning", "suppressed", "Some information is not shown because of confidentiality."),
    ]


def test_a_person_whom_no_source_holds_is_not_read_as_healthy() -> None:
    (issue,) = resource_of(searchset(), "OperationOutcome")["issue"]
    assert (issue["severity"], issue["code"], issue["diagnostics"]) == (
        "warning",
        "incomplete",
        "No source is known to hold a record of this patient that you may see.",
    )


def test_a_reason_that_has_an_issue_code_of_its_own_is_told_by_it() -> None:
    reason = next(reason for reason in Reason if reason.issue_code != reason.outcome.issue_code)
    bundle = searchset(statuses=(status(NORTH, "North", reason.outcome, reason=reason),))
    (issue,) = resource_of(bundle, "OperationOutcome")["issue"]
    assert issue["code"] == reason.issue_code
    assert reason.words in issue["diagnostics"]


@pytest.mark.parametrize(
    ("golden", "said"),
    [
        (GoldenRecord(), {}),
        (GoldenRecord(deceased=False), {"deceasedBoolean": False}),
        (GoldenRecord(deceased=True), {"deceasedBoolean": True}),
        (GoldenRecord(deceased=True, death_date="1948"), {"deceasedDateTime": "1948"}),
        (GoldenRecord(deceased=True, death_date="1948-03-01T10:00"), {"deceasedDateTime": "1948-03-01"}),
        (GoldenRecord(deceased=True, death_date="last spring"), {"deceasedBoolean": True}),
    ],
)
def test_a_death_is_told_by_its_date_where_there_is_one(golden: GoldenRecord, said: dict[str, Any]) -> None:
    patient = patient_resource(person=PersonSummary(person_id=PERSON, golden=golden))
    assert {name: value for name, value in patient.items() if name.startswith("deceased")} == said


def test_what_casts_doubt_on_the_person_is_told_beside_the_sources() -> None:
    claims = (
        DeathClaim(source_name="North", deceased=True, death_date="1948"),
        DeathClaim(source_name="South", deceased=False),
    )
    person = PersonSummary(person_id=PERSON, golden=GoldenRecord(), death_claims=claims, shares_number=True)
    told = searchset(person=person)["entry"][-1]["resource"]["issue"]
    assert [(one["severity"], one["code"]) for one in told] == [
        ("warning", "incomplete"),
        ("warning", "business-rule"),
        ("warning", "multiple-matches"),
    ]
    assert (
        told[1]["diagnostics"]
        == "Sources disagree about this patient's death: North: died 1948; South: recorded as alive."
    )
    assert told[2]["diagnostics"] == "This NHS number is also on another person's record: check the other identifiers."


# The person


def test_the_patient_tells_all_that_is_believed_of_the_person() -> None:
    golden = GoldenRecord(
        nhs_number="9990001006",
        nhs_number_is_verified=True,
        family="Ferris",
        given="Joan Mary",
        birth_date=date(1951, 5, 4),
        sex="female",
        postcode="TM1 1AA",
        address_line="4 Mill Lane",
        phone="01632 960001",
    )
    patient = patient_resource(person=PersonSummary(person_id=PERSON, golden=golden))
    (identifier,) = patient.pop("identifier")
    (extension,) = identifier.pop("extension")
    (coding,) = extension["valueCodeableConcept"]["coding"]
    assert (coding["code"], coding["display"]) == ("01", "Number present and verified")
    assert identifier == {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990001006"}
    assert patient == {
        "resourceType": "Patient",
        "id": str(PERSON),
        "name": [{"use": "official", "family": "Ferris", "given": ["Joan", "Mary"]}],
        "gender": "female",
        "birthDate": "1951-05-04",
        "address": [{"use": "home", "line": ["4 Mill Lane"], "postalCode": "TM1 1AA"}],
        "telecom": [{"system": "phone", "value": "01632 960001"}],
    }


def test_a_number_that_was_not_traced_says_so() -> None:
    golden = GoldenRecord(nhs_number="9990001006")
    (identifier,) = patient_resource(person=PersonSummary(person_id=PERSON, golden=golden))["identifier"]
    (coding,) = identifier["extension"][0]["valueCodeableConcept"]["coding"]
    assert (coding["code"], coding["display"]) == ("02", "Number present but not traced")


def test_what_is_not_known_of_the_person_is_left_out() -> None:
    golden = GoldenRecord(postcode="TM1 1AA", sex="indeterminate")
    assert patient_resource(person=PersonSummary(person_id=PERSON, golden=golden)) == {
        "resourceType": "Patient",
        "id": str(PERSON),
        "address": [{"use": "home", "postalCode": "TM1 1AA"}],
    }


# The bundle


ROLE = '{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/d"}}'
NOTED = (
    '{"resourceType":"Observation","status":"final","code":{"text":"Pulse"},"performer":[{"reference":'
    '"PractitionerRole/r"}],"meta":{"profile":["https://p.example"],"tag":[{"code":"own"}],"source":"theirs"}}'
)


def noted_by_a_role() -> tuple[Item, Item, Item]:
    supporting = RecordCategory.SUPPORTING
    return (
        item(NOTED, number=1),
        item(ROLE, number=2, category=supporting),
        item(DOCTOR, number=3, category=supporting),
    )


def test_every_resource_has_its_address_and_says_why_it_is_there() -> None:
    bundle = searchset(*noted_by_a_role(), statuses=(status(NORTH, "North", Outcome.ANSWERED),))
    modes: dict[str, set[str]] = {}
    for entry in bundle["entry"][:-1]:
        resource = entry["resource"]
        assert entry["fullUrl"] == f"{BASE}/{resource['resourceType']}/{resource['id']}"
        modes.setdefault(entry["search"]["mode"], set()).add(resource["resourceType"])
    assert modes == {
        "match": {"Patient", "Observation"},
        "include": {"PractitionerRole", "Practitioner", "Provenance"},
    }
    assert resource_of(bundle, "PractitionerRole")["practitioner"] == {"reference": f"Practitioner/{3:032x}"}
    assert "tag" not in resource_of(bundle, "PractitionerRole")["meta"]


def test_a_resource_keeps_its_own_profile_and_tags_beside_ours() -> None:
    meta = resource_of(searchset(*noted_by_a_role()), "Observation")["meta"]
    own, ours = meta["tag"]
    assert own == {"code": "own"}
    assert ours["system"] == f"{BASE}/entry"
    assert (meta["profile"], meta["source"]) == (["https://p.example"], f"urn:uuid:{NORTH}")


@pytest.mark.parametrize(
    "organisation",
    [
        '{"resourceType":"Organization","id":"gone","name":"The lab"}',
        '{"resourceType":"Organization","id":"gone","identifier":[{"value":"X1"}]}',
    ],
)
def test_an_organisation_with_a_name_or_an_identifier_is_in_the_answer(organisation: str) -> None:
    bundle = searchset(item(POTASSIUM, number=1), item(organisation, number=2, category=RecordCategory.SUPPORTING))
    assert resource_of(bundle, "Observation")["performer"][1]["reference"] == f"Organization/{2:032x}"


def test_what_supports_a_resource_needs_no_name() -> None:
    sampled = json.dumps({**json.loads(POTASSIUM), "contained": [], "specimen": {"reference": "Specimen/s"}})
    specimen = item('{"resourceType":"Specimen","id":"s"}', number=2, category=RecordCategory.SUPPORTING)
    bundle = searchset(item(sampled, number=1), specimen)
    assert resource_of(bundle, "Observation")["specimen"] == {"reference": f"Specimen/{2:032x}"}


def test_each_source_that_gave_something_answers_for_its_own_resources() -> None:
    west, east = "44444444-4444-4444-8444-444444444444", "55555555-5555-4555-8555-555555555555"
    bundle = searchset(
        item(POTASSIUM, number=1),
        item(POTASSIUM, number=2, source=SOUTH),
        item(POTASSIUM, number=3, source=east),
        statuses=(
            status(west, "West", Outcome.EMPTY),
            replace(status(east, "East", Outcome.ANSWERED), answered_at=None),
            status(NORTH, "North", Outcome.ANSWERED),
            status(SOUTH, "South", Outcome.ANSWERED),
        ),
    )
    provenances = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Provenance"]
    assert [
        (provenance["agent"][0]["who"]["display"], provenance["target"], provenance["recorded"])
        for provenance in provenances
    ] == [
        ("North", [{"reference": f"Observation/{1:032x}"}], NOW.isoformat()),
        ("South", [{"reference": f"Observation/{2:032x}"}], NOW.isoformat()),
    ]
    assert len({UUID(provenance["id"]) for provenance in provenances}) == 2


def test_what_is_not_as_the_standard_says_is_given_as_sent_with_a_tag_for_each_flaw() -> None:
    resource = POTASSIUM.replace('"status":"final"', '"status":["final"],"meta":{"tag":null}')
    flaw = Flaw(path="status", reason=FlawReason.LIST_FOR_ONE)
    flawed = structs.replace(item(resource, number=1), flaws=(flaw,), at_fault=("status",))
    made = searchset(flawed, statuses=(status(NORTH, "North Hospital", Outcome.ANSWERED),))
    sent = resource_of(made, "Observation")
    assert sent["status"] == ["final"]
    tags = [tag for tag in sent["meta"]["tag"] if tag["system"].endswith("/flaw")]
    assert [(tag["code"], tag["display"]) for tag in tags] == [("list-for-one", flaw.words)]
    issues = [issue["diagnostics"] for issue in resource_of(made, "OperationOutcome")["issue"]]
    assert any("1 resource is not as the standard says" in words for words in issues)


def test_where_a_restricted_patient_lives_is_told_to_no_caller() -> None:
    person = replace(FERRIS, golden=replace(FERRIS.golden, address_line="1 High Street", postcode="TM1 1AA", phone="1"))
    told = replace(view_of(person=person), patient_details=())
    assert "address" in everything(view=told, base=BASE)["entry"][0]["resource"]
    hidden = everything(view=replace(told, is_whereabouts_restricted=True), base=BASE)["entry"][0]["resource"]
    assert {"address", "telecom"}.isdisjoint(hidden)


def test_an_address_of_what_is_in_the_answer_leads_to_it_here() -> None:
    letter = item(
        '{"resourceType":"DocumentReference","id":"d","content":[{"attachment":{"contentType":"text/plain","url":"Binary/b"}}'
        ',{"attachment":{"contentType":"text/plain","url":"Binary/elsewhere"}}],'
        '"extension":[{"url":"http://example.org/link","valueUri":"Binary/b"}]}',
        number=1,
    )
    binary = item('{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGk="}', number=2)
    sent = resource_of(searchset(letter, binary), "DocumentReference")
    here = f"{BASE}/Binary/{2:032x}"
    assert [content["attachment"]["url"] for content in sent["content"]] == [here, "Binary/elsewhere"]
    assert sent["extension"] == [{"url": "http://example.org/link", "valueUri": here}]


def test_an_identifier_that_a_source_gives_with_a_reference_is_kept() -> None:
    gp = {"system": "https://fhir.hl7.org.uk/Id/gmp-number", "value": "G1"}
    noted = item(
        json.dumps(
            {"resourceType": "Observation", "id": "o", "performer": [{"reference": "Practitioner/9", "identifier": gp}]}
        ),
        number=1,
    )
    assert resource_of(searchset(noted), "Observation")["performer"] == [{"identifier": gp}]


def test_a_remark_of_a_source_is_told_and_is_no_warning() -> None:
    remark = Notice(code=NoticeCode.REMARK, text="Search took 12 ms.")
    bundle = searchset(statuses=(status("north", "North", Outcome.ANSWERED, notices=(remark,)),))
    (issue,) = resource_of(bundle, "OperationOutcome")["issue"]
    assert (issue["severity"], issue["code"]) == ("information", "informational")
    assert issue["diagnostics"] == "North: Answered. Search took 12 ms."
