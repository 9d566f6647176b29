"""Reads of the master patient index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from aggregator.mpi.demographics import Demographics, clean_name, first_given
from aggregator.mpi.golden import GoldenRecord
from aggregator.mpi.models import Link, Person, SourceRecord

# More hits than this and the search is too wide to pick the right person from.
SEARCH_LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class PersonSummary:
    """A person as listed and as shown in the banner."""

    person_id: UUID
    golden: GoldenRecord


@dataclass(frozen=True, kw_only=True)
class HeldBy:
    """A live link: the identifier under which a source holds the person, and what it says of them."""

    source_id: UUID
    source_record_id: UUID
    identifier_system: str
    identifier_value: str
    nhs_number_sent: str
    demographics: Demographics


def demographics_of(record: SourceRecord) -> Demographics:
    """Return a source record's demographics as the pure modules take them."""
    return Demographics(
        nhs_number=record.nhs_number_sent,
        nhs_number_status=record.nhs_number_status,
        family=record.family,
        given=record.given,
        birth_date=record.birth_date,
        sex=record.sex,
        postcode=record.postcode,
        address_line=record.address_line,
        phone=record.phone,
    )


def summary_of(person: Person) -> PersonSummary:
    """Return a person's summary."""
    return PersonSummary(
        person_id=person.id,
        golden=GoldenRecord(
            nhs_number=person.nhs_number,
            nhs_number_is_verified=person.nhs_number_is_verified,
            unusable_number=person.unusable_number,
            family=person.family,
            given=person.given,
            birth_date=person.birth_date,
            sex=person.sex,
            postcode=person.postcode,
            address_line=person.address_line,
            phone=person.phone,
        ),
    )


def person_summary(*, person_id: UUID) -> PersonSummary | None:
    """Return a person's summary, or None when there is no such person."""
    person = Person.objects.filter(id=person_id).first()
    return summary_of(person) if person else None


def held_by(*, person_id: UUID) -> list[HeldBy]:
    """Return the live links of a person, in a fixed order."""
    links = (
        Link.objects.filter(person_id=person_id, ended_at__isnull=True)
        .select_related("source_record__source")
        .order_by("source_record__source__slug", "source_record__identifier_value")
    )
    return [
        HeldBy(
            source_id=link.source_record.source_id,
            source_record_id=link.source_record_id,
            identifier_system=link.source_record.source.identifier_system,
            identifier_value=link.source_record.identifier_value,
            nhs_number_sent=link.source_record.nhs_number_sent,
            demographics=demographics_of(link.source_record),
        )
        for link in links
    ]


def people_with_number(*, nhs_number: str) -> list[PersonSummary]:
    """Return the people whom any source holds under a valid NHS number; more than one is possible, and shown."""
    if not nhs_number:
        return []  # what the records without a valid number have in common
    return _summaries(Person.objects.filter(_linked(nhs_number=nhs_number)))


def people_with_name(*, family: str, given: str, birth_date: date) -> list[PersonSummary]:
    """Return the people whom any source holds under a surname and birth date; `given` narrows when it is not empty."""
    narrowed = _linked(family_clean=clean_name(text=family), birth_date=birth_date)
    if given.strip():
        narrowed &= _linked(given_clean__startswith=first_given(text=given))
    return _summaries(Person.objects.filter(narrowed))


def _linked(**source_record_is: object) -> Q:
    conditions = {f"links__source_record__{name}": value for name, value in source_record_is.items()}
    return Q(links__ended_at__isnull=True, **conditions)


def _summaries(people: QuerySet[Person]) -> list[PersonSummary]:
    ordered = people.distinct().order_by("family", "given", "birth_date", "id")
    return [summary_of(person) for person in ordered[: SEARCH_LIMIT + 1]]
