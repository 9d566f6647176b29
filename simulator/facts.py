"""What is true of a person and what each source holds of that, before a source writes it in its own way.

A fact has a `key`. The same key at two sources is the same thing in the world: that is the truth against which the
joining of records can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from simulator.codes import Concept, Dose, Drug, Panel, Test
from simulator.codes_of_care import Allergen, Sign, VisitKind
from simulator.illnesses import Condition


@dataclass(frozen=True, kw_only=True)
class Problem:
    key: str
    condition: Condition
    onset: date
    ended: date | None = None
    major: bool = True


@dataclass(frozen=True, kw_only=True)
class Allergy:
    key: str
    allergen: Allergen
    reaction: Concept | None
    severity: str  # mild, moderate, severe
    recorded: date
    ended: date | None = None


@dataclass(frozen=True, kw_only=True)
class Course:
    """A medicine as taken: `drug` at `dose` from `started`. `repeat` is False for a short course."""

    key: str
    drug: Drug
    dose: Dose
    started: date
    ended: date | None = None
    repeat: bool = True
    problem: str = ""  # key of the problem that it is for


@dataclass(frozen=True, kw_only=True)
class Measurement:
    test: Test
    value: Decimal

    @property
    def flag(self) -> str:
        """Return `H` above the test's range, `L` below it, "" within it."""
        if self.test.high is not None and self.value > self.test.high:
            return "H"
        return "L" if self.test.low is not None and self.value < self.test.low else ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A laboratory report. `number` is the laboratory's own and is sent by every source that holds the report."""

    key: str
    number: str
    panel: Panel
    taken_at: datetime
    results: tuple[Measurement, ...]

    @property
    def conclusion(self) -> str:
        """Return what the laboratory concludes."""
        outside = [result.test.concept.term for result in self.results if result.flag]
        return f"Outside the reference range: {', '.join(outside)}." if outside else "Within the reference range."

    @property
    def filed_as(self) -> str:
        """Return what the practice's clinician wrote on filing it."""
        return "Abnormal but expected: repeat in 3 months." if self._is_abnormal else "Normal: no further action."

    @property
    def _is_abnormal(self) -> bool:
        return any(result.flag for result in self.results)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Signs read at one moment; systolic and diastolic pressure together are one blood pressure."""

    key: str
    taken_at: datetime
    values: tuple[tuple[Sign, Decimal], ...]


@dataclass(frozen=True, kw_only=True)
class Visit:
    key: str
    kind: VisitKind
    started_at: datetime
    ended_at: datetime
    reason: Concept
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something done or due on a day: an operation, a vaccination, a referral, a recall, an appointment."""

    key: str
    concept: Concept
    on: date
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Referral(Event):
    """A referral to a service. `priority` is FHIR's: routine, urgent or asap. `about` says why in words."""

    priority: str = "routine"
    recipient: str = ""
    specialty: str = ""
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Paper:
    key: str
    concept: Concept
    title: str
    written_at: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    key: str
    concept: Concept
    title: str
    started: date
    actions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Alert:
    key: str
    concept: Concept
    since: date


@dataclass(frozen=True, kw_only=True)
class Background:
    """Social and family history: smoking, alcohol (units a week), what runs in the family."""

    key: str
    smoking: Concept
    alcohol_units: Decimal
    family_diabetes: bool
    asked_on: date


@dataclass(frozen=True, kw_only=True)
class ListWarning:
    """A warning that a GP practice gives about its own answer. Source: GP Connect, List warning codes."""

    code: str  # confidential-items, data-in-transit, data-awaiting-filing
    text: str


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Everything that one source holds about one person. `registered_on`: when a practice registered them."""

    registered_on: date | None = None
    problems: tuple[Problem, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    no_known_allergy_on: date | None = None
    courses: tuple[Course, ...] = ()
    reports: tuple[Report, ...] = ()
    readings: tuple[Reading, ...] = ()
    visits: tuple[Visit, ...] = ()
    operations: tuple[Event, ...] = ()
    vaccinations: tuple[Event, ...] = ()
    referrals: tuple[Referral, ...] = ()
    recalls: tuple[Event, ...] = ()
    appointments: tuple[Event, ...] = ()
    papers: tuple[Paper, ...] = ()
    plans: tuple[Plan, ...] = ()
    alerts: tuple[Alert, ...] = ()
    background: Background | None = None
    warnings: tuple[ListWarning, ...] = ()
