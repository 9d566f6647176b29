"""The people of the region, and how each source has written them down.

Every draw comes from a generator seeded by the region's seed and the person's own key, so one person never changes
because another was added.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

import nhs_number

from simulator.names import FAMILIAR, FAMILY, FEMALE, MALE, STREETS, TOWNS
from simulator.organisations import PRACTICES, SOURCES, Source

BIRTH_ANCHOR = date(2026, 1, 1)  # birth dates are relative to this, not to today, and so never change
VERIFIED, NOT_TRACED, TRACE_REQUIRED = "01", "02", "03"
NUMBER_STATUSES: Mapping[str, str] = {
    VERIFIED: "Number present and verified",
    NOT_TRACED: "Number present but not traced",
    TRACE_REQUIRED: "Trace required",
}
IDENTITY_SPACE = uuid.UUID("6f3b1d0a-52c4-4f3e-9a44-8f1d4c6f2b70")


@dataclass(frozen=True, kw_only=True)
class Demographics:
    """Who a person is, as one source or the truth has it."""

    nhs_number: str
    nhs_number_status: str
    family: str
    given: tuple[str, ...]
    prefix: str
    gender: str
    birth_date: date
    address_line: str
    town: str
    postcode: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person. `known_to` maps a source's slug to the local identifier there; `former_family` is a maiden name."""

    key: str
    truth: Demographics
    former_family: str = ""
    known_to: Mapping[str, str] = field(default_factory=dict)


def nhs_number_of(*, serial: int) -> str:
    """Return a valid NHS number of the range kept for tests; different for each of 128,000 serials in a row.

    Source: NHS number check digit (modulus 11); 999 000 0000 to 999 999 9999 is never issued. Those that begin with
    9990 are left to the stories, whose numbers do not change with the seed.
    """
    for number in range(100_000 + serial * 7 % 899_990, 1_000_000):
        body = f"999{number:06d}"
        check = nhs_number.calculate_checksum(body)
        if check is not None and check != 10:
            return f"{body}{check}"
    raise ValueError("no number left in the range")


def local_id_of(*, source: Source, person_key: str, seed: int, number: str) -> str:
    """Return the identifier under which `source` holds the person, in the source's own shape."""
    rng = Random(f"{seed}/{source.slug}/{person_key}/id")
    shapes = {
        "nhs": lambda: number,
        "digits": lambda: f"{rng.randrange(10**6):08d}",
        "letters": lambda: f"EG{rng.randrange(10**5, 10**6)}{rng.choice('ABCDEFGHJK')}",
        "hyphens": lambda: f"{rng.randrange(100, 1000)}-{rng.randrange(10**4, 10**5)}",
        "uuid": lambda: str(uuid.uuid5(IDENTITY_SPACE, f"{seed}/{source.slug}/{person_key}")),
    }
    return shapes[source.habits.local_id]()


def crowd(*, seed: int, count: int) -> tuple[Person, ...]:
    """Return `count` people, most of them registered at a practice and known to one to four other sources.

    Every eleventh shares address and family name with the one before, as households do.
    """
    people: list[Person] = []
    for index in range(count):
        rng = Random(f"{seed}/person/{index}")
        person = _person(rng=rng, index=index, seed=seed)
        if index % 11 == 10:
            home = people[-1].truth
            person = replace(
                person,
                truth=replace(
                    person.truth,
                    family=home.family,
                    postcode=home.postcode,
                    address_line=home.address_line,
                    town=home.town,
                ),
            )
        people.append(replace(person, known_to=_known_to(person=person, rng=rng, seed=seed)))
    return tuple(people)


