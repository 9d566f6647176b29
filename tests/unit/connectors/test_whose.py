"""Whose entry is it: only what resolves to the answer's own Patient is the patient's."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from connectors.contract.values import Reply
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import GpConnect
from connectors.reading import split_answer
from fhir_data.compartment import COMPARTMENT, members_naming_whose
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from tests.rereading import read_anew_and_again

Json = dict[str, Any]

BASE = "https://hospital.example/fhir"
UUID = "0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f"
NUMBER, OTHER_NUMBER = "9990001006", "9990001014"
# By which NHS numbers were called before, or are called carelessly.
OLDER_SYSTEMS = (
    "http://fhir.nhs.net/Id/nhs-number",
    "https://fhir.nhs.net/Id/nhs-number",
    "http://fhir.nhs.uk/Id/nhs-number",
    "https://fhir.nhs.uk/Id/nhs-number/",
    "https://fhir.nhs.uk/id/NHS-number",
    "urn:oid:2.16.840.1.113883.2.1.4.1",
)
OURS: Json = {
    "resourceType": "Patient",
    "id": "ours",
    "identifier": [
        {"system": NHS_NUMBER_SYSTEM, "value": "999 000 1006"},
        {"system": "https://hospital.example/mrn", "value": "77"},
    ],
    "name": [{"family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
}
OTHER: Json = {
    "resourceType": "Patient",
    "id": "OTHER",
    "identifier": [{"system": NHS_NUMBER_SYSTEM, "value": OTHER_NUMBER}],
    "birthDate": "1970-01-02",
}


def number(value: str, *, system: str = NHS_NUMBER_SYSTEM) -> Json:
    return {"system": system, "value": value}


def condition(subject: object = None, **members: Any) -> Json:
    told = {"resourceType": "Condition", "code": {"text": "Asthma"}, **members}
    return told if subject is None else {**told, "subject": subject}


def to(reference: str, **members: Any) -> Json:
    return {"reference": reference, **members}


def entry(resource: Json, url: str = "") -> Json:
    return {"resource": resource, **({"fullUrl": url} if url else {})}


def read(*entries: Json, subject: Json | None = None, url: str = f"{BASE}/Patient/ours", **bundle: Any) -> Reply:
    """Return what becomes of an answer of the server at BASE."""
    sent = {"resourceType": "Bundle", "type": "searchset", "entry": [entry(subject or OURS, url), *entries], **bundle}
    pages = [split_answer(payload=json.dumps(sent).encode())]
    return read_anew_and_again(pages=pages, patient_id="ours", base=BASE)


def shown(reply: Reply) -> list[bool]:
    """Return for each item that is shown whether it is without a patient of its own."""
    return [item.names_no_patient for item in reply.items]


OF_OTHERS: list[object] = [
    to("Patient/OTHER"),
    to("Patient/OT_HER"),
    to("/Patient/OTHER"),
    to("./Patient/OTHER"),
    to("Patient/OTHER#f"),
    to("Patient/OTHER?x=1"),
    to("/Patient/ours"),
    to("./Patient/ours"),
    to("../Patient/ours"),
    to("Patient/ours#f"),
    to("Patient/ours/"),
    to(" Patient/ours"),
    to("Patient/ours/_history/"),
    to("patient/ours"),
    to("PATIENT/ours"),
    to("Patient/OURS"),
    to("Patient/ourss"),
    to("Patient?identifier=77"),
    to("ours"),
    to("Group/ours"),
    to("Device/ours"),
    to(f"{BASE}/Patient/OTHER"),
    to("http://hospital.example/fhir/Patient/ours"),
    to("HTTPS://hospital.example/fhir/Patient/ours"),
    to("ftp://hospital.example/fhir/Patient/ours"),
    to("https://other.example/fhir/Patient/ours"),
    to("https://hospital.example/fhir2/Patient/ours"),
    to("https://hospital.example/Patient/ours"),
    to("https://hospital.example/fhir/patient/ours"),
    to("urn:uuid:11111111-1111-4111-8111-111111111111"),
    to("urn:oid:1.2.3"),
    to("#nobody"),
    to("Patient/ours", identifier=number(OTHER_NUMBER)),
    *(to("Patient/ours", identifier=number(OTHER_NUMBER, system=system)) for system in OLDER_SYSTEMS),
    to("Patient/OTHER", display="Joan Ferris"),
    {"identifier": number(OTHER_NUMBER)},
    {"identifier": {"system": "https://hospital.example/mrn", "value": "78"}},
    {"identifier": {"system": "https://other.example/mrn", "value": "77"}},
    {"display": "Somebody Else"},
    {"display": "Ferris"},
    [to("Patient/ours"), to("Patient/OTHER")],
]


@pytest.mark.parametrize("subject", OF_OTHERS, ids=json.dumps)
def test_what_names_somebody_else_or_nobody_certain_is_set_aside(subject: object) -> None:
    told = {"resourceType": "Account", "status": "active", "subject": subject}
    if not isinstance(subject, list):
        told = condition(subject)
    reply = read(entry(told, f"{BASE}/{told['resourceType']}/1"))
    assert (shown(reply), [one.reason for one in reply.quarantined]) == ([], ["other-patient"])


OF_OURS: list[Json] = [
    to("Patient/ours"),
    to("Patient/ours/_history/3"),
    to(f"{BASE}/Patient/ours"),
    to(f"{BASE}/Patient/ours/_history/3"),
    to("Patient/ours", identifier=number(NUMBER)),
    to("Patient/ours", identifier={"system": "https://elsewhere.example", "value": "1"}),
    to("https://other.example/fhir/Patient/1", identifier=number(NUMBER)),
    {"identifier": number(NUMBER)},
    {"identifier": number("999-000-1006"), "display": "anybody"},
    *({"identifier": number(NUMBER, system=system)} for system in OLDER_SYSTEMS),
    {"identifier": {"system": "https://hospital.example/mrn", "value": "77"}},
]


@pytest.mark.parametrize("subject", OF_OURS, ids=json.dumps)
@pytest.mark.parametrize("url", [f"{BASE}/Condition/1", ""])
def test_what_resolves_to_the_answer_s_own_patient_is_theirs(subject: Json, url: str) -> None:
    reply = read(entry(condition(subject), url))
    assert (shown(reply), reply.quarantined) == ([False], ())
    assert reply.items[0].subject_references == tuple(filter(None, [subject.get("reference")]))


@pytest.mark.parametrize("subject", [None, {}, {"type": "Patient"}, {"display": "Ms Joan FERRIS"}])
def test_what_names_nobody_is_shown_with_a_mark_where_there_is_one_patient_only(subject: Json | None) -> None:
    told = condition(subject)
    assert shown(read(entry(told))) == [True]
    beside = read(entry(told), entry(OTHER, f"{BASE}/Patient/OTHER"))
    assert shown(beside) == []
    assert [one.reason for one in beside.quarantined] == ["other-patient", "other-patient"]
    unreadable = read(entry(told), entry({"resourceType": "Patient", "id": 7}, f"{BASE}/Patient/OTHER"))
    assert shown(unreadable) == []


@pytest.mark.parametrize("kind", ["Appointment", "Observation", "Communication", "QuestionnaireResponse", "Specimen"])
def test_a_member_that_may_be_absent_is_no_reason_to_pass(kind: str) -> None:
    told: Json = {
        "Appointment": {"status": "booked", "participant": [{"status": "accepted"}]},
        "Observation": {"status": "final", "code": {"text": "Weight"}},
        "Communication": {"status": "completed"},
        "QuestionnaireResponse": {"status": "completed"},
        "Specimen": {},
    }[kind]
    told = {"resourceType": kind, **told}
    assert shown(read(entry(told))) == [True]
    assert shown(read(entry(told), entry(OTHER))) == []


@pytest.mark.parametrize(
    ("actors", "kept"),
    [
        ([to("Patient/ours"), to("Practitioner/1")], True),
        ([to("Patient/OTHER")], False),
        ([to("Patient/ours"), to("Patient/OTHER")], False),
        ([to("Patient/ours"), to("/Patient/OTHER")], False),
        ([to("Patient/ours"), to("patient/OT_HER")], False),
        ([{"identifier": number(OTHER_NUMBER)}], False),
        ([{"type": "Patient", "display": "Somebody Else"}], False),
        ([{"identifier": number(NUMBER)}], True),
        ([to("urn:uuid:22222222-2222-4222-8222-222222222222")], False),
    ],
)
def test_a_participant_says_whose_an_appointment_is(actors: list[Json], kept: bool) -> None:
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"status": "accepted", "actor": actor} for actor in actors],
    }
    reply = read(entry(appointment), entry({**OTHER, "id": "x"}, "urn:uuid:22222222-2222-4222-8222-222222222222"))
    assert bool(reply.items) is kept


def test_another_patient_of_the_answer_is_set_aside_with_all_that_names_it() -> None:
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2024-05-01T10:00:00Z",
        "agent": [{"who": {"display": "Ward"}}],
    }
    theirs = condition(to("Patient/OTHER"), id="c")
    reply = read(
        entry(OTHER, f"{BASE}/Patient/OTHER"),
        entry(theirs, f"{BASE}/Condition/c"),
        entry({**provenance, "target": [to("Condition/c")]}, f"{BASE}/Provenance/1"),
        entry({**provenance, "target": [to("Patient/OTHER")]}, f"{BASE}/Provenance/2"),
        entry({**provenance, "target": [to("Condition/ours")]}, f"{BASE}/Provenance/3"),
        entry({"resourceType": "Practitioner", "id": "p"}, f"{BASE}/Practitioner/p"),
    )
    assert [one.reason for one in reply.quarantined] == ["other-patient"] * 4
    assert [json.loads(item.resource)["resourceType"] for item in reply.items] == ["Provenance", "Practitioner"]


def test_the_same_id_on_another_server_is_somebody_else() -> None:
    elsewhere = "https://other.example/fhir"
    reply = read(
        entry({**OTHER, "id": "ours"}, f"{elsewhere}/Patient/ours"),
        entry(condition(to("Patient/ours")), f"{elsewhere}/Condition/1"),
        entry(condition(to(f"{elsewhere}/Patient/ours")), f"{BASE}/Condition/2"),
        entry(condition(to("Patient/ours"))),  # on which of the two is not said
    )
    assert (shown(reply), len(reply.quarantined)) == ([], 4)


def test_one_address_for_two_people_means_neither() -> None:
    reply = read(entry({**OTHER, "id": "ours"}, f"{BASE}/Patient/ours"), entry(condition(to("Patient/ours"))))
    assert (shown(reply), len(reply.quarantined)) == ([], 2)


def test_the_patient_sent_again_is_no_other() -> None:
    again = {**OURS, "telecom": [{"value": "01632 960001"}]}
    reply = read(entry(again, f"{BASE}/Patient/ours"), entry(condition(to("Patient/ours"))), entry(condition()))
    assert (shown(reply), reply.quarantined) == ([False, False, True], ())


@pytest.mark.parametrize(
    ("beside", "kept"), [([], True), ([{**OURS, "id": "old"}], True), ([{**OTHER, "id": "old"}], False)]
)
def test_a_link_of_the_patient_counts_unless_who_is_there_is_another(beside: list[Json], kept: bool) -> None:
    linked = {**OURS, "link": [{"type": "replaces", "other": to("Patient/old")}]}
    entries = [entry(one, f"{BASE}/Patient/old") for one in beside]
    reply = read(entry(condition(to("Patient/old")), f"{BASE}/Condition/1"), *entries, subject=linked)
    assert any(json.loads(item.resource)["resourceType"] == "Condition" for item in reply.items) is kept


@pytest.mark.parametrize("link", ["https://other.example/fhir/Patient/old", "#old", "/Patient/old"])
def test_a_link_to_elsewhere_does_not_count(link: str) -> None:
    linked = {**OURS, "link": [{"type": "seealso", "other": to(link)}]}
    reply = read(entry(condition(to("Patient/old"))), entry(condition(to(link))), subject=linked)
    assert shown(reply) == []


@pytest.mark.parametrize(
    ("contained", "kept"),
    [
        ({"identifier": [number(NUMBER)]}, True),
        ({"identifier": [{"system": "https://hospital.example/mrn", "value": "77"}]}, True),
        ({"identifier": [number(OTHER_NUMBER)]}, False),
        ({"identifier": [number(OTHER_NUMBER), {"system": "https://hospital.example/mrn", "value": "77"}]}, False),
        ({"identifier": [number(NUMBER)], "birthDate": "1970-01-02"}, False),
        ({"name": [{"family": "Ferris"}]}, False),
        ({}, False),
    ],
)
def test_a_contained_patient_is_theirs_by_its_identifiers(contained: Json, kept: bool) -> None:
    told = condition(to("#p"), contained=[{"resourceType": "Patient", "id": "p", **contained}])
    reply = read(entry(told))
    assert bool(reply.items) is kept


def test_somebody_else_inside_an_entry_of_theirs_sets_it_aside() -> None:
    inside = [
        {**OTHER, "id": "p"},
        *({**OTHER, "identifier": [number(OTHER_NUMBER, system=system)], "id": "p"} for system in OLDER_SYSTEMS),
        condition(to("Patient/OTHER"), id="c"),
    ]
    for contained in inside:
        reply = read(entry(condition(to("Patient/ours"), contained=[contained])))
        assert [one.detail for one in reply.quarantined] == ["contained"]


def test_a_server_goes_by_the_name_that_its_own_pages_give() -> None:
    """Behind a gateway a server often calls itself by another name than the one that was asked."""
    inner = "http://fhir.internal:8080/R4"
    told = entry(condition(to("Patient/ours")), f"{inner}/Condition/1")
    own = [{"relation": "self", "url": f"{inner}/Condition?patient=ours"}]
    assert shown(read(told, url="", link=own)) == [False]
    assert shown(read(told, url="")) == []


@pytest.mark.parametrize("reference", [f"urn:uuid:{UUID}", f"urn:uuid:{UUID.upper()}", f"Patient/{UUID}"])
def test_a_document_names_its_patient_by_the_address_of_the_entry(reference: str) -> None:
    subject = {**OURS, "id": UUID}
    bundle = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [
            entry({"resourceType": "Composition", "title": "Summary", "subject": to(reference)}, "urn:uuid:c"),
            entry(OTHER, "urn:uuid:11111111-1111-4111-8111-111111111111"),
            entry(subject, f"urn:uuid:{UUID}"),
            entry(condition(to(reference)), "urn:uuid:d"),
            entry(condition(to("Patient/OTHER")), "urn:uuid:e"),
        ],
    }
    reply = FhirR4().convert(payload=json.dumps(bundle).encode())
    assert json.loads(reply.subject or b"{}")["id"] == UUID
    kinds = [json.loads(item.resource)["resourceType"] for item in reply.items]
    assert kinds.count("Condition") == 1
    assert len([one for one in reply.quarantined if one.reason == "other-patient"]) == 2


GP_SUBJECTS = [
    (to("Patient/ours"), 1),
    (to("Patient/OTHER"), 0),
    (to("Patient/OT_HER"), 0),
    (to("/Patient/ours"), 0),
    ({"identifier": number(OTHER_NUMBER)}, 0),
    ({"identifier": number(NUMBER)}, 1),
    (None, 0),
]


@pytest.mark.parametrize(("subject", "kept"), GP_SUBJECTS, ids=json.dumps)
@pytest.mark.parametrize("kind", ["Condition", "ReferralRequest", "DocumentReference"])
def test_a_practice_s_answer_is_judged_by_the_same_rule(kind: str, subject: Json | None, kept: int) -> None:
    told: Json = {
        "Condition": {"verificationStatus": "confirmed", "code": {"text": "Asthma"}},
        "ReferralRequest": {"status": "active", "intent": "order"},
        "DocumentReference": {
            "status": "current",
            "type": {"text": "Letter"},
            "indexed": "2024-05-01T10:00:00Z",
            "content": [{"attachment": {"title": "x"}}],
        },
    }[kind]
    named = {} if subject is None else {"subject": subject}
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [entry(OURS), entry(OTHER), entry({"resourceType": kind, **told, **named})],
    }
    reply = GpConnect().convert(payload=json.dumps(bundle).encode())
    assert len(reply.items) == kept
    assert [one.reason for one in reply.quarantined] == ["other-patient"] * (2 - kept)


def test_a_practice_s_provenance_of_what_is_somebody_else_s_is_set_aside_with_it() -> None:
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2024-05-01T10:00:00Z",
        "agent": [{"whoReference": to("Practitioner/d")}],
    }
    stu3 = {"verificationStatus": "confirmed", "clinicalStatus": "active"}
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            entry(OURS),
            entry(OTHER),
            entry(condition(to("Patient/ours"), id="ours", **stu3)),
            entry(condition(to("Patient/OTHER"), id="others", **stu3)),
            entry({**provenance, "target": [to("Condition/ours")]}),
            entry({**provenance, "target": [to("Condition/others")]}),
        ],
    }
    reply = GpConnect().convert(payload=json.dumps(bundle).encode())
    kept = [json.loads(item.resource) for item in reply.items]
    assert [resource.get("target") for resource in kept] == [None, [to("Condition/ours")]]
    assert [aside.detail for aside in reply.quarantined] == ["Patient", "subject", "target"]


def test_an_ended_allergy_inside_a_list_is_judged_by_itself() -> None:
    def allergy(key: str, patient: str) -> Json:
        return {
            "resourceType": "AllergyIntolerance",
            "id": key,
            "verificationStatus": "confirmed",
            "patient": to(patient),
            "assertedDate": "2020-01-01",
        }

    ended = {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1103671000000101"}]},
        "subject": to("Patient/ours"),
        "contained": [allergy("a", "Patient/ours"), allergy("b", "Patient/OTHER")],
        "entry": [{"item": to("#a")}, {"item": to("#b")}],
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry(OURS), entry(ended)]}
    reply = GpConnect().convert(payload=json.dumps(bundle).encode())
    assert [json.loads(item.resource)["id"] for item in reply.items if b"Allergy" in item.resource[:40]] == ["a"]
    assert [(one.reason, str(one.category)) for one in reply.quarantined] == [("other-patient", "allergies")]


def test_every_type_of_the_patient_compartment_has_its_members() -> None:
    """Source: FHIR R4 CompartmentDefinition "patient"."""
    compartment = (
        "Account AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic"
        " BodyStructure CarePlan CareTeam ChargeItem Claim ClaimResponse ClinicalImpression Communication"
        " CommunicationRequest Composition Condition Consent Coverage CoverageEligibilityRequest"
        " CoverageEligibilityResponse DetectedIssue DeviceRequest DeviceUseStatement DiagnosticReport"
        " DocumentManifest DocumentReference Encounter EnrollmentRequest EpisodeOfCare ExplanationOfBenefit"
        " FamilyMemberHistory Flag Goal Group ImagingStudy Immunization ImmunizationEvaluation"
        " ImmunizationRecommendation Invoice List MeasureReport Media MedicationAdministration"
        " MedicationDispense MedicationRequest MedicationStatement MolecularSequence NutritionOrder"
        " Observation Person Procedure Provenance QuestionnaireResponse RelatedPerson RequestGroup"
        " ResearchSubject RiskAssessment Schedule ServiceRequest Specimen SupplyDelivery SupplyRequest"
        " VisionPrescription"
    )
    assert set(compartment.split()) <= COMPARTMENT
    assert members_naming_whose(kind="AllergyIntolerance") == ("patient",)
    assert members_naming_whose(kind="Practitioner") == ()


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ({"patient": {"reference": "Patient/OTHER"}}, False),
        ({"Subject": {"reference": "Patient/OTHER"}}, False),
        ({"patient": "Patient/OTHER"}, False),
        ({"subject": ["Patient/ours"]}, False),
        ({"subject": [to("Patient/ours")]}, True),
        ({"subject": [to("Patient/ours"), to("Patient/OTHER")]}, False),
        ({"about": {"whom": [{"reference": "Patient/OTHER"}]}}, False),
        ({"about": {"identifier": number(OTHER_NUMBER)}}, False),
        ({"patient": {"reference": "Patient/ours"}}, True),
        ({"about": {"whom": [{"reference": "Practitioner/1"}]}}, True),
        ({"onsetDateTime": "yesterday"}, True),
    ],
)
def test_whom_a_field_at_fault_names_is_looked_at(member: Json, kept: bool) -> None:
    """Where the standard has nobody there may be somebody else, in an entry that names the patient as well."""
    reply = read(entry(condition(**{"subject": to("Patient/ours"), **member})))
    assert (len(shown(reply)), [aside.reason for aside in reply.quarantined]) == (
        (1, []) if kept else (0, ["other-patient"])
    )
    assert all(aside.detail in {"(unknown field)", "subject"} for aside in reply.quarantined)
    assert all(item.flaws for item in reply.items)


def test_a_field_at_fault_never_makes_an_entry_theirs() -> None:
    assert shown(read(entry(condition(patient=to("Patient/ours"))))) == [True]


def seen(key: str, **members: Any) -> Json:
    return {"resourceType": "Observation", "id": key, "status": "final", "code": {"text": "Weight"}, **members}


def contact(key: str, of: str) -> Json:
    coded = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "id": key, "status": "finished", "class": coded, "subject": to(of)}


def test_what_names_nobody_and_refers_to_what_is_somebody_elses_is_set_aside_with_it() -> None:
    """A server that pays no heed to whom it was asked for gives everybody's, of which some say not whose they are."""
    told = {"recorded": "2024-05-01T10:00:00Z", "agent": [{"who": {"display": "Ward"}}]}
    reply = read(
        entry(contact("theirs", "Patient/OTHER"), f"{BASE}/Encounter/theirs"),
        entry(contact("ours", "Patient/ours"), f"{BASE}/Encounter/ours"),
        entry(seen("1", encounter=to("Encounter/theirs")), f"{BASE}/Observation/1"),
        entry(seen("2", derivedFrom=[to(f"{BASE}/Observation/1")]), f"{BASE}/Observation/2"),
        entry(seen("3", encounter=to("Encounter/ours")), f"{BASE}/Observation/3"),
        entry(seen("4"), f"{BASE}/Observation/4"),
        entry(seen("5", subject=to("Patient/ours"), derivedFrom=[to("Observation/1")]), f"{BASE}/Observation/5"),
        entry({"resourceType": "Provenance", **told, "target": [to("Observation/2")]}, f"{BASE}/Provenance/2"),
        entry({"resourceType": "Provenance", **told, "target": [to("Observation/3")]}, f"{BASE}/Provenance/3"),
    )
    assert [item.full_url.removeprefix(f"{BASE}/") for item in reply.items] == [
        "Encounter/ours",
        "Observation/3",
        "Observation/4",
        "Observation/5",
        "Provenance/3",
    ]
    assert [(one.full_url.removeprefix(f"{BASE}/"), one.detail) for one in reply.quarantined] == [
        ("Encounter/theirs", "subject"),
        ("Observation/1", "names no patient"),
        ("Observation/2", "names no patient"),
        ("Provenance/2", "target"),
    ]


def test_things_that_name_nobody_and_refer_to_one_another_in_a_ring_are_looked_at_once() -> None:
    ring = [entry(seen(key, derivedFrom=[to(f"Observation/{other}")])) for key, other in (("1", "2"), ("2", "1"))]
    theirs = entry(contact("theirs", "Patient/OTHER"))
    assert shown(read(*ring, theirs)) == [True, True]
    tied = entry(seen("3", derivedFrom=[to("Observation/1")], encounter=to("Encounter/theirs")))
    back = entry(seen("1", derivedFrom=[to("Observation/3")]))
    assert shown(read(theirs, tied, back)) == []


def test_a_long_chain_of_things_that_name_nobody_takes_no_time() -> None:
    chain = [entry(seen(f"o{at}", derivedFrom=[to(f"Observation/o{at + 1}")])) for at in range(2_000)]
    last = entry(seen("o2000", encounter=to("Encounter/theirs")))
    began = time.process_time()
    reply = read(*chain, last, entry(contact("theirs", "Patient/OTHER")))
    assert (shown(reply), len(reply.quarantined)) == ([], 2_002)
    assert time.process_time() - began < 5
