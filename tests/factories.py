"""Builders of what tests start from. Each gives a valid thing and takes, by name, what its test is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from aggregator.accounts.models import Membership, Organisation, User
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.accounts.scopes import read_scopes
from aggregator.consent.decision import Decision, decide
from aggregator.consent.terms import PolicyTerms
from aggregator.federation import operations as federation_operations
from aggregator.federation.plan import Candidate, make_plan
from aggregator.mpi import operations as mpi_operations
from aggregator.mpi.demographics import Demographics, Identity
from aggregator.mpi.models import Link, Person, SourceRecord
from aggregator.mpi.operations import LoadReport
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.normalise import details_of, normalise
from aggregator.record.sent import Sent
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms
from aggregator.sources.models import Source
from connectors.contract.categories import CLINICAL_CATEGORIES, category_of
from connectors.contract.values import Asker
from fhir_data.labels import labels_of
from fhir_data.references import split_absolute, without_version

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
SNOMED_CT = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CHECK_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)

Json = dict[str, Any]
_serial = count(1)


# NHS numbers and demographics


def check_digit(*, stem: str) -> int:
    """Return the check digit of nine digits; 10 means that no number has this stem. Source: NHS Data Dictionary."""
    total = sum(int(digit) * weight for digit, weight in zip(stem, CHECK_WEIGHTS, strict=True))
    return (11 - total % 11) % 11


def nhs_number(*, index: int) -> str:
    """Return a valid NHS number, another for each index, from the range 999 that is kept for tests."""
    stem = str(999_000_000 + 2 * index)
    if check_digit(stem=stem) == 10:
        stem = str(int(stem) + 1)
    return f"{stem}{check_digit(stem=stem)}"


def demographics(**values: Any) -> Demographics:
    """Return one person's demographics, whole and with a verified number."""
    return Demographics(
        **{
            "nhs_number": nhs_number(index=1),
            "nhs_number_status": "01",
            "family": "Ferris",
            "given": "Joan",
            "birth_date": date(1951, 5, 4),
            "sex": "female",
            "postcode": "TM1 1AA",
            "address_line": "4 Mill Lane",
            "phone": "01632 960001",
            **values,
        }
    )


# Who somebody else is: what a source says when it has given a local identifier to another person.
STRANGER: Json = {
    "nhs_number": nhs_number(index=2),
    "family": "Okoro",
    "given": "Peter",
    "birth_date": date(1980, 1, 1),
    "sex": "male",
}


def identity(*, identifier: str = "", **values: Any) -> Identity:
    """Return a person as a source sends them."""
    return Identity(identifier_value=identifier or f"local-{next(_serial)}", demographics=demographics(**values))


# FHIR resources and items


def concept(*, code: str, display: str = "", system: str = SNOMED_CT, words: str = "") -> Json:
    """Return a CodeableConcept of one coding."""
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding], **({"text": words} if words else {})}


def allergy(*, code: str = "91936005", display: str = "Allergy to penicillin", **members: Any) -> Json:
    """Return an active AllergyIntolerance."""
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": concept(
            code="active", system="http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
        ),
        "code": concept(code=code, display=display),
        "patient": {"reference": "Patient/1"},
        **members,
    }


def no_known_allergy(**members: Any) -> Json:
    """Return the statement that no allergy of any kind is known."""
    return allergy(code="716186003", display="No known allergy", **members)


def condition(*, code: str = "73211009", display: str = "Diabetes mellitus", **members: Any) -> Json:
    """Return an active Condition."""
    return {
        "resourceType": "Condition",
        "clinicalStatus": concept(code="active", system="http://terminology.hl7.org/CodeSystem/condition-clinical"),
        "code": concept(code=code, display=display),
        "subject": {"reference": "Patient/1"},
        **members,
    }


def order(*, code: str = "322236009", display: str = "Paracetamol 500mg tablets", **members: Any) -> Json:
    """Return an active MedicationRequest."""
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(code=code, display=display),
        "subject": {"reference": "Patient/1"},
        **members,
    }


