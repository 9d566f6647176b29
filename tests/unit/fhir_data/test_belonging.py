"""Whose each entry of one answer is: what is found, in which member, and on which references it rests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from fhir_data.belonging import Belonging, Finding, Ownership, PlacedResource
from fhir_data.flaws import UNKNOWN_FIELD
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

Json = dict[str, Any]

BASE, ELSEWHERE = "https://hospital.example/fhir", "https://other.example/fhir"
NUMBER = {"system": NHS_NUMBER_SYSTEM, "value": "9990001006"}
OTHER_NUMBER = {"system": NHS_NUMBER_SYSTEM, "value": "9990001014"}
UUID, OTHER_UUID = "0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f", "11111111-1111-4111-8111-11111111111a"
SUBJECT: Json = {
    "resourceType": "Patient",
    "id": "ours",
    "identifier": [NUMBER, {"system": "https://hospital.example/mrn", "value": "77"}],
    "name": [{"family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
}
OTHER: Json = {"resourceType": "Patient", "id": "OTHER", "identifier": [OTHER_NUMBER]}
CONTAINED_OTHER: Json = {**OTHER, "id": "p"}
CONTAINED_SUBJECT: Json = {"resourceType": "Patient", "id": "p", "identifier": [NUMBER]}


def to(reference: object, **members: Any) -> Json:
    return {"reference": reference, **members}


def condition(subject: object = None, **members: Any) -> Json:
    named = {} if subject is None else {"subject": subject}
    return {"resourceType": "Condition", **named, **members}


def provenance(target: object, **members: Any) -> Json:
    return {"resourceType": "Provenance", "target": [target], **members}


def placed(resource: Json, url: str = "", *at_fault: str) -> PlacedResource:
    return PlacedResource(resource=resource, full_url=url, at_fault=at_fault)


def owners(
    *others: PlacedResource,
    subject: Json = SUBJECT,
    url: str = f"{BASE}/Patient/ours",
    bases: Sequence[str] = (),
    unread: bool = False,
) -> Ownership:
    own = placed(subject, url)
    return Ownership(subject=own, patients=[own, *others], unread=unread, bases=bases)


def ours(*references: str) -> Finding:
    return Finding(belonging=Belonging.OURS, references=references)


def others(member: str) -> Finding:
    return Finding(belonging=Belonging.OTHER, member=member)


UNNAMED, SUPPORTING = Finding(belonging=Belonging.UNNAMED), Finding(belonging=Belonging.SUPPORTING)
ALONE: list[tuple[Json, Finding]] = [
    (condition(to("Patient/ours")), ours("Patient/ours")),
    (condition(to(f"{BASE}/Patient/ours")), ours(f"{BASE}/Patient/ours")),
    (condition({"identifier": NUMBER}), ours()),
    (condition(), UNNAMED),
    (condition({}), UNNAMED),
    (condition({"display": "Joan Ferris"}), UNNAMED),
    (condition({"display": "J Ferris"}), others("subject")),
    (condition(to(7)), others("subject")),
    (condition(to({"value": "Patient/ours"})), others("subject")),
    (condition("Patient/ours"), others("subject")),
    (condition({"identifier": OTHER_NUMBER}), others("subject")),
    (condition(to("Patient/ours"), contained=[CONTAINED_OTHER]), others("contained")),
    (condition(to("Patient/ours"), contained=[CONTAINED_SUBJECT, condition(to("#p"))]), ours("Patient/ours")),
    (
        condition(to("Patient/ours"), contained=[CONTAINED_SUBJECT, condition(to("Patient/OTHER"))]),
        others("contained"),
    ),
    ({"resourceType": "AllergyIntolerance", "patient": to("Patient/OTHER")}, others("patient")),
    ({"resourceType": "Practitioner"}, SUPPORTING),
    ({"resourceType": "Device", "patient": to("Patient/ours")}, ours("Patient/ours")),
    ({"resourceType": "Device", "patient": to("Patient/OTHER")}, others("patient")),
    ({"resourceType": "Schedule", "actor": [to("Practitioner/1"), to("Patient/ours")]}, ours("Patient/ours")),
    ({"resourceType": "Binary", "securityContext": to("Patient/OTHER")}, others("securityContext")),
    ({"resourceType": "Appointment", "participant": [{"actor": to("Patient/OTHER")}]}, others("participant.actor")),
    ({"resourceType": "Appointment", "participant": [{"actor": to("Location/1")}]}, UNNAMED),
    (OTHER, others("Patient")),
]


@pytest.mark.parametrize(("resource", "finding"), ALONE, ids=lambda value: json.dumps(value, default=str))
def test_an_entry_beside_one_patient(resource: Json, finding: Finding) -> None:
    held = [placed(OTHER)] if resource is OTHER else []
    entry = held[0] if held else placed(resource, f"{BASE}/{resource['resourceType']}/1")
    assert owners(*held).of(entry=entry) == finding


def test_the_subject_itself_supports_the_record() -> None:
    own = placed(SUBJECT)
    finding = Finding(belonging=Belonging.SUPPORTING, member="Patient")
    alone = Ownership(subject=own, patients=[own])
    assert alone.of(entry=own) == finding
    assert alone.of(entry=placed(condition())) == UNNAMED


def test_what_names_nobody_may_be_anybodys_beside_a_second_patient() -> None:
    for beside in (owners(placed(OTHER, f"{BASE}/Patient/OTHER")), owners(unread=True)):
        assert beside.of(entry=placed(condition())) == others("names no patient")
        assert beside.of(entry=placed({"resourceType": "Practitioner"})) == SUPPORTING


TARGETS: list[tuple[Json, Finding]] = [
    (to("Condition/1"), SUPPORTING),
    ({"display": "the ward's note"}, SUPPORTING),
    ({"type": "Group", "display": "Somebody Else"}, SUPPORTING),
    ({"type": "Patient", "display": "Somebody Else"}, others("target")),
    ({"type": "http://hl7.org/fhir/StructureDefinition/Patient", "display": "Somebody Else"}, others("target")),
    ({"identifier": OTHER_NUMBER}, others("target")),
    ({"identifier": NUMBER}, ours()),
    (to("patient/ours"), others("target")),
    (to(f"urn:uuid:{OTHER_UUID}"), others("target")),
    (to("urn:uuid:22222222-2222-4222-8222-222222222222"), SUPPORTING),
    (to("#p"), ours("#p")),
    (to("#q"), others("target")),
    (to("#d"), SUPPORTING),
    (to("#nobody"), SUPPORTING),
]


@pytest.mark.parametrize(("target", "finding"), TARGETS, ids=lambda value: json.dumps(value, default=str))
def test_a_member_that_may_lead_to_anything_counts_when_it_leads_to_a_patient(target: Json, finding: Finding) -> None:
    beside = owners(placed(OTHER, f"urn:uuid:{OTHER_UUID}"))
    contained = [
        {"resourceType": "Practitioner", "id": "d"},
        CONTAINED_SUBJECT,
        {"resourceType": "Patient", "id": "q"},
    ]
    entry = placed(provenance(target, contained=contained), f"{BASE}/Provenance/1")
    assert beside.of(entry=entry) == finding


def test_each_entry_is_judged_by_all_that_it_says_though_it_names_the_patient_as_others_do() -> None:
    """What was found of one entry is no answer for one that says more."""
    to_ours = to("Patient/ours")
    entries = [
        (placed(condition(to_ours)), ours("Patient/ours")),
        (placed(condition(to_ours, patient=to("Patient/OTHER")), "", "patient"), others(UNKNOWN_FIELD)),
        (placed(condition(to_ours, contained=[CONTAINED_SUBJECT])), ours("Patient/ours")),
        (placed(condition(to_ours, contained=[CONTAINED_OTHER])), others("contained")),
        (placed(condition(to("Patient/ours", identifier=NUMBER))), ours("Patient/ours")),
        (placed(condition(to("Patient/ours", identifier=OTHER_NUMBER))), others("subject")),
        (placed(condition()), UNNAMED),
        (placed(condition({"identifier": OTHER_NUMBER})), others("subject")),
        (placed(condition(to_ours), f"{ELSEWHERE}/Condition/1"), others("subject")),
        (placed(condition(to_ours)), ours("Patient/ours")),
    ]
    for ordered in (entries, entries[::-1]):
        ownership = owners()
        assert [ownership.of(entry=entry) for entry, _ in ordered] == [finding for _, finding in ordered]


FAULTY: list[tuple[Json, tuple[str, ...], Finding]] = [
    ({"onset": "yesterday"}, ("onset",), ours("Patient/ours")),
    ({"patient": to("Patient/OTHER")}, ("patient",), others(UNKNOWN_FIELD)),
    ({"_patient": "Patient/OTHER"}, ("_patient",), others(UNKNOWN_FIELD)),
    ({"_patient": [None, to("Patient/ours")]}, ("_patient",), ours("Patient/ours")),
    ({"about": [{"whom": to("#q")}]}, ("about",), others(UNKNOWN_FIELD)),
    ({"about": {"whom": to("Patient/OTHER")}}, ("subject", "about"), others(UNKNOWN_FIELD)),
]


@pytest.mark.parametrize(("members", "at_fault", "finding"), FAULTY)
def test_a_member_at_fault_is_looked_into(members: Json, at_fault: tuple[str, ...], finding: Finding) -> None:
    resource = condition(to("Patient/ours"), contained=[{"resourceType": "Patient", "id": "q"}], **members)
    assert owners().of(entry=placed(resource, f"{BASE}/Condition/1", *at_fault)) == finding


def test_a_member_at_fault_is_looked_into_in_what_belongs_to_nobody() -> None:
    told = {"about": to("Patient/OTHER")}
    for kind in ("Practitioner", "Provenance"):
        assert owners().of(entry=placed({"resourceType": kind, **told}, "", "about")) == others(UNKNOWN_FIELD)
        assert owners().of(entry=placed({"resourceType": kind, **told})) == SUPPORTING


# However the patient is called


@pytest.mark.parametrize(
    ("ownership", "reference", "url"),
    [
        (lambda: owners(), "Patient/ours", ""),
        (lambda: owners(), "Patient/ours", f"{BASE}/Condition/1"),
        (lambda: owners(bases=[f"{ELSEWHERE}/"]), "Patient/ours", f"{ELSEWHERE}/Condition/1"),
        (lambda: owners(bases=[f"{ELSEWHERE}/"]), f"{ELSEWHERE}/Patient/ours", ""),
        (lambda: owners(url="", bases=[BASE]), f"{BASE}/Patient/ours", ""),
        (lambda: owners(url="", bases=[BASE]), f"{BASE}/Patient/ours/_history/2", f"{ELSEWHERE}/Condition/1"),
        (lambda: owners(url="", subject={**SUBJECT, "id": UUID}), f"urn:uuid:{UUID}", ""),
        (lambda: owners(url="", subject={**SUBJECT, "id": UUID.upper()}), f"urn:uuid:{UUID}", ""),
        (lambda: owners(url=f"urn:uuid:{UUID.upper()}"), f"urn:uuid:{UUID}", ""),
        (lambda: owners(url=f"urn:uuid:{UUID}"), f"urn:uuid:{UUID.upper()}", ""),
        (lambda: owners(url="urn:oid:1.2.3"), "urn:oid:1.2.3", ""),
    ],
)
def test_the_patient_goes_by_address_and_id(ownership: Any, reference: str, url: str) -> None:
    assert ownership().of(entry=placed(condition(to(reference)), url)) == ours(reference)


def linked(*links: object) -> Json:
    return {**SUBJECT, "link": [{"type": "seealso", "other": {"reference": link}} for link in links]}


@pytest.mark.parametrize("first", ["#old", 7, None, f"{ELSEWHERE}/Patient/1", "Patient/older"])
def test_each_link_of_the_patient_counts_by_itself(first: object) -> None:
    finding = owners(subject=linked(first, "Patient/old")).of(entry=placed(condition(to("Patient/old"))))
    assert finding == ours("Patient/old")


def test_a_linked_patients_other_names_are_the_subjects_as_well() -> None:
    old = placed({**SUBJECT, "id": "old"}, f"urn:uuid:{UUID}")
    ownership = owners(old, subject=linked("Patient/old"))
    assert ownership.of(entry=placed(condition(to(f"urn:uuid:{UUID}")))) == ours(f"urn:uuid:{UUID}")
    assert ownership.of(entry=placed(condition())) == UNNAMED
    stranger = owners(old)
    assert stranger.of(entry=placed(condition(to(f"urn:uuid:{UUID}")))) == others("subject")
    assert stranger.of(entry=placed(condition())) == others("names no patient")


def test_one_id_on_two_servers_is_two_people() -> None:
    there = placed({**OTHER, "id": "old"}, f"{ELSEWHERE}/Patient/old")
    to_old = condition(to("Patient/old"))
    for url in (f"{BASE}/Patient/ours", f"urn:uuid:{UUID}"):
        ownership = owners(there, subject=linked("Patient/old"), url=url, bases=[BASE])
        assert ownership.of(entry=placed(to_old, f"{BASE}/Condition/1")) == ours("Patient/old")
        assert ownership.of(entry=placed(to_old, f"{ELSEWHERE}/Condition/1")) == others("subject")
        assert ownership.of(entry=placed(to_old)) == others("subject")


@pytest.mark.parametrize(
    ("members", "is_one"),
    [
        ({"identifier": [NUMBER]}, True),
        ({"identifier": [OTHER_NUMBER]}, False),
        ({"identifier": [NUMBER, OTHER_NUMBER]}, True),
        ({"birthDate": "1951-05-04"}, True),
        ({"birthDate": "1951-05-05"}, False),
        ({"birthDate": "1952"}, True),
        ({}, True),
    ],
)
def test_two_patients_under_one_name_are_one_unless_number_or_birth_date_differs(members: Json, is_one: bool) -> None:
    again = placed({"resourceType": "Patient", "id": "ours", **members}, f"{BASE}/Patient/ours")
    finding = owners(again).of(entry=placed(condition(to("Patient/ours")), f"{BASE}/Condition/1"))
    assert finding == (ours("Patient/ours") if is_one else others("subject"))


@pytest.mark.parametrize(
    ("reference", "identifier", "finding"),
    [
        ("Patient/OTHER", NUMBER, others("subject")),  # one whom the answer holds, and knows to be somebody else
        ("Patient/gone", NUMBER, ours("Patient/gone")),
        ("Patient/gone", OTHER_NUMBER, others("subject")),
        ("Patient/ours", OTHER_NUMBER, others("subject")),
        ("#gone", NUMBER, others("subject")),
    ],
)
def test_a_number_beside_a_reference(reference: str, identifier: Json, finding: Finding) -> None:
    ownership = owners(placed(OTHER, f"{BASE}/Patient/OTHER"))
    entry = placed(condition(to(reference, identifier=identifier)), f"{BASE}/Condition/1")
    assert ownership.of(entry=entry) == finding


def test_a_subject_whose_number_is_none_can_be_compared_by_nothing() -> None:
    unnumbered = {**SUBJECT, "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": "unknown"}]}
    ownership = owners(subject=unnumbered)
    assert ownership.of(entry=placed(condition({"identifier": NUMBER}))) == UNNAMED
    hospital = {"system": "https://hospital.example/mrn", "value": "78"}
    assert ownership.of(entry=placed(condition({"identifier": hospital}))) == others("subject")
    assert ownership.of(entry=placed(condition(to("Patient/ours", identifier=NUMBER)))) == ours("Patient/ours")


@pytest.mark.parametrize(
    ("name", "display", "is_called"),
    [
        ({"family": "Ferris", "given": ["Joan"]}, "Joan Ferris", True),
        ({"family": "Ferris", "given": ["Joan"]}, "FERRIS, Joan (Ms)", True),
        ({"family": "O'Neil-Ferris", "given": ["Joan", "Mary"]}, "Joan O'Neil Ferris", True),
        ({"family": "Ferris", "given": ["Joan", "Mary"]}, "Mary Ferris", False),
        ({"family": "Ferris", "given": []}, "Ferris", False),
        ({"family": "Ferris", "given": "Joan"}, "J Ferris", False),
        ({"family": "Ferris"}, "Ferris", False),
        ({"given": ["Joan"]}, "Joan", False),
    ],
)
def test_a_display_alone_must_be_the_patients_own_name(name: Json, display: str, is_called: bool) -> None:
    finding = owners(subject={**SUBJECT, "name": [name]}).of(entry=placed(condition({"display": display})))
    assert finding == (UNNAMED if is_called else others("subject"))


def test_what_an_entry_contains_is_on_the_entrys_server() -> None:
    within = condition(to(f"{BASE}/Patient/ours"), contained=[condition(to("Patient/ours"))])
    assert owners().of(entry=placed(within, f"{BASE}/Condition/1")) == ours(f"{BASE}/Patient/ours")
    assert owners().of(entry=placed(within, f"{ELSEWHERE}/Condition/1")) == others("contained")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", ""),
        (f"urn:uuid:{UUID}", ""),
        (f"{BASE}/Condition/1", BASE),
        (f"{BASE}/Condition/2", BASE),
        (f"{BASE}/Condition/with space", ""),
        ("ftp://hospital.example/Condition/1", ""),
    ],
)
def test_the_server_of_an_entry_is_read_off_its_address(url: str, base: str) -> None:
    assert placed(condition(id="1"), url).base == base
