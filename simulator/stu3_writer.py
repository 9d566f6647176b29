"""Writes what a practice holds as the GP Connect Bundle of the whole record, every area and every List in it.

The server answers a request with the part that was asked for. Source: GP Connect Access Record Structured 1.6,
"Bundle", "Consultations guidance" and "Using lists to return data": references are relative, entries have no fullUrl.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.facts import Holding, Visit
from simulator.names import CLINICIANS
from simulator.organisations import ODS_SYSTEM, REGION_NAME, SDS_USER_SYSTEM
from simulator.people import NUMBER_STATUSES, Demographics
from simulator.stu3_clinical import (
    write_allergies,
    write_diary,
    write_immunisations,
    write_medicines,
    write_problems,
    write_referrals,
)
from simulator.stu3_letters import write_letter
from simulator.stu3_page import (
    GPC_EXTENSION,
    PROFILE,
    SECONDARY_LISTS,
    PracticePage,
    extension,
    list_resource,
    snomed,
)
from simulator.stu3_results import (
    COMMENT,
    write_background,
    write_investigations,
    write_questionnaire,
    write_readings,
)
from simulator.wire import NHS_NUMBER_SYSTEM, Resource

BUNDLE_PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-StructuredRecord-Bundle-1"
# Area: SNOMED CT code and term, title.
PRIMARY_LISTS: Mapping[str, tuple[str, str, str]] = {
    "allergies": ("886921000000105", "Allergies and adverse reactions", "Allergies and adverse reactions"),
    "medications": ("933361000000108", "Medications and medical devices", "Medications and medical devices"),
    "problems": ("717711000000103", "Problems", "Problems"),
    "consultations": ("1149501000000101", "List of consultations", "List of consultations"),
    "immunisations": ("1102181000000102", "Immunisations", "Immunisations"),
    "uncategorised": ("826501000000100", "Miscellaneous record", "Uncategorised data"),
    "investigations": ("887191000000108", "Investigations and results", "Investigations and results"),
    "referrals": ("792931000000107", "Outbound referral", "Outbound referral"),
    "diary": ("714311000000108", "Patient recall administration", "Patient recall administration"),
}
ENDED_ALLERGIES = ("1103671000000101", "Ended allergies")
LANGUAGE_SYSTEM = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-HumanLanguage-1"
# Of those in the region who would rather not speak English.
LANGUAGES: Mapping[str, tuple[str, str]] = {"Chaudhary": ("ur", "Urdu"), "Okafor": ("ig", "Igbo")}
CONTACT_PHONE = "01632 960999"
CONSULTATION, TOPIC, HEADING = "325851000000107", "25851000000105", "24781000000107"


def write_practice_bundle(*, page: PracticePage, told: Demographics, holding: Holding) -> Resource:
    """Return the practice's whole record of one person as a `collection` Bundle."""
    page.add(_patient(page=page, told=told))
    ended = write_allergies(page=page, holding=holding)
    plans = write_medicines(page=page, holding=holding)
    headers = write_problems(page=page, holding=holding, plans=plans)
    write_immunisations(page=page, holding=holding)
    write_investigations(page=page, holding=holding)
    write_referrals(page=page, holding=holding)
    write_diary(page=page, holding=holding)
    readings = write_readings(page=page, holding=holding)
    asked = holding.background
    lifestyle: list[str] = []
    if asked:
        answers = write_background(page=page, background=asked)
        if holding.visits:  # it was filled in at one
            lifestyle.append(write_questionnaire(page=page, background=asked, answers=answers))
    contained = _write_consultations(
        page=page, holding=holding, headers=headers, readings=readings, plans=plans, lifestyle=lifestyle
    )
    lists = [
        *_primary_lists(page=page),
        _ended_list(page=page, ended=ended),
        *_secondary_lists(page=page, contained=contained, related=list(plans.values())),
    ]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [BUNDLE_PROFILE]},
        "type": "collection",
        "entry": [{"resource": resource} for resource in (*page.resources, *lists, *_practice(page=page))],
    }


