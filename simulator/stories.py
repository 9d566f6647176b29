"""The seven stories: people written by hand, whose NHS numbers and content do not change with the seed.

Each shows one thing that the service must get right. `region.json` lists them with what to look for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from simulator.codes import DRUGS
from simulator.codes_of_care import ALLERGENS, REACTIONS
from simulator.facts import Allergy, Course, Holding, ListWarning, Problem
from simulator.illnesses import CONDITIONS
from simulator.lives import Life, referral
from simulator.organisations import SOURCES
from simulator.people import VERIFIED, Demographics, Person, local_id_of

MILLBECK, FERRYGATE = "millbeck-surgery", "ferrygate-medical"
ROYAL, ESKWITH = "thornmere-royal", "eskwith-general"
COMMUNITY, MENTAL = "harrowdale-community", "larkbeck-mental-health"

CONFIDENTIAL = ListWarning(
    code="confidential-items", text="Items excluded due to confidentiality and/or patient preferences."
)

Tell = Callable[[str, Holding, date], Holding]  # source's slug, what it would hold, today


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A permanent fault of one source for one person; `answer_as` names the person whose record it sends instead."""

    mode: str
    answer_as: str = ""


@dataclass(frozen=True, kw_only=True)
class Story:
    """One story: its person (and others in it), what differs from an ordinary life, and what to look for."""

    slug: str
    title: str
    look_for: str
    people: tuple[Person, ...]
    shape_life: Callable[[Life, date], Life]
    tell: Tell
    faults: Mapping[str, Fault] = field(default_factory=dict)  # by the source's slug
    opt_out: bool = False


def stories(*, seed: int) -> tuple[Story, ...]:
    """Return the seven stories."""
    return (
        _two_doses(seed=seed),
        _allergy_or_none(seed=seed),
        _silent_practice(seed=seed),
        _somebody_else(seed=seed),
        _moved(seed=seed),
        _twins(seed=seed),
        _opted_out(seed=seed),
    )


def _person(
    *,
    key: str,
    number: str,
    name: str,
    gender: str,
    born: str,
    home: str,
    sources: tuple[str, ...],
    seed: int,
    former: str = "",
) -> Person:
    prefix, *given, family = name.split()
    line, town, postcode = (part.strip() for part in home.split(","))
    truth = Demographics(
        nhs_number=number,
        nhs_number_status=VERIFIED,
        family=family,
        given=tuple(given),
        prefix=prefix,
        gender=gender,
        birth_date=date.fromisoformat(born),
        address_line=line,
        town=town,
        postcode=postcode,
        phone=f"07700 900{number[7:]}",
    )
    known = {
        source.slug: local_id_of(source=source, person_key=key, seed=seed, number=number)
        for source in SOURCES
        if source.slug in sources
    }
    return Person(key=key, truth=truth, former_family=former, known_to=known)


def _as_drawn(life: Life, today: date) -> Life:
    return life


def _as_held(slug: str, holding: Holding, today: date) -> Holding:
    return holding


def _penicillin(*, today: date) -> Allergy:
    return Allergy(
        key="penicillin",
        allergen=ALLERGENS["penicillin"],
        reaction=REACTIONS["anaphylaxis"],
        severity="severe",
        recorded=today - timedelta(days=4100),
    )


def _illnesses(*, today: date) -> tuple[Problem, Problem]:
    return (
        Problem(key="type-2-diabetes", condition=CONDITIONS["type-2-diabetes"], onset=today - timedelta(days=3200)),
        Problem(key="hypertension", condition=CONDITIONS["hypertension"], onset=today - timedelta(days=5000)),
    )


def _medicines(*, today: date) -> tuple[Course, Course]:
    metformin, amlodipine = DRUGS["metformin"], DRUGS["amlodipine"]
    return (
        Course(
            key="type-2-diabetes/metformin",
            drug=metformin,
            dose=metformin.doses[0],
            problem="type-2-diabetes",
            started=today - timedelta(days=3186),
        ),
        Course(
            key="hypertension/amlodipine",
            drug=amlodipine,
            dose=amlodipine.doses[0],
            problem="hypertension",
            started=today - timedelta(days=4900),
        ),
    )


