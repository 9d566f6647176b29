"""The golden record: what is believed about a person, derived from linked source records, never edited. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from aggregator.mpi.death import DeathClaim, days_meant, fhir_date
from aggregator.mpi.demographics import Demographics


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one linked source record contributes. Lower `rank` (of its source) wins; newer breaks ties."""

    demographics: Demographics
    rank: int
    updated_at: datetime
    source_slug: str


@dataclass(frozen=True, kw_only=True)
class GoldenRecord:
    """`unusable_number` is what was sent as an NHS number and is not a valid one, where nobody sent a valid one. It is
    shown, so that readers can see what the source holds, and never used for matching. `deceased` is None where no
    source says. `is_whereabouts_restricted`: a source says that where the person lives is not to be told."""

    nhs_number: str = ""
    nhs_number_is_verified: bool = False
    unusable_number: str = ""
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""
    postcode: str = ""
    address_line: str = ""
    phone: str = ""
    deceased: bool | None = None
    death_date: str = ""
    is_whereabouts_restricted: bool = False

    @property
    def death_days(self) -> tuple[date, date] | None:
        """The first and the last day that the date of death can mean; None where it is not known or no date."""
        return days_meant(text=self.death_date)

    @property
    def fhir_death_date(self) -> str:
        """The date of death where it can be written as a FHIR dateTime, otherwise ""."""
        return fhir_date(text=self.death_date)


@dataclass(frozen=True, kw_only=True)
class PersonSummary:
    """A person as listed and as shown in the banner.

    `death_claims` are what the sources say about a death, where they disagree. `shares_number`: a source holds another
    person under the same NHS number. `replaces`: the ids of those who were joined to this person.
    """

    person_id: UUID
    golden: GoldenRecord
    death_claims: tuple[DeathClaim, ...] = ()
    shares_number: bool = False
    replaces: tuple[UUID, ...] = ()

    def naming(self, source_ids: Collection[UUID], /) -> PersonSummary:
        """Return it without the names of any other sources: that one holds the person may itself be confidential."""
        claims = (
            claim if claim.source_id in source_ids else replace(claim, source_name="", source_id=None)
            for claim in self.death_claims
        )
        return replace(self, death_claims=tuple(claims))

    def without_whereabouts(self) -> PersonSummary:
        """Return it without where the person lives and how they are reached, and with that this is restricted."""
        told = replace(self.golden, postcode="", address_line="", phone="", is_whereabouts_restricted=True)
        return replace(self, golden=told)


def golden_record(*, contributions: Iterable[Contribution]) -> GoldenRecord:
    """Return the golden record of a person's source records; the order in which they are given does not matter.

    Each field comes from the best source that has it: lowest rank, then newest, then source name. Address and postcode
    come from one source together. A verified number beats one that is not. One source that says that the person has
    died is enough, whatever the others say; the date comes from the best source that gives one.
    """
    ordered = sorted(
        contributions,
        key=lambda part: (part.rank, -part.updated_at.timestamp(), part.source_slug, repr(part.demographics)),
    )
    people = [part.demographics for part in ordered]
    numbered = [person for person in people if person.number_is_verified] or [p for p in people if p.valid_number]
    named = _first(people, lambda person: bool(person.family and person.given)) or _first(
        people, lambda person: bool(person.family or person.given)
    )
    housed = _first(people, lambda person: bool(person.postcode or person.address_line))
    dead = [person for person in people if person.deceased]
    return GoldenRecord(
        nhs_number=numbered[0].valid_number if numbered else "",
        nhs_number_is_verified=bool(numbered) and numbered[0].number_is_verified,
        unusable_number="" if numbered else next((person.nhs_number for person in people if person.nhs_number), ""),
        family=named.family if named else "",
        given=named.given if named else "",
        birth_date=next((person.birth_date for person in people if person.birth_date), None),
        sex=next((person.sex for person in people if person.sex and person.sex != "unknown"), ""),
        postcode=housed.postcode if housed else "",
        address_line=housed.address_line if housed else "",
        phone=next((person.phone for person in people if person.phone), ""),
        deceased=True if dead else next((person.deceased for person in people if person.deceased is not None), None),
        death_date=next((person.death_date for person in dead if person.death_date), ""),
    )


def _first(people: Sequence[Demographics], wanted: Callable[[Demographics], bool]) -> Demographics | None:
    return next((person for person in people if wanted(person)), None)