def _patient(*, page: PracticePage, told: Demographics) -> Resource:
    status = {
        "system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1",
        "code": told.nhs_number_status,
        "display": NUMBER_STATUSES[told.nhs_number_status],
    }
    return {
        "resourceType": "Patient",
        "id": page.id(kind="Patient", key=""),
        "meta": {"versionId": "1", "profile": [PROFILE.format("Patient")]},
        "extension": [
            {
                "url": GPC_EXTENSION.format("RegistrationDetails"),
                "extension": [extension(url="preferredBranchSurgery", valueReference=page.location)],
            },
            _communication(told=told),
        ],
        "identifier": [
            {
                "extension": [
                    extension(
                        url=GPC_EXTENSION.format("NHSNumberVerificationStatus"),
                        valueCodeableConcept={"coding": [status]},
                    )
                ],
                "system": NHS_NUMBER_SYSTEM,
                "value": told.nhs_number,
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": told.family, "given": list(told.given), "prefix": [told.prefix]}],
        "telecom": [{"system": "phone", "value": told.phone, "use": "mobile"}],
        "gender": told.gender,
        "birthDate": told.birth_date.isoformat(),
        "address": [
            {
                "use": "home",
                "type": "physical",
                "line": [told.address_line],
                "city": told.town,
                "district": REGION_NAME,
                "postalCode": told.postcode,
            }
        ],
        "contact": [
            {
                "relationship": [{"text": "Emergency contact"}],
                "name": {"use": "official", "family": told.family, "given": ["Jo"]},
                "telecom": [{"system": "phone", "value": CONTACT_PHONE, "use": "home"}],
            }
        ],
        "generalPractitioner": [page.clinician(key=page.nhs_number)],
        "managingOrganization": page.organisation,
    }


def _communication(*, told: Demographics) -> Resource:
    """Return which language somebody speaks, and whether they need an interpreter.

    Source: GP Connect 1.6, Patient, extension NHSCommunication.
    """
    code, display = LANGUAGES.get(told.family, ("en", "English"))
    return {
        "url": GPC_EXTENSION.format("NHSCommunication"),
        "extension": [
            extension(
                url="language",
                valueCodeableConcept={"coding": [{"system": LANGUAGE_SYSTEM, "code": code, "display": display}]},
            ),
            extension(url="interpreterRequired", valueBoolean=code != "en"),
        ],
    }


def _write_consultations(
    *,
    page: PracticePage,
    holding: Holding,
    headers: Mapping[str, str],
    readings: Mapping[str, str],
    plans: Mapping[str, str],
    lifestyle: list[str],
) -> list[str]:
    """Write each visit as an Encounter with its tree of Lists; return the references of what the visits contain.

    A visit is about one of the problems, in turn, and holds what was read at it, the medicines for the problem and the
    letters that came of it; the last one holds the questionnaire about the way of life.
    """
    contained: list[str] = []
    for index, visit in enumerate(holding.visits):
        problem = holding.problems[index % len(holding.problems)] if holding.problems else None
        medicines = [plans[c.key] for c in holding.courses if problem and c.problem == problem.key]
        read = [reference for key, reference in readings.items() if key.startswith(f"{visit.key}/")]
        encounter = page.add(_encounter(page=page, visit=visit), area="consultations")
        narrative = page.add(_narrative(page=page, visit=visit, encounter=encounter))
        headings = {
            "History": [narrative],
            "Examination": read,
            "Medication": medicines,
            "Template": lifestyle if visit is holding.visits[-1] else [],
            "Document": [
                write_letter(page=page, paper=paper, encounter=encounter)
                for paper in holding.papers
                if paper.key.startswith(f"{visit.key}/")
            ],
        }
        header = headers[problem.key] if problem else ""
        _write_lists(page=page, visit=visit, encounter=encounter, header=header, headings=headings)
        contained += [narrative, *read, *medicines, *([header] if header else [])]
    return contained


def _encounter(*, page: PracticePage, visit: Visit) -> Resource:
    by = page.clinician(key=visit.key)
    performer = {
        "coding": [
            {"system": "http://hl7.org/fhir/v3/ParticipationType", "code": "PPRF", "display": "primary performer"}
        ]
    }
    recorder = {
        "coding": [
            {
                "system": "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-ParticipantType-1",
                "code": "REC",
                "display": "recorder",
            }
        ]
    }
    return page.new(kind="Encounter", key=visit.key) | {
        "status": "finished",
        "type": [{"text": "GP Surgery"}],
        "subject": page.patient,
        "participant": [{"type": [performer], "individual": by}, {"type": [recorder], "individual": by}],
        "period": {
            "start": visit.started_at.isoformat(timespec="seconds"),
            "end": visit.ended_at.isoformat(timespec="seconds"),
        },
        "location": [{"location": page.location}],
        "serviceProvider": page.organisation,
    }


def _narrative(*, page: PracticePage, visit: Visit, encounter: str) -> Resource:
    return page.new(kind="Observation", key=f"{visit.key}/narrative") | {
        "status": "final",
        "code": {"coding": [COMMENT]},
        "subject": page.patient,
        "context": {"reference": encounter},
        "effectiveDateTime": visit.started_at.isoformat(timespec="seconds"),
        "issued": visit.started_at.isoformat(timespec="seconds"),
        "performer": [page.clinician(key=visit.key)],
        "comment": f"{visit.reason.term}. Seen and advised.",
    }


def _write_lists(
    *,
    page: PracticePage,
    visit: Visit,
    encounter: str,
    header: str,
    headings: Mapping[str, list[str]],
) -> None:
    """Write a consultation's tree: consultation, one topic, its headings."""
    list_id = page.id(kind="List", key=visit.key)
    held = {title: items for title, items in headings.items() if items}
    topic = f"{list_id}-T0"
    names = [f"{topic}-H{number}" for number in range(len(held))]
    levels = [
        (list_id, "GP Surgery", CONSULTATION, "Consultation", [f"List/{topic}"]),
        (topic, visit.reason.term, TOPIC, "Topic (EHR)", [f"List/{name}" for name in names]),
        *(
            (name, title, HEADING, "Category (EHR)", items)
            for name, (title, items) in zip(names, held.items(), strict=True)
        ),
    ]
    for ident, title, code, display, entries in levels:
        resource = list_resource(
            page=page, title=title, entries=entries, ident=ident, code=snomed(code=code, display=display)
        )
        resource |= {"encounter": {"reference": encounter}, "date": visit.started_at.isoformat(timespec="seconds")}
        if code == TOPIC and header:
            resource["extension"].append(
                {
                    "url": GPC_EXTENSION.format("RelatedProblemHeader"),
                    "extension": [extension(url="target", valueReference={"reference": header})],
                }
            )
        page.add(resource)


def _primary_lists(*, page: PracticePage) -> list[Resource]:
    return [
        list_resource(
            page=page,
            title=title,
            code=snomed(code=code, display=term),
            entries=page.areas.get(area, []),
            warnings=page.warnings,
            empty_note=True,
        )
        for area, (code, term, title) in PRIMARY_LISTS.items()
    ]


def _ended_list(*, page: PracticePage, ended: list[Resource]) -> Resource:
    """Return the List that contains the ended allergies, so that none is mistaken for an active one."""
    code, title = ENDED_ALLERGIES
    listed = list_resource(
        page=page,
        title=title,
        code=snomed(code=code, display=title),
        warnings=page.warnings,
        entries=[f"#{allergy['id']}" for allergy in ended],
        empty_note=True,
    )
    return {**listed, "contained": ended} if ended else listed


def _secondary_lists(*, page: PracticePage, contained: list[str], related: list[str]) -> list[Resource]:
    """Return the Lists of what consultations contain and problems are linked to, for the areas that have any."""
    named = {
        "consultations-problems-contained-in-consultations": (
            "Consultations - problems contained in consultations",
            "Condition/",
            contained,
        ),
        "consultations-medications-contained-in-consultations": (
            "Consultations - medications contained in consultations",
            "MedicationRequest/",
            contained,
        ),
        "consultations-uncategorised-data-contained-in-consultations": (
            "Consultations - uncategorised data contained in consultations",
            "Observation/",
            contained,
        ),
        "problems-medications-related-to-problems": (
            "Problems - medications related to problems",
            "MedicationRequest/",
            related,
        ),
        "problems-uncategorised-data-related-to-problems": (
            "Problems - uncategorised data related to problems",
            "Observation/",
            _problem_entries(page=page),
        ),
    }
    lists = []
    for code, (title, prefix, references) in named.items():
        entries = [_listed(page=page, reference=r) for r in dict.fromkeys(references) if r.startswith(prefix)]
        if entries:
            lists.append(
                list_resource(
                    page=page,
                    title=title,
                    entries=entries,
                    warnings=page.warnings,
                    code={"system": SECONDARY_LISTS, "code": code, "display": title},
                )
            )
    return lists


def _listed(*, page: PracticePage, reference: str) -> str:
    """Return the reference by which a medicine is listed, its statement's, whichever part of it was linked."""
    if not reference.startswith("MedicationRequest/"):
        return reference
    by_plan = {
        r["basedOn"][0]["reference"]: f"MedicationStatement/{r['id']}"
        for r in page.resources
        if r["resourceType"] == "MedicationStatement"
    }
    return by_plan[reference]


def _problem_entries(*, page: PracticePage) -> list[str]:
    return [
        r["extension"][0]["valueReference"]["reference"] for r in page.resources if r["resourceType"] == "Condition"
    ]


def _practice(*, page: PracticePage) -> list[Resource]:
    written = str(page.resources)
    organisation = {
        "resourceType": "Organization",
        "id": page.id_of_practice(kind="Organization"),
        "meta": {"profile": [PROFILE.format("Organization")]},
        "identifier": [{"system": ODS_SYSTEM, "value": page.source.ods}],
        "name": page.source.name,
        "telecom": [{"system": "phone", "value": "01632 960200", "use": "work"}],
    }
    surgery = {
        "resourceType": "Location",
        "id": page.id_of_practice(kind="Location"),
        "meta": {"profile": [PROFILE.format("Location")]},
        "status": "active",
        "name": f"{page.source.name}, main surgery",
        "managingOrganization": page.organisation,
    }
    staff: list[Resource] = []
    for index, (given, family) in enumerate(CLINICIANS):
        clinician_id = page.id_of_practice(kind="Practitioner", key=str(index))
        if clinician_id in written:
            staff += _clinician(page=page, clinician_id=clinician_id, given=given, family=family, index=index)
    return [organisation, surgery, *staff]


def _clinician(*, page: PracticePage, clinician_id: str, given: str, family: str, index: int) -> list[Resource]:
    return [
        {
            "resourceType": "Practitioner",
            "id": clinician_id,
            "meta": {"profile": [PROFILE.format("Practitioner")]},
            "identifier": [{"system": SDS_USER_SYSTEM, "value": f"99910{index:07d}"}],
            "name": [{"use": "official", "family": family, "given": [given], "prefix": ["Dr"]}],
        },
        {
            "resourceType": "PractitionerRole",
            "id": page.id_of_practice(kind="PractitionerRole", key=str(index)),
            "meta": {"profile": [PROFILE.format("PractitionerRole")]},
            "practitioner": {"reference": f"Practitioner/{clinician_id}"},
            "organization": page.organisation,
            "code": [
                {
                    "coding": [
                        {
                            "system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1",
                            "code": "R0260",
                            "display": "General Medical Practitioner",
                        }
                    ]
                }
            ],
        },
    ]
