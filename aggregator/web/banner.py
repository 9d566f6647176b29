"""The patient banner of a person: who this is, always visible. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.web import wording


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The patient banner: four identifiers, and warnings about them. Somebody who has died has only an age at death.

    `standing` marks what the showing of the record below stands on, "" where there is none.
    """

    person_id: UUID
    name: str
    born: str
    age: str
    gender: str
    nhs_number: str
    number_remark: str
    address: str
    deceased: bool = False
    died: str = ""
    age_at_death: str = ""
    warnings: tuple[str, ...] = ()
    emergency: OpenInEmergency | None = None
    standing: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenInEmergency:
    """That the record below is open in an emergency: by which access, and until when."""

    access_id: UUID
    until: str


def banner_of(*, person: PersonSummary, today: date, emergency: OpenInEmergency | None = None) -> Banner:
    """Return a person's banner."""
    golden = person.golden
    return Banner(
        person_id=person.person_id,
        name=wording.banner_name(family=golden.family, given=golden.given),
        born=wording.short_date(golden.birth_date),
        age="" if golden.deceased else wording.age(golden.birth_date, today=today),
        gender=golden.sex.capitalize() or wording.NOT_KNOWN,
        nhs_number=wording.nhs_number(golden.nhs_number or golden.unusable_number),
        number_remark=_number_remark(golden),
        address=_address(golden),
        deceased=bool(golden.deceased),
        died=wording.died(golden.death_date) if golden.deceased else "",
        age_at_death=wording.age_at_death(golden.birth_date, died=golden.death_days, today=today)
        if golden.deceased
        else "",
        warnings=_warnings(person),
        emergency=emergency,
    )


def _warnings(person: PersonSummary) -> tuple[str, ...]:
    """Return what a reader must know before relying on this person's identity."""
    warnings = []
    if person.death_claims:
        claims = "; ".join(
            f"{claim.who}: {wording.death_claim(deceased=claim.deceased, sent=claim.death_date)}"
            for claim in person.death_claims
        )
        warnings.append(f"Sources disagree about this patient's death: {claims}.")
    if person.shares_number:
        warnings.append("This NHS number is also on another person's record: check the other identifiers.")
    return tuple(warnings)


def _address(golden: GoldenRecord) -> str:
    if golden.is_whereabouts_restricted:
        return "not shown: a source marks this as restricted"
    return ", ".join(part for part in (golden.address_line, golden.postcode) if part)


def _number_remark(golden: GoldenRecord) -> str:
    if golden.nhs_number_is_verified:
        return ""
    if golden.nhs_number:
        return "not verified"
    return "not a valid number" if golden.unusable_number else ""
