"""What every STU3 resource of a GP practice's answer needs: profile, ids, persistent identifiers, codings and Lists.

Source: GP Connect Access Record Structured 1.6, "Resource population" and "Using lists to return data".
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache, cached_property

from simulator.codes import CTV3, READ2, SNOMED, Concept
from simulator.facts import ListWarning
from simulator.names import CLINICIANS
from simulator.organisations import Source
from simulator.wire import Resource

PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/CareConnect-GPC-{}-1"
GPC_EXTENSION = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-{}-1"
CARE_EXTENSION = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-{}-1"
SECONDARY_LISTS = "https://fhir.hl7.org.uk/STU3/CodeSystem/GPConnect-SecondaryListValues-1"
EMPTY_REASONS = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-ListEmptyReasonCode-1"
RESOURCE_SPACE = uuid.UUID("2f9c4b1e-0d57-4c39-b7a8-51d06ac3f7e2")


@dataclass(frozen=True, kw_only=True)
class PracticePage:
    """One patient's record at one practice, as it is written.

    `resources` and `areas` grow: `areas` holds, for each area of the record, the references of its primary List.
    """

    source: Source
    nhs_number: str
    today: date
    warnings: tuple[ListWarning, ...] = ()
    resources: list[Resource] = field(default_factory=list)
    areas: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, resource: Resource, *, area: str = "") -> str:
        """Put a resource on the page, and into the primary List of an area; return the reference to it."""
        self.resources.append(resource)
        reference = f"{resource['resourceType']}/{resource['id']}"
        if area:
            self.areas[area].append(reference)
        return reference

    def add_organisation(self, *, name: str) -> str:
        """Put another organisation on the page, once; return the reference to it."""
        resource = {
            "resourceType": "Organization",
            "id": self.id_of_practice(kind="Organization", key=name),
            "meta": {"profile": [PROFILE.format("Organization")]},
            "name": name,
        }
        if resource not in self.resources:
            self.resources.append(resource)
        return f"Organization/{resource['id']}"

    def id(self, *, kind: str, key: str) -> str:
        """Return a resource id, upper-case as practices' systems write them."""
        return str(uuid.uuid5(RESOURCE_SPACE, f"{self.source.slug}/{self.nhs_number}/{kind}/{key}")).upper()

    def new(self, *, kind: str, key: str, profile: str = "") -> Resource:
        """Return the beginning of a clinical resource: type, id, profile and persistent identifier."""
        resource_id = self.id(kind=kind, key=key)
        return {
            "resourceType": kind,
            "id": resource_id,
            "meta": {"profile": [PROFILE.format(profile or kind)]},
            "identifier": [self.persistent(resource_id=resource_id)],
        }

    def persistent(self, *, resource_id: str) -> Resource:
        """Return the persistent identifier of an entry in the practice's system."""
        return {"system": f"{self.source.web}/clinical/{self.source.ods}", "value": resource_id.replace("-", "")}

    @cached_property
    def patient(self) -> Resource:
        """Return the reference to the page's Patient."""
        return {"reference": f"Patient/{self.id(kind='Patient', key='')}"}

    @cached_property
    def organisation(self) -> Resource:
        """Return the reference to the practice."""
        return {"reference": f"Organization/{self.id_of_practice(kind='Organization')}"}

    @cached_property
    def location(self) -> Resource:
        """Return the reference to the practice's main surgery."""
        return {"reference": f"Location/{self.id_of_practice(kind='Location')}"}

    def id_of_practice(self, *, kind: str, key: str = "") -> str:
        """Return the id of something that is the same in every record of this practice."""
        return practice_id(slug=self.source.slug, kind=kind, key=key)

    def clinician(self, *, key: str) -> Resource:
        """Return the reference to the clinician responsible for an entry."""
        index = clinician_index(key=key)
        return {"reference": f"Practitioner/{self.id_of_practice(kind='Practitioner', key=str(index))}"}

    def codeable(self, *, concept: Concept) -> Resource:
        """Return a CodeableConcept: what was keyed (Read v2 or CTV3, userSelected) and its SNOMED CT meaning."""
        codings: list[Resource] = []
        keyed = {"read2": (READ2, concept.read2), "ctv3": (CTV3, concept.ctv3)}
        for name in self.source.habits.problem_codes:
            system, code = keyed.get(name, ("", ""))
            if code:
                codings.append({"system": system, "code": code, "display": concept.term, "userSelected": True})
        return {"coding": [*codings, snomed(code=concept.snomed, display=concept.term)]}


def snomed(*, code: str, display: str) -> Resource:
    """Return a SNOMED CT coding."""
    return {"system": SNOMED, "code": code, "display": display}


def extension(*, url: str, **value: object) -> Resource:
    """Return an extension of one value, such as `extension(url=…, valueCode="acute")`."""
    return {"url": url, **value}


def moment_of(*, day: date, hour: int = 9) -> str:
    """Return a time of a day as a FHIR instant."""
    return datetime(day.year, day.month, day.day, hour, 0, tzinfo=UTC).isoformat(timespec="seconds")


def list_resource(
    *,
    page: PracticePage,
    title: str,
    code: Resource,
    entries: Sequence[str],
    ident: str = "",
    warnings: Sequence[ListWarning] = (),
    empty_note: bool = False,
) -> Resource:
    """Return a List of references; with `empty_note` an empty one says so, as a primary List must.

    Source: GP Connect 1.6, List: status current, mode snapshot, emptyReason no-content-recorded and the note
    "Information not available"; warning codes are repeated in an extension and their texts in the note.
    """
    notes = [warning.text for warning in warnings]
    listed: Resource = {
        "resourceType": "List",
        "meta": {"profile": [PROFILE.format("List")]},
        "extension": [
            extension(
                url=GPC_EXTENSION.format("ClinicalSetting"),
                valueCodeableConcept={"coding": [snomed(code="1060971000000108", display="General practice service")]},
            ),
            *(extension(url=GPC_EXTENSION.format("ListWarningCode"), valueCode=w.code) for w in warnings),
        ],
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": {"coding": [code]},
        "subject": page.patient,
        "date": moment_of(day=page.today),
        "orderedBy": {"coding": [{"system": "http://hl7.org/fhir/list-order", "code": "event-date"}]},
        "entry": [{"item": {"reference": reference}} for reference in entries],
    }
    if ident:
        listed["id"] = ident
    if not entries:
        del listed["entry"]
    if not entries and empty_note:
        notes.append("Information not available")
        listed["emptyReason"] = {
            "coding": [{"system": EMPTY_REASONS, "code": "no-content-recorded", "display": "No Content Recorded"}]
        }
    if notes:
        listed["note"] = [{"text": " ".join(notes)}]
    return listed


@cache
def clinician_index(*, key: str) -> int:
    """Return which of the region's clinicians is responsible for the entry with this key."""
    return uuid.uuid5(RESOURCE_SPACE, key).int % len(CLINICIANS)


@cache
def practice_id(*, slug: str, kind: str, key: str) -> str:
    """Return the id of something of a practice: its own Organization, its Location, one of its clinicians."""
    return str(uuid.uuid5(RESOURCE_SPACE, f"{slug}/{kind}/{key}")).upper()
