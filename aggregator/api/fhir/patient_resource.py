"""A person of the index -> a FHIR R4 Patient, and what its reader must know of it. Pure."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from aggregator.api.fhir.rendering import issue, outcome
from aggregator.mpi.demographics import NumberStatus
from aggregator.mpi.golden import PersonSummary
from aggregator.services.find_person import PeopleFound
from fhir_data.identifiers import NHS_NUMBER_SYSTEM

VERIFICATION_EXTENSION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus"
NUMBER_STATUS_WORDS = {
    NumberStatus.VERIFIED: "Number present and verified",
    NumberStatus.NOT_TRACED: "Number present but not traced",
}
Json = dict[str, Any]


def patients_bundle(*, found: PeopleFound, asked_id: UUID | None, base: str) -> Json:
    """Return the searchset of a search for patients; `asked_id`: the id that was searched for, where it was by id.

    Source: IHE PDQm, ITI-78.
    """
    patients = [
        patient_known_as(person=person, asked_id=asked_id or person.person_id, base=base) for person in found.people
    ]
    entries = [
        {"fullUrl": f"{base}/Patient/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in patients
    ]
    link = f"{base}/Patient?_id={asked_id}" if asked_id else f"{base}/Patient/_search"
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "self", "url": link}]}
    if found.too_many:
        words = "There are more matches than are given: search by NHS number, or add a given name."
        warning = outcome(issues=[issue(severity="warning", code="too-costly", diagnostics=words)])
        name = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{base}/Patient/too-costly')}"
        entries.append({"fullUrl": name, "resource": warning, "search": {"mode": "outcome"}})
    else:
        bundle["total"] = len(entries)
    return {**bundle, "entry": entries} if entries else bundle


def patient_known_as(*, person: PersonSummary, asked_id: UUID, base: str) -> Json:
    """Return who has an id, tagged with what casts doubt on that. Whoever was joined to another: not in use, and whom.

    Source: FHIR R4 Patient.link; FHIR R4 Resource, meta.tag.
    """
    if person.person_id != asked_id:
        return {
            "resourceType": "Patient",
            "id": str(asked_id),
            "active": False,
            "link": [{"other": {"reference": f"Patient/{person.person_id}"}, "type": "replaced-by"}],
        }
    # Which source says what of a death is told with the record alone, where the gates have let that source be known.
    told = person.naming(())
    tags = [
        {"system": f"{base}/doubt", "code": each["code"], "display": each["diagnostics"]}
        for each in identity_issues(person=told)
    ]
    patient = patient_resource(person=told)
    return {**patient, "meta": {"tag": tags}} if tags else patient


def patient_resource(*, person: PersonSummary) -> Json:
    """Return the person as a Patient, from the golden record, with the ids of those who were joined to them.

    Source: UK Core Patient; FHIR R4 Patient.link.
    """
    golden = person.golden
    resource: Json = {"resourceType": "Patient", "id": str(person.person_id)}
    if golden.nhs_number:
        code = NumberStatus.VERIFIED if golden.nhs_number_is_verified else NumberStatus.NOT_TRACED
        status = {"coding": [{"system": VERIFICATION_SYSTEM, "code": code.value, "display": NUMBER_STATUS_WORDS[code]}]}
        resource["identifier"] = [
            {
                "extension": [{"url": VERIFICATION_EXTENSION, "valueCodeableConcept": status}],
                "system": NHS_NUMBER_SYSTEM,
                "value": golden.nhs_number,
            }
        ]
    name = {"family": golden.family, "given": golden.given.split()}
    if any(name.values()):
        resource["name"] = [{"use": "official", **{part: value for part, value in name.items() if value}}]
    if golden.sex in {"male", "female", "other", "unknown"}:
        resource["gender"] = golden.sex
    if golden.birth_date:
        resource["birthDate"] = golden.birth_date.isoformat()
    if golden.deceased and golden.fhir_death_date:
        resource["deceasedDateTime"] = golden.fhir_death_date
    elif golden.deceased is not None:
        resource["deceasedBoolean"] = golden.deceased
    address = {"line": [golden.address_line] if golden.address_line else [], "postalCode": golden.postcode}
    if any(address.values()):
        resource["address"] = [{"use": "home", **{part: value for part, value in address.items() if value}}]
    if golden.phone:
        resource["telecom"] = [{"system": "phone", "value": golden.phone}]
    if person.replaces:
        resource["link"] = [
            {"other": {"reference": f"Patient/{joined_id}"}, "type": "replaces"} for joined_id in person.replaces
        ]
    return resource


def identity_issues(*, person: PersonSummary) -> list[Json]:
    """Return what a reader must know before relying on this person's identity."""
    issues = []
    if person.death_claims:
        claims = "; ".join(
            f"{claim.who}: {'died' if claim.deceased else 'recorded as alive'} {claim.death_date}".rstrip()
            for claim in person.death_claims
        )
        words = f"Sources disagree about this patient's death: {claims}."
        issues.append(issue(severity="warning", code="business-rule", diagnostics=words))
    if person.shares_number:
        words = "This NHS number is also on another person's record: check the other identifiers."
        issues.append(issue(severity="warning", code="multiple-matches", diagnostics=words))
    return issues
