"""What every R4 resource of one source needs: its ids, references, codings and dates, written as the source does."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache, cached_property

from simulator.codes import ICD10, LOINC, OPCS4, SNOMED, UCUM, Concept
from simulator.names import CLINICIANS
from simulator.organisations import Source
from simulator.wire import Resource

RESOURCE_SPACE = uuid.UUID("a4c1e6d2-7c0a-4d0e-8f61-3a0f6f0f9b11")
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, kw_only=True)
class Page:
    """One person's record at one source, while it is written: whose it is and how that source writes.

    `resources` grows as the record is written; everything else is fixed.
    """

    source: Source
    local_id: str
    resources: list[Resource] = field(default_factory=list)

    def add(self, resource: Resource) -> str:
        """Put a resource on the page and return the reference to it."""
        self.resources.append(resource)
        return f"{resource['resourceType']}/{resource['id']}"

    def id(self, *, kind: str, key: str) -> str:
        """Return a resource id that is the same each time the record is written."""
        return str(uuid.uuid5(RESOURCE_SPACE, f"{self.source.slug}/{self.local_id}/{kind}/{key}"))

    def new(self, *, kind: str, key: str) -> Resource:
        """Return the beginning of a resource: type, id and the source's business identifier for it."""
        resource_id = self.id(kind=kind, key=key)
        system = f"{self.source.web}/id/{kind.lower()}"
        identifier = {"system": system, "value": resource_id[:13].upper()}
        return {"resourceType": kind, "id": resource_id, "identifier": [identifier]}

    @cached_property
    def patient(self) -> Resource:
        """Return the reference to the page's Patient."""
        return {"reference": f"Patient/{self.id(kind='Patient', key='')}"}

    @cached_property
    def organisation(self) -> Resource:
        """Return the reference to the source's own Organization."""
        return {"reference": f"Organization/{self.source.ods}", "display": self.source.name}

    def clinician(self, *, key: str) -> Resource:
        """Return the reference to the clinician responsible for an entry."""
        index = clinician_index(key=key)
        given, family = CLINICIANS[index]
        return {"reference": f"Practitioner/{self.source.ods}-{index + 1}", "display": f"{given} {family}"}

    def codeable(self, *, concept: Concept, codes: tuple[str, ...]) -> Resource:
        """Return a CodeableConcept with a coding for each code system of `codes` that has the concept."""
        codings = [coding for name in codes if (coding := self._coding(concept=concept, name=name))]
        return {"coding": codings or [self._coding(concept=concept, name="snomed")], "text": concept.term}

    def _coding(self, *, concept: Concept, name: str) -> Resource | None:
        spelt = {
            "snomed": (SNOMED, concept.snomed),
            "icd10": (ICD10, concept.icd10),
            "loinc": (LOINC, concept.loinc),
            "opcs4": (OPCS4, concept.opcs4),
            "local": (f"{self.source.web}/codes", local_code(concept=concept)),
        }
        system, code = spelt[name]
        return {"system": system, "code": code, "display": concept.term} if code else None

    def dated(self, *, on: date) -> str:
        """Return a day with the precision that the source keeps."""
        if self.source.habits.dates == "instant":
            return at(moment=datetime(on.year, on.month, on.day, 9, 30, tzinfo=UTC))
        return on.isoformat()[:7] if self.source.habits.dates == "month" else on.isoformat()


def at(*, moment: datetime) -> str:
    """Return a moment as a FHIR dateTime with its offset."""
    return moment.isoformat(timespec="seconds")


def coded(*, system: str, code: str, display: str = "") -> Resource:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def ucum(*, value: object, unit: str, code: str) -> Resource:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def local_code(*, concept: Concept) -> str:
    """Return a code of a source's own making: letters of the term and part of its SNOMED CT code."""
    return "".join(word[0] for word in concept.term.upper().split())[:4] + concept.snomed[:4]


@cache
def clinician_index(*, key: str) -> int:
    """Return which of the region's clinicians is responsible for the entry with this key."""
    return uuid.uuid5(RESOURCE_SPACE, key).int % len(CLINICIANS)