def _two_doses(*, seed: int) -> Story:
    """Diabetes and metformin in four sources: 500 mg at two of them, 1 g at the others; the fifth never answers."""

    def shape(life: Life, today: date) -> Life:
        return replace(life, problems=_illnesses(today=today), courses=_medicines(today=today), allergies=())

    def tell(slug: str, holding: Holding, today: date) -> Holding:
        both = slug in (MILLBECK, ROYAL)
        metformin, *others = _medicines(today=today)
        dose = metformin.drug.doses[1 if slug in (ROYAL, COMMUNITY) else 0]
        return replace(
            holding,
            problems=_illnesses(today=today)[: 2 if both else 1],
            referrals=(referral(name="cardiology", on=today - timedelta(days=30)),) if slug == MILLBECK else (),
            courses=(replace(metformin, dose=dose), *(others if both else ())),
            allergies=(_penicillin(today=today),) if slug in (MILLBECK, ESKWITH) else (),
            no_known_allergy_on=None,
        )

    person = _person(
        key="story-1",
        number="9990000018",
        name="Mrs Katherine Anne Ellwood",
        gender="female",
        born="1956-04-12",
        home="14 Beck Side, Millbeck, TM3 7AH",
        seed=seed,
        former="Askwith",
        sources=(MILLBECK, ROYAL, ESKWITH, COMMUNITY, MENTAL),
    )
    return Story(
        slug="two-doses",
        title="One illness and one drug, in four sources, at two doses",
        people=(person,),
        look_for="Type 2 diabetes is one entry from four sources. Metformin is an entry with a conflict: 500 mg "
        "twice a day at the practice and Eskwith, 1 g at the Royal; the community trust writes 1 g without a code, so "
        "its line stands beside. Larkbeck never answers.",
        shape_life=shape,
        tell=tell,
        faults={MENTAL: Fault(mode="hang")},
    )


def _allergy_or_none(*, seed: int) -> Story:
    """An allergy at the practice, none known at the hospital."""

    def tell(slug: str, holding: Holding, today: date) -> Holding:
        if slug == MILLBECK:
            return replace(holding, allergies=(_penicillin(today=today),), no_known_allergy_on=None)
        return replace(holding, allergies=(), no_known_allergy_on=today - timedelta(days=45))

    person = _person(
        key="story-2",
        number="9990000026",
        name="Mr Derek Holroyd",
        gender="male",
        born="1949-11-30",
        home="3 Quarry Bank, Thornmere, TM1 4EB",
        seed=seed,
        sources=(MILLBECK, ROYAL),
    )
    return Story(
        slug="allergy-or-none",
        title="An allergy at the practice, none known at the hospital",
        people=(person,),
        look_for="Penicillin allergy (severe) from the practice beside 'no known allergy' from the Royal: a conflict "
        "on show, and the banner says that allergies are known.",
        shape_life=_as_drawn,
        tell=tell,
    )


def _silent_practice(*, seed: int) -> Story:
    """The one source that holds the allergy does not answer."""

    def tell(slug: str, holding: Holding, today: date) -> Holding:
        if slug == FERRYGATE:
            return replace(holding, allergies=(_penicillin(today=today),), no_known_allergy_on=None)
        asked = today - timedelta(days=20) if slug == ESKWITH else None
        return replace(holding, allergies=(), no_known_allergy_on=asked)

    person = _person(
        key="story-3",
        number="9990000034",
        name="Ms Priya Chaudhary",
        gender="female",
        born="1978-02-03",
        home="72 Ferry Road, Ferrygate, TM6 1DD",
        seed=seed,
        sources=(FERRYGATE, ROYAL, ESKWITH, COMMUNITY),
    )
    return Story(
        slug="silent-practice",
        title="The source that holds the allergy does not answer",
        people=(person,),
        look_for="Allergies read 'unavailable', never 'no known allergies', although Eskwith says that none is "
        "known: the practice timed out.",
        shape_life=_as_drawn,
        tell=tell,
        faults={FERRYGATE: Fault(mode="hang")},
    )


