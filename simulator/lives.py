"""What happened to a person, and which part of it each source holds.

The core of a life (illnesses, allergies, medicines) is drawn once. Each source then holds a part of the core, now and
then told differently (another dose, another date, another status), and what it saw and did itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.codes import DRUGS, PANELS, SHORT_COURSES, TESTS, Panel
from simulator.codes_of_care import (
    ALCOHOL_UNITS,
    ALLERGENS,
    BACKGROUND,
    DIASTOLIC,
    OPERATIONS,
    PAPERS,
    PLANS,
    REACTIONS,
    RECALLS,
    REFERRALS,
    SIGNS,
    SYSTOLIC,
    VACCINES,
    VISIT_KINDS,
    Sign,
    VisitKind,
)
from simulator.codes_of_care import ALERTS as ALERT_CODES
from simulator.facts import (
    Alert,
    Allergy,
    Background,
    Course,
    Event,
    Holding,
    Measurement,
    Paper,
    Plan,
    Problem,
    Reading,
    Referral,
    Report,
    Visit,
)
from simulator.illnesses import CONDITIONS, EPISODES
from simulator.organisations import Source
from simulator.people import Person

SETTINGS = {
    "acute": ("outpatient", "emergency", "inpatient", "outpatient"),
    "community": ("home",),
    "mental": ("mental",),
    "gp": ("outpatient",),
}


@dataclass(frozen=True, kw_only=True)
class Life:
    """The core of a person's health: what more than one source may know."""

    problems: tuple[Problem, ...]
    allergies: tuple[Allergy, ...]
    courses: tuple[Course, ...]
    reports: tuple[Report, ...]
    vaccinations: tuple[Event, ...]
    background: Background


def life_of(*, person: Person, today: date, seed: int) -> Life:
    """Draw the core of a person's life up to `today`."""
    rng = Random(f"{seed}/{person.key}/life")
    age = (today - person.truth.birth_date).days // 365
    problems = _problems(rng=rng, age=age, gender=person.truth.gender, today=today)
    courses = tuple(
        course for problem in problems for course in _courses(rng=rng, problem=problem, today=today)
    ) + _short_courses(rng=rng, today=today, count=rng.randrange(3))
    return Life(
        problems=problems,
        allergies=_allergies(rng=rng, today=today),
        courses=courses,
        reports=_reports(rng=rng, person_key=person.key, problems=problems, today=today),
        vaccinations=_vaccinations(rng=rng, today=today),
        background=_background(rng=rng, age=age, today=today),
    )


def holding_of(*, person: Person, life: Life, source: Source, today: date, seed: int) -> Holding:
    """Return what `source` holds of the person."""
    rng = Random(f"{seed}/{source.slug}/{person.key}/holding")
    visits = _visits(rng=rng, source=source, today=today)
    if source.care == "gp":
        return _practice_holding(rng=rng, life=life, visits=visits, today=today)
    return _hospital_holding(rng=rng, source=source, life=life, visits=visits, today=today)


def _day(*, rng: Random, today: date, least: int, most: int) -> date:
    return today - timedelta(days=rng.randrange(least, max(least + 1, most)))


def _moment(*, rng: Random, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, rng.randrange(8, 18), rng.choice((0, 10, 15, 30, 40, 45)), tzinfo=UTC)