def _person(*, rng: Random, index: int, seed: int) -> Person:
    gender = rng.choice(("female", "male"))
    names = FEMALE if gender == "female" else MALE
    given = (rng.choice(names), rng.choice(names)) if rng.random() < 0.6 else (rng.choice(names),)
    age_days = int(rng.triangular(1, 98, 62) * 365.25)
    family = rng.choice(FAMILY)
    married = gender == "female" and age_days > 30 * 365 and rng.random() < 0.4
    former = rng.choice([name for name in FAMILY if name != family]) if married else ""
    truth = Demographics(
        nhs_number=nhs_number_of(serial=20_000 + index + seed * 977),
        nhs_number_status=VERIFIED,
        family=family,
        given=given,
        prefix=_prefix(gender=gender, married=married, child=age_days < 16 * 365),
        gender=gender,
        birth_date=BIRTH_ANCHOR - timedelta(days=age_days),
        address_line=f"{rng.randrange(1, 140)} {rng.choice(STREETS)}",
        town=rng.choice(TOWNS),
        postcode=f"TM{rng.randrange(1, 10)} {rng.randrange(1, 10)}{rng.choice('ABDEFGHJLN')}{rng.choice('ABDEFGHJLN')}",
        phone=f"07700 900{rng.randrange(1000):03d}",
    )
    return Person(key=f"person-{index:04d}", truth=truth, former_family=former)


def _prefix(*, gender: str, married: bool, child: bool) -> str:
    if gender == "male":
        return "Master" if child else "Mr"
    return "Mrs" if married else "Miss" if child else "Ms"


def _known_to(*, person: Person, rng: Random, seed: int) -> dict[str, str]:
    practice = rng.choice(PRACTICES) if rng.random() < 0.93 else ""
    hospitals = [source.slug for source in SOURCES if source.care != "gp"]
    chosen = set(rng.sample(hospitals, k=rng.choices((1, 2, 3, 4), weights=(40, 35, 18, 7))[0]))
    chosen.add(practice)
    return {
        source.slug: local_id_of(source=source, person_key=person.key, seed=seed, number=person.truth.nhs_number)
        for source in SOURCES
        if source.slug in chosen
    }


def written_down(*, person: Person, source: Source, seed: int, slips: bool = True) -> Demographics:
    """Return the person as `source` has written them down: its habits, and (with `slips`) the odd mistake.

    A practice keeps the registered name and, but for a few, a verified NHS number.
    """
    rng = Random(f"{seed}/{source.slug}/{person.key}/written")
    recorded = _named(person=person, source=source, rng=rng)
    if not slips:
        return recorded
    if source.care == "gp":
        return replace(recorded, nhs_number_status=TRACE_REQUIRED) if rng.random() < 0.01 else recorded
    return _mistaken(recorded=_numbered(recorded=recorded, rng=rng), rng=rng)


def _named(*, person: Person, source: Source, rng: Random) -> Demographics:
    recorded = person.truth
    habit = source.habits.names
    if habit == "upper":
        return replace(recorded, family=recorded.family.upper(), given=recorded.given[:1])
    if habit == "familiar":
        first = FAMILIAR.get(recorded.given[0], recorded.given[0])
        return replace(recorded, given=(first, *(name[:1] for name in recorded.given[1:])))
    if habit == "swapped" and rng.random() < 0.05:
        return replace(recorded, family=recorded.given[0], given=(recorded.family,))
    if habit == "former" and person.former_family:
        return replace(recorded, family=person.former_family)
    return recorded


def _numbered(*, recorded: Demographics, rng: Random) -> Demographics:
    draw = rng.random()
    if draw < 0.05:
        return replace(recorded, nhs_number="", nhs_number_status="")
    if draw < 0.11:
        return replace(recorded, nhs_number_status=rng.choice((NOT_TRACED, TRACE_REQUIRED)))
    if draw < 0.12:
        wrong = recorded.nhs_number[:9] + str((int(recorded.nhs_number[9]) + 1) % 10)
        return replace(recorded, nhs_number=wrong, nhs_number_status=TRACE_REQUIRED)
    return recorded


def _mistaken(*, recorded: Demographics, rng: Random) -> Demographics:
    draw = rng.random()
    if draw < 0.03:
        return replace(recorded, family=_transposed(text=recorded.family, rng=rng))
    if draw < 0.045 and recorded.birth_date.day <= 12:
        born = recorded.birth_date
        return replace(recorded, birth_date=date(born.year, born.day, born.month))
    if draw < 0.10:
        return replace(recorded, postcode=f"TM{rng.randrange(1, 10)} {rng.randrange(1, 10)}XX", phone="")
    if draw < 0.16:
        return replace(recorded, family=recorded.family.lower(), given=tuple(name.lower() for name in recorded.given))
    return recorded


def _transposed(*, text: str, rng: Random) -> str:
    at = rng.randrange(1, max(2, len(text) - 1))
    return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