def _somebody_else(*, seed: int) -> Story:
    """A hospital answers with the record of another person."""
    person = _person(
        key="story-4",
        number="9990000042",
        name="Mr Alan Metcalfe",
        gender="male",
        born="1962-07-19",
        home="8 Larch Close, Larkbeck, TM8 2LN",
        seed=seed,
        sources=(MILLBECK, ROYAL, ESKWITH),
    )
    stranger = _person(
        key="story-4-stranger",
        number="9990000050",
        name="Mr Alec Medcalf",
        gender="male",
        born="1971-12-01",
        home="21 Weir Terrace, Eskwith, TM5 3GA",
        seed=seed,
        sources=(FERRYGATE, ESKWITH),
    )
    return Story(
        slug="somebody-else",
        title="A hospital answers with somebody else's record",
        people=(person, stranger),
        look_for="Eskwith answers with another man's Patient (name, birth date and NHS number differ). Nothing of that "
        "answer is shown; it is quarantined and raised for review. The other sources are shown.",
        shape_life=_as_drawn,
        tell=_as_held,
        faults={ESKWITH: Fault(mode="answer-as", answer_as="story-4-stranger")},
    )


def _moved(*, seed: int) -> Story:
    """A person who has just moved practice, with confidential items."""

    def tell(slug: str, holding: Holding, today: date) -> Holding:
        if slug != FERRYGATE:
            return holding
        since = today - timedelta(days=25)
        transit = ListWarning(
            code="data-in-transit",
            text="Patient record transfer from previous GP practice not yet complete; "
            f"information recorded before {since:%d-%b-%Y} may be missing.",
        )
        return replace(
            holding,
            registered_on=since,
            warnings=(transit, CONFIDENTIAL),
            reports=(),
            vaccinations=(),
            visits=tuple(visit for visit in holding.visits if visit.started_at.date() >= since),
            readings=tuple(reading for reading in holding.readings if reading.taken_at.date() >= since),
        )

    person = _person(
        key="story-5",
        number="9990000069",
        name="Miss Chiamaka Grace Okafor",
        gender="female",
        born="1994-09-08",
        home="5 Mill Lane, Ferrygate, TM6 8JA",
        seed=seed,
        sources=(FERRYGATE, ROYAL),
    )
    return Story(
        slug="moved",
        title="A person who has just moved practice, with confidential items",
        people=(person,),
        look_for="Every section that the practice feeds says that the transfer is not complete (with its date) and "
        "that items were left out for confidentiality.",
        shape_life=_as_drawn,
        tell=tell,
    )


def _twins(*, seed: int) -> Story:
    """Twin sisters at one address: two people, not one."""
    home, sources = "40 Harrow Rise, Harrowdale, TM7 5BN", (MILLBECK, ROYAL, ESKWITH)
    first = _person(
        key="story-6",
        number="9990000077",
        name="Miss Ella Birtwhistle",
        gender="female",
        born="2009-03-21",
        home=home,
        seed=seed,
        sources=sources,
    )
    second = _person(
        key="story-6-twin",
        number="9990000085",
        name="Miss Elle Birtwhistle",
        gender="female",
        born="2009-03-21",
        home=home,
        seed=seed,
        sources=sources,
    )
    return Story(
        slug="twins",
        title="Twin sisters at one address",
        people=(first, second),
        look_for="Two people. Same birth date, family name, sex, postcode and sources; one letter and the NHS number "
        "tell them apart. The index never joins them, and neither's items show in the other's record.",
        shape_life=_as_drawn,
        tell=_as_held,
    )


def _opted_out(*, seed: int) -> Story:
    """A person who has opted out of sharing."""
    person = _person(
        key="story-7",
        number="9990000093",
        name="Mr Stanley Outhwaite",
        gender="male",
        born="1944-01-25",
        home="2 Chapel Street, Thornmere, TM2 6HF",
        seed=seed,
        sources=(MILLBECK, ROYAL, COMMUNITY),
    )
    return Story(
        slug="opted-out",
        title="A person who has opted out of sharing",
        people=(person,),
        opt_out=True,
        look_for="No source is asked and nothing is shown; the page says why, and what may be done in an emergency.",
        shape_life=_as_drawn,
        tell=_as_held,
    )