def _problems(*, rng: Random, age: int, gender: str, today: date) -> tuple[Problem, ...]:
    fitting = [
        name
        for name, condition in CONDITIONS.items()
        if condition.ages[0] <= age <= condition.ages[1] and not (name == "prostate" and gender == "female")
    ]
    count = min(len(fitting), rng.randrange(1, 3) + age // 25)
    problems: list[Problem] = []
    for name in _weighted(rng=rng, names=fitting, weights=[CONDITIONS[n].weight for n in fitting], count=count):
        onset = _day(rng=rng, today=today, least=90, most=min(9000, max(400, age * 200)))
        ended = onset + timedelta(days=400) if rng.random() < 0.1 and (today - onset).days > 500 else None
        major = rng.random() < 0.7
        problems.append(Problem(key=name, condition=CONDITIONS[name], onset=onset, ended=ended, major=major))
    return tuple(problems)


def _weighted(*, rng: Random, names: Sequence[str], weights: Sequence[int], count: int) -> list[str]:
    left = dict(zip(names, weights, strict=True))
    drawn: list[str] = []
    for _ in range(count):
        name = rng.choices(list(left), weights=list(left.values()))[0]
        drawn.append(name)
        del left[name]
    return drawn


def _courses(*, rng: Random, problem: Problem, today: date) -> list[Course]:
    drugs = problem.condition.drugs
    taken = rng.sample(drugs, k=min(len(drugs), rng.choice((1, 1, 2))))
    return [
        Course(
            key=f"{problem.key}/{name}",
            drug=DRUGS[name],
            dose=DRUGS[name].doses[0],
            problem=problem.key,
            started=min(today - timedelta(days=20), problem.onset + timedelta(days=rng.randrange(3, 60))),
            ended=problem.ended,
        )
        for name in taken
    ]


def _short_courses(*, rng: Random, today: date, count: int) -> tuple[Course, ...]:
    courses = []
    for name in rng.sample(SHORT_COURSES, k=count):
        started = _day(rng=rng, today=today, least=30, most=900)
        courses.append(
            Course(
                key=f"short/{name}",
                drug=DRUGS[name],
                dose=DRUGS[name].doses[0],
                started=started,
                ended=started + timedelta(days=7),
                repeat=False,
            )
        )
    return tuple(courses)


def _allergies(*, rng: Random, today: date) -> tuple[Allergy, ...]:
    count = rng.choices((0, 1, 2, 3), weights=(58, 26, 12, 4))[0]
    allergies = []
    for name in _weighted(rng=rng, names=list(ALLERGENS), weights=[a.weight for a in ALLERGENS.values()], count=count):
        recorded = _day(rng=rng, today=today, least=200, most=6000)
        ended = recorded + timedelta(days=150) if rng.random() < 0.08 else None
        severity = rng.choices(("mild", "moderate", "severe"), weights=(5, 4, 2))[0]
        reaction = REACTIONS["anaphylaxis" if severity == "severe" else rng.choice(("rash", "urticaria", "nausea"))]
        allergies.append(
            Allergy(
                key=name, allergen=ALLERGENS[name], reaction=reaction, severity=severity, recorded=recorded, ended=ended
            )
        )
    return tuple(allergies)


def _reports(*, rng: Random, person_key: str, problems: tuple[Problem, ...], today: date) -> tuple[Report, ...]:
    panels = sorted({panel for problem in problems for panel in problem.condition.panels} | {"blood-count"})
    reports = []
    for name in panels:
        for _ in range(rng.randrange(1, 4)):
            day = _day(rng=rng, today=today, least=5, most=1200)
            key = f"{name}/{day.isoformat()}"
            number = f"TP{Random(f'{person_key}/{key}').randrange(10**7):07d}"
            reports.append(
                Report(
                    key=key,
                    number=number,
                    panel=PANELS[name],
                    taken_at=_moment(rng=rng, day=day),
                    results=measured(rng=rng, panel=PANELS[name]),
                )
            )
    return tuple({report.key: report for report in reports}.values())


def measured(*, rng: Random, panel: Panel) -> tuple[Measurement, ...]:
    """Draw a value for each test of a panel, with the decimal places that its laboratory prints (7.10, not 7.1)."""
    return tuple(
        Measurement(
            test=TESTS[name],
            value=_value(rng=rng, mean=TESTS[name].mean, spread=TESTS[name].spread, places=TESTS[name].places),
        )
        for name in panel.tests
    )


def _value(*, rng: Random, mean: float, spread: float, places: int) -> Decimal:
    drawn = max(mean * 0.2, rng.gauss(mean, spread))
    return Decimal(f"{drawn:.{places}f}")


def _background(*, rng: Random, age: int, today: date) -> Background:
    smoking = BACKGROUND["never-smoked" if age < 16 else rng.choice(("never-smoked", "ex-smoker", "smoker"))]
    units = Decimal(0) if age < 16 else ALCOHOL_UNITS * rng.randrange(4)
    return Background(
        key="background",
        smoking=smoking,
        alcohol_units=units,
        family_diabetes=rng.random() < 0.2,
        asked_on=_day(rng=rng, today=today, least=30, most=900),
    )


def _visits(*, rng: Random, source: Source, today: date) -> tuple[Visit, ...]:
    visits = []
    for index in range(rng.randrange(2, 6)):
        kind = VISIT_KINDS[rng.choice(SETTINGS[source.care])]
        day = _day(rng=rng, today=today, least=3 if index == 0 else 40, most=60 if index == 0 else 1500)
        visits.append(visit(rng=rng, kind=kind, day=day, key=f"{source.slug}/visit/{index}"))
    return tuple(sorted(visits, key=lambda one: one.started_at))


def visit(*, rng: Random, kind: VisitKind, day: date, key: str) -> Visit:
    """Draw a visit of one kind on one day."""
    started = _moment(rng=rng, day=day)
    lasted = timedelta(days=rng.randint(*kind.days)) if kind.days[1] else timedelta(minutes=rng.choice((10, 20, 45)))
    reason = EPISODES[rng.choice(sorted(EPISODES))]
    return Visit(
        key=key,
        kind=kind,
        started_at=started,
        ended_at=started + lasted,
        reason=reason,
        note=f"{kind.title}: {reason.term.lower()}. Reviewed and advised.",
    )


def _readings(*, rng: Random, visits: tuple[Visit, ...], signs: tuple[str, ...]) -> tuple[Reading, ...]:
    readings = []
    for visit in visits:
        at = visit.started_at + timedelta(minutes=5)
        readings.append(
            Reading(
                key=f"{visit.key}/bp",
                taken_at=at,
                values=((SYSTOLIC, _sign(rng=rng, sign=SYSTOLIC)), (DIASTOLIC, _sign(rng=rng, sign=DIASTOLIC))),
            )
        )
        for name in signs:
            sign = SIGNS[name]
            values = ((sign, _sign(rng=rng, sign=sign)),)
            readings.append(Reading(key=f"{visit.key}/{name}", taken_at=at, values=values))
    return tuple(readings)


def _sign(*, rng: Random, sign: Sign) -> Decimal:
    top = 100.0 if sign.ucum == "%" else 1000.0
    return Decimal(f"{min(top, max(sign.mean * 0.6, rng.gauss(sign.mean, sign.spread))):.{sign.places}f}")


def _practice_holding(*, rng: Random, life: Life, visits: tuple[Visit, ...], today: date) -> Holding:
    return Holding(
        problems=life.problems,
        allergies=life.allergies,
        no_known_allergy_on=_day(rng=rng, today=today, least=100, most=2000) if not life.allergies else None,
        courses=life.courses,
        reports=life.reports,
        readings=_readings(rng=rng, visits=visits, signs=("weight",)),
        visits=visits,
        vaccinations=life.vaccinations,
        referrals=_referrals(rng=rng, today=today),
        recalls=_recalls(rng=rng, today=today),
        papers=_letters_received(visits=visits),
        background=life.background,
    )


def _hospital_holding(*, rng: Random, source: Source, life: Life, visits: tuple[Visit, ...], today: date) -> Holding:
    problems = tuple(
        _told_problem(rng=rng, problem=p)
        for p in life.problems
        if source.care in p.condition.care or rng.random() < 0.25
    )
    keys = {problem.key for problem in problems}
    courses = tuple(_told_course(rng=rng, course=c) for c in life.courses if c.problem in keys or rng.random() < 0.15)
    allergies = tuple(a for a in life.allergies if a.ended is None and rng.random() < 0.7)
    acute = source.care == "acute"
    return Holding(
        problems=problems,
        allergies=allergies,
        no_known_allergy_on=visits[0].started_at.date() if not allergies and rng.random() < 0.3 else None,
        courses=courses,
        reports=_laboratory(rng=rng, life=life, today=today) if acute else (),
        readings=_readings(rng=rng, visits=visits[-3:], signs=_signs_of(source=source)),
        visits=visits,
        operations=_operations(rng=rng, source=source, visits=visits),
        vaccinations=life.vaccinations[:1] if source.care == "community" else (),
        referrals=_referrals(rng=rng, today=today)[:1] if source.care == "community" else (),
        appointments=_appointments(rng=rng, source=source, today=today),
        papers=_papers(source=source, visits=visits),
        plans=_plans(rng=rng, source=source, today=today),
        alerts=_alerts(rng=rng, today=today),
        background=life.background if source.care == "mental" else None,
    )


def _told_problem(*, rng: Random, problem: Problem) -> Problem:
    draw = rng.random()
    if draw < 0.15:
        return replace(problem, onset=problem.onset + timedelta(days=rng.randrange(30, 300)), ended=None)
    if draw < 0.22 and problem.ended is None:
        return replace(problem, ended=problem.onset + timedelta(days=90))
    return problem


def _told_course(*, rng: Random, course: Course) -> Course:
    others = [dose for dose in course.drug.doses if dose != course.dose]
    if others and rng.random() < 0.25:
        return replace(course, dose=rng.choice(others))
    if course.ended is None and rng.random() < 0.1:
        return replace(course, ended=course.started + timedelta(days=60))
    return course


def _signs_of(*, source: Source) -> tuple[str, ...]:
    signs = {"acute": ("heart-rate", "temperature", "oxygen", "breathing"), "community": ("weight",), "mental": ()}
    return signs[source.care]


def _laboratory(*, rng: Random, life: Life, today: date) -> tuple[Report, ...]:
    """The acute trusts run the region's laboratory: they hold some of the GP's reports, and their own."""
    shared = tuple(report for report in life.reports if rng.random() < 0.5)
    day = _day(rng=rng, today=today, least=3, most=400)
    name = rng.choice(sorted(PANELS))
    own = Report(
        key=f"ward/{name}/{day}",
        number=f"WD{rng.randrange(10**7):07d}",
        panel=PANELS[name],
        taken_at=_moment(rng=rng, day=day),
        results=measured(rng=rng, panel=PANELS[name]),
    )
    return (*shared, own)


def _operations(*, rng: Random, source: Source, visits: tuple[Visit, ...]) -> tuple[Event, ...]:
    if source.care == "mental":
        return ()
    names = ["wound-dressing"] if source.care == "community" else [n for n in OPERATIONS if n != "wound-dressing"]
    return tuple(
        Event(key=f"{visit.key}/operation", concept=OPERATIONS[rng.choice(names)], on=visit.started_at.date())
        for visit in visits
        if rng.random() < 0.4
    )


def _vaccinations(*, rng: Random, today: date) -> tuple[Event, ...]:
    names = rng.sample(sorted(VACCINES), k=rng.randrange(1, 4))
    return tuple(
        Event(
            key=f"vaccination/{name}",
            concept=VACCINES[name],
            note=f"B{rng.randrange(10**5):05d}",
            on=_day(rng=rng, today=today, least=20, most=1500),
        )
        for name in names
    )


def _referrals(*, rng: Random, today: date) -> tuple[Referral, ...]:
    names = rng.sample(sorted(REFERRALS), k=rng.randrange(2))
    return tuple(referral(name=name, on=_day(rng=rng, today=today, least=20, most=500)) for name in names)


def referral(*, name: str, on: date) -> Referral:
    """Return a referral to one of the services of `REFERRALS`."""
    return Referral(
        key=f"referral/{name}",
        concept=REFERRALS[name],
        note="Please see and advise.",
        on=on,
        priority="urgent" if name == "cardiology" else "routine",
        recipient="Harrowdale Community Health" if name == "community" else "Thornmere Royal Hospital",
        specialty=SPECIALTIES[name],
        about=ABOUT[name],
    )


SPECIALTIES = {
    "cardiology": "Cardiology",
    "orthopaedics": "Trauma and orthopaedics",
    "mental-health": "Adult mental illness",
    "community": "Community care services",
}
ABOUT = {
    "cardiology": "Palpitations on exertion, new murmur.",
    "orthopaedics": "Knee pain for six months, no better for physiotherapy.",
    "mental-health": "Low mood for three months, poor sleep.",
    "community": "Dressings at home after discharge.",
}


def _recalls(*, rng: Random, today: date) -> tuple[Event, ...]:
    name = rng.choice(sorted(RECALLS))
    return (Event(key=f"recall/{name}", concept=RECALLS[name], on=today + timedelta(days=rng.randrange(10, 200))),)


def _appointments(*, rng: Random, source: Source, today: date) -> tuple[Event, ...]:
    if rng.random() < 0.5:
        return ()
    kind = VISIT_KINDS[SETTINGS[source.care][0]]
    return (
        Event(
            key=f"{source.slug}/appointment",
            concept=kind.type,
            note=kind.title,
            on=today + timedelta(days=rng.randrange(5, 90)),
        ),
    )


def _letters_received(*, visits: tuple[Visit, ...]) -> tuple[Paper, ...]:
    """Return the letter that came to the practice after the last visit to it."""
    return tuple(
        Paper(
            key=f"{visit.key}/letter",
            concept=PAPERS["clinic-letter"],
            title=f"{PAPERS['clinic-letter'].term}: {visit.reason.term.lower()}",
            written_at=visit.ended_at + timedelta(hours=3),
            text=f"Thank you for referring this patient.\n\n{visit.note}\n",
        )
        for visit in visits[-1:]
    )


def _papers(*, source: Source, visits: tuple[Visit, ...]) -> tuple[Paper, ...]:
    name = {"acute": "discharge", "community": "assessment", "mental": "clinic-letter"}[source.care]
    return tuple(
        Paper(
            key=f"{visit.key}/paper",
            concept=PAPERS[name],
            title=f"{PAPERS[name].term}: {visit.kind.title.lower()}",
            written_at=visit.ended_at + timedelta(hours=2),
            text=f"{source.name}\n\n{visit.note}\n",
        )
        for visit in visits[-2:]
    )


def _plans(*, rng: Random, source: Source, today: date) -> tuple[Plan, ...]:
    if source.care == "acute" or rng.random() < 0.4:
        return ()
    name = "crisis" if source.care == "mental" else rng.choice(("wound", "falls"))
    actions = {
        "crisis": ("Call the crisis line at any hour", "Tell the named contact", "Review after each crisis"),
        "wound": ("Redress every third day", "Photograph the wound every week"),
        "falls": ("Walking frame in reach", "Review of medicines that lower blood pressure"),
    }[name]
    return (
        Plan(
            key=f"{source.slug}/plan",
            concept=PLANS[name],
            title=PLANS[name].term,
            actions=actions,
            started=_day(rng=rng, today=today, least=10, most=300),
        ),
    )


def _alerts(*, rng: Random, today: date) -> tuple[Alert, ...]:
    if rng.random() < 0.75:
        return ()
    name = rng.choice(sorted(ALERT_CODES))
    return (
        Alert(key=f"alert/{name}", concept=ALERT_CODES[name], since=_day(rng=rng, today=today, least=10, most=700)),
    )