def statement(*, code: str = "322236009", display: str = "Paracetamol 500mg tablets", **members: Any) -> Json:
    """Return an active MedicationStatement."""
    return {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": concept(code=code, display=display),
        "subject": {"reference": "Patient/1"},
        **members,
    }


def observation(*, code: str = "1000731000000107", display: str = "Serum creatinine level", **members: Any) -> Json:
    """Return a final laboratory Observation without a value."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            concept(code="laboratory", system="http://terminology.hl7.org/CodeSystem/observation-category"),
        ],
        "code": concept(code=code, display=display),
        "subject": {"reference": "Patient/1"},
        **members,
    }


def immunisation(*, code: str = "39114911000001105", display: str = "Influenza vaccine", **members: Any) -> Json:
    """Return a completed Immunization."""
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": concept(code=code, display=display),
        "patient": {"reference": "Patient/1"},
        **members,
    }


def procedure(*, code: str = "80146002", display: str = "Appendicectomy", **members: Any) -> Json:
    """Return a completed Procedure."""
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": concept(code=code, display=display),
        "subject": {"reference": "Patient/1"},
        **members,
    }


def restricted(*, code: str = "R") -> Json:
    """Return the `meta` of a resource that its source has labelled."""
    return {"security": [{"system": CONFIDENTIALITY, "code": code}]}


def item(*, resource: Mapping[str, Any], source: str = "practice", **values: Any) -> Item:
    """Return an item of one source; its id is new unless given."""
    written = json.dumps(resource).encode()
    named = {"category": category_of(resource=dict(resource)), **values}
    return item_of_bytes(resource=written, source=source, **named)


def item_of_bytes(*, resource: bytes, source: str = "practice", **values: Any) -> Item:
    """Return an item of one source whose bytes matter."""
    return Item(
        **{
            "id": uuid4().hex,
            "source_id": source,
            "resource": resource,
            "labels": labels_of(resource=resource),
            **values,
        }
    )


def fact(*, resource: Mapping[str, Any], others: Mapping[str, Json] | None = None) -> Fact:
    """Return a resource as it is compared; `others` are what it may point to, by `Type/id`."""
    return normalise(item=item(resource=resource), resolver=Others(held=others or {}))


def lines(*, resource: Mapping[str, Any], others: Mapping[str, Json] | None = None) -> tuple[tuple[str, str], ...]:
    """Return the lines that a resource is shown by; `others` are what it may point to, by `Type/id`."""
    sent = Sent(resource=dict(resource), item=item(resource=resource), resolver=Others(held=others or {}))
    return details_of(sent=sent)


@dataclass(frozen=True, kw_only=True)
class Others:
    """What one resource may point to, by `Type/id`."""

    held: Mapping[str, Json]

    def resource(self, *, item: Item, reference: str) -> Json:
        return self.held.get(reference, {})

    def is_sound(self, *, item: Item, reference: str) -> bool:
        return True

    def name(self, *, item: Item, reference: str) -> str:
        return split_absolute(reference=reference)[1] or without_version(reference=reference)

    def item_id(self, *, item: Item, reference: str) -> str:
        return f"item of {reference}" if reference in self.held else ""


# Rows


def organisation(*, ods_code: str = "", name: str = "") -> Organisation:
    """Add an organisation."""
    code = ods_code or f"X{next(_serial):05}"
    return Organisation.objects.create(ods_code=code, name=name or f"Organisation {code}")


def source(*, slug: str = "", **values: Any) -> Source:
    """Add a source of an organisation of its own."""
    short_name = slug or f"source-{next(_serial)}"
    return Source.objects.create(
        **{
            "slug": short_name,
            "name": short_name.capitalize(),
            "organisation": values.get("organisation") or organisation(),
            "kind": "fhir_r4",
            "base_url": "http://127.0.0.1:9/fhir",
            "identifier_system": f"https://{short_name}.example/id",
            **values,
        }
    )


def user(*, role: Role = Role.CLINICIAN, at: Organisation | None = None, **values: Any) -> User:
    """Add a user with one membership."""
    added = User.objects.create(
        **{"username": f"user-{next(_serial)}", "family": "Osei", "given": "Ama", "prefix": "Dr", **values}
    )
    Membership.objects.create(user=added, organisation=at or organisation(), role=role)
    return added


def load(*, at: Source, identities: Iterable[Identity], now: datetime = NOW) -> LoadReport:
    """Take in what a source says of its people."""
    with transaction.atomic():
        return mpi_operations.load_identities(source=at, identities=list(identities), now=now)


def person(*, at: Source, **values: Any) -> Person:
    """Add a person whom one source holds."""
    taken = identity(**values)
    load(at=at, identities=[taken])
    return person_of(record=SourceRecord.objects.get(source=at, identifier_value=taken.identifier_value))


def person_of(*, record: SourceRecord) -> Person:
    """Return the person whom a source record is linked to now."""
    return Link.objects.select_related("person").get(source_record=record, ended_at__isnull=True).person


def requester(**values: Any) -> Requester:
    """Return a clinician who is signed in; as a client, one whose token is for everything."""
    return Requester(
        **{
            "user_id": uuid4(),
            "membership_id": uuid4(),
            "family": "Osei",
            "given": "Ama",
            "organisation_id": uuid4(),
            "organisation_ods": "X99101",
            "organisation_name": "The Surgery",
            "role": Role.CLINICIAN,
            "purpose": PurposeOfUse.TREATMENT,
            "scopes": read_scopes(text="system/*.rs") if values.get("role") is Role.CLIENT else None,
            **values,
        }
    )


def permitting(*, now: datetime = NOW, policies: Iterable[PolicyTerms] = ()) -> Decision:
    """Return a decision that shows a clinician the record of somebody registered with their organisation.

    `policies` are the patient's.
    """
    clinician = requester()
    assert clinician.organisation_id is not None
    registered = RelationshipTerms(
        organisation_id=clinician.organisation_id,
        kind=RelationshipKind.REGISTERED,
        from_date=now.date() - timedelta(days=1),
        until_date=None,
    )
    return decide(
        requester=clinician,
        permission=Permission.VIEW_RECORD,
        policies=policies,
        relationships=[registered],
        now=now,
        still_acts=True,
    )


def asker() -> Asker:
    """Return the human on whose behalf sources are asked."""
    return Asker(
        user_id=str(uuid4()), family="Osei", given="Ama", organisation_ods="X99101", organisation_name="The Surgery"
    )


def candidate(*, source_id: UUID | None = None, **values: Any) -> Candidate:
    """Return a source that holds the person and may be asked."""
    return Candidate(
        **{
            "source_id": source_id or uuid4(),
            "time_limit_s": 9.0,
            "answers_serve_others": True,
            "local_identifiers": ("1",),
            "may_ask": True,
            "enabled": True,
            **values,
        }
    )


def retrieval(
    *,
    of: Person,
    sources: Iterable[Source],
    by: Requester | None = None,
    now: datetime = NOW,
    deadline_s: float = 10.0,
    answers_serve_others: bool = True,
) -> UUID:
    """Write a planned retrieval of a person from these sources."""
    asking = by or requester()
    plan = make_plan(
        candidates=[
            candidate(source_id=one.id, time_limit_s=one.time_limit_s, answers_serve_others=answers_serve_others)
            for one in sources
        ],
        categories=CLINICAL_CATEGORIES,
        person_id=of.id,
        asker_id=asking.asker_id,
        deadline_s=deadline_s,
        now=now,
    )
    return federation_operations.write_retrieval(
        plan=plan, person_id=of.id, requester=asking, asker=asker(), categories=CLINICAL_CATEGORIES, now=now
    )


def days(number: int) -> timedelta:
    """Return so many days."""
    return timedelta(days=number)
