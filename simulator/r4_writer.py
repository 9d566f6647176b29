"""Writes what a hospital or community source holds as a FHIR R4 Bundle, in that source's own habits.

Source: HL7 FHIR R4 (4.0.1); the NHS number and its status as UK Core has them. Each Bundle is a `collection` that
passes HL7's validator; a server turns it into the answers of its REST interface.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.facts import Holding
from simulator.names import CLINICIANS
from simulator.organisations import ODS_SYSTEM, REGION_NAME, SDS_USER_SYSTEM, Source
from simulator.people import NUMBER_STATUSES, Demographics
from simulator.r4_care import write_care
from simulator.r4_clinical import write_clinical
from simulator.r4_page import TERMINOLOGY, Page, coded
from simulator.wire import NHS_NUMBER_SYSTEM, Resource

STATUS_EXTENSION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
STATUS_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus"


def write_bundle(*, source: Source, local_id: str, told: Demographics, holding: Holding) -> Resource:
    """Return all that `source` holds of one person as a `collection` Bundle."""
    page = Page(source=source, local_id=local_id)
    page.add(_patient(page=page, told=told))
    write_clinical(page=page, holding=holding)
    write_care(page=page, holding=holding)
    if source.provenance:
        _write_provenance(page=page)
    return as_bundle(source=source, resources=[*page.resources, *_supporting(source=source, named=page.resources)])


def as_bundle(*, source: Source, resources: Sequence[Resource]) -> Resource:
    """Return resources as a `collection` Bundle whose full addresses lie under the source's web name."""
    base = f"{source.web}{source.base_path}"
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources],
    }


def _patient(*, page: Page, told: Demographics) -> Resource:
    source = page.source
    numbers = [
        {
            "use": "usual",
            "system": source.identifier_system,
            "value": page.local_id,
            "assigner": {"display": source.name},
        }
    ]
    patient: Resource = {
        "resourceType": "Patient",
        "id": page.id(kind="Patient", key=""),
        "meta": {"versionId": "1"},
        "identifier": [*numbers, *_nhs_number(told=told)],
        "active": True,
        "name": [{"use": "official", "family": told.family, "given": list(told.given), "prefix": [told.prefix]}],
        "gender": told.gender,
        "birthDate": told.birth_date.isoformat(),
        "address": [
            {
                "use": "home",
                "line": [told.address_line],
                "city": told.town,
                "district": REGION_NAME,
                "postalCode": told.postcode,
            }
        ],
        "managingOrganization": page.organisation,
    }
    if told.phone:
        patient["telecom"] = [{"system": "phone", "use": "mobile", "value": told.phone}]
    return patient


def _nhs_number(*, told: Demographics) -> list[Resource]:
    if not told.nhs_number:
        return []
    status = coded(system=STATUS_SYSTEM, code=told.nhs_number_status, display=NUMBER_STATUSES[told.nhs_number_status])
    return [
        {
            "extension": [{"url": STATUS_EXTENSION, "valueCodeableConcept": status}],
            "use": "official",
            "system": NHS_NUMBER_SYSTEM,
            "value": told.nhs_number,
        }
    ]


def _write_provenance(*, page: Page) -> None:
    """Say for each document and report who made it. Source: IHE QEDm, Provenance by `_revinclude`."""
    for made in [r for r in page.resources if r["resourceType"] in ("DocumentReference", "DiagnosticReport")]:
        target = f"{made['resourceType']}/{made['id']}"
        page.add(
            {
                "resourceType": "Provenance",
                "id": page.id(kind="Provenance", key=target),
                "target": [{"reference": target}],
                "recorded": made.get("date") or made["issued"],
                "agent": [
                    {
                        "type": coded(
                            system=f"{TERMINOLOGY}/provenance-participant-type", code="author", display="Author"
                        ),
                        "who": page.clinician(key=target),
                        "onBehalfOf": page.organisation,
                    }
                ],
            }
        )


def _supporting(*, source: Source, named: Sequence[Resource]) -> list[Resource]:
    organisation = {
        "resourceType": "Organization",
        "id": source.ods,
        "active": True,
        "name": source.name,
        "identifier": [{"system": ODS_SYSTEM, "value": source.ods}],
        "telecom": [{"system": "phone", "value": "01632 960100", "use": "work"}],
    }
    place = {
        "resourceType": "Location",
        "id": f"{source.ods}-main",
        "status": "active",
        "name": f"{source.name}, main site",
        "managingOrganization": {"reference": f"Organization/{source.ods}"},
    }
    written = str(named)
    clinicians = [p for p in _practitioners(source=source) if f"Practitioner/{p['id']}'" in written]
    return [organisation, place, *clinicians]


def _practitioners(*, source: Source) -> list[Resource]:
    return [
        {
            "resourceType": "Practitioner",
            "id": f"{source.ods}-{index}",
            "identifier": [{"system": SDS_USER_SYSTEM, "value": f"99900{index:07d}"}],
            "name": [{"use": "official", "family": family, "given": [given], "prefix": ["Dr"]}],
        }
        for index, (given, family) in enumerate(CLINICIANS, start=1)
    ]
