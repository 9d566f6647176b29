"""How a source is, why, and what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.contract.outcomes import Outcome, Reason

# A report is missing when it has not come so long after it was due.
SILENT_AFTER = timedelta(seconds=60)
# For how long a report counts that does not say when the next is due.
REPORT_COUNTS_FOR = timedelta(days=1)
# Between two of these, a single report is enough to show that reports come again.
RARE_REPORTS = timedelta(minutes=5)
LEAST_INTERVAL_S, MOST_INTERVAL_S = 5, 86_400
MOST_MESSAGE = 200
MOST_COUNTERS, MOST_COUNTER = 20, 2**53 - 1

CHECK_EVERY = timedelta(seconds=30)
# Within so long every source has been checked, also one that takes all its time to answer.
ROUND = timedelta(seconds=60)
# With no check for so long, nothing can be said of a source: five should have been made.
STALE_AFTER = timedelta(seconds=150)
# How many of the last checks are looked at.
CHECKS_KEPT = 10


# Of so many sources at least such a share that cannot be reached: it is our own network.
SEVERAL, NEARLY_ALL = 3, 0.9


class SourceCondition(StrEnum):
    """How a source is. `words` are for people."""

    words: str

    def __new__(cls, value: str, words: str = "") -> SourceCondition:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    UP = "up", "Up"
    DEGRADED = "degraded", "Degraded"
    SILENT = "silent", "Silent"
    DOWN = "down", "Down"
    UNKNOWN = "unknown", "Not known"

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look at the source."""
        return self in {SourceCondition.DEGRADED, SourceCondition.SILENT, SourceCondition.DOWN}


class HealthReason(StrEnum):
    """Why a source is taken to be as it is. `words` are a sentence without its full stop.

    `condition` is how a source is of which nothing worse is known.
    """

    condition: SourceCondition
    words: str

    def __new__(cls, value: str, condition: SourceCondition, words: str = "") -> HealthReason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.condition, member.words = condition, words
        return member

    CHECKS_FAIL = "checks-fail", SourceCondition.DOWN, "our checks of it fail, three or more in a row"
    RESTING = "resting", SourceCondition.DOWN, "it is not asked for a while, because requests to it kept failing"
    REPORTS_DOWN = "reports-down", SourceCondition.DOWN, "it reports that it is down"
    NO_REPORT = "no-report", SourceCondition.SILENT, "it has not sent the report that is due"
    REPORTS_DEGRADED = "reports-degraded", SourceCondition.DEGRADED, "it reports that it does not work as it should"
    CHECKS_COME_AND_GO = "checks-come-and-go", SourceCondition.DEGRADED, "our checks of it fail again and again"
    LAST_CHECK_FAILED = "last-check-failed", SourceCondition.DEGRADED, "our last check of it failed"
    FEW_ANSWERS = "few-answers", SourceCondition.DEGRADED, "it answers too few of the requests"
    SLOW = "slow", SourceCondition.DEGRADED, "it takes nearly all the time that it is given"
    NOT_ASKABLE = "not-askable", SourceCondition.UNKNOWN, "we cannot ask it, by a fault of our own"
    NOT_CHECKED = "not-checked", SourceCondition.UNKNOWN, "it has not been checked lately"
    PAUSED = "paused", SourceCondition.UNKNOWN, "it is paused"


class ReportedStatus(StrEnum):
    """How a source says that it is. `words` complete the sentence "It reports that ..."."""

    words: str

    def __new__(cls, value: str, words: str = "") -> ReportedStatus:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    UP = "up", "it works"
    DEGRADED = "degraded", "it does not work as it should"
    DOWN = "down", "it is down"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How one check of a source ended. `outcome` None: it went well."""

    outcome: Outcome | None = None
    reason: Reason | None = None
    took_ms: int = 0

    @property
    def is_good(self) -> bool:
        """Whether the source answered as its kind should."""
        return self.outcome is None

    @property
    def is_ours(self) -> bool:
        """Whether it ended by a fault of our own, such as credentials that we cannot read."""
        return self.outcome is Outcome.FAILED


def is_own_network_away(*, newest: Iterable[tuple[CheckResult, datetime]], now: datetime) -> bool:
    """Return whether hardly any source can be reached, by the newest check of each and when it was made.

    That there is no connection to any of several, within one round of checks, has one cause sooner than many: ours.
    """
    results = [result for result, at in newest if now < at + ROUND]
    lost = sum(result.reason is Reason.CONNECTION for result in results)
    return len(results) >= SEVERAL and lost >= NEARLY_ALL * len(results)


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The last checks. `recent`: whether each went well, the newest last, of those that say something of the source.

    `is_ours`: the newest ended by a fault of our own, and says nothing of it.
    """

    recent: tuple[bool, ...] = ()
    newest_at: datetime | None = None
    is_ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a source reports of itself. `interval_s` is when the next report is due; None: whenever it wishes."""

    status: ReportedStatus
    message: str = ""
    interval_s: int | None = None
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reports:
    """The last reports. `recent` are their statuses, the newest last.

    `in_time` counts those in a row, up to the newest, that came before the one before was missed for too long.
    `interval` is how far apart they are due, None where the newest does not say.
    """

    recent: tuple[ReportedStatus, ...] = ()
    newest_at: datetime | None = None
    interval: timedelta | None = None
    in_time: int = 0

    @property
    def due_at(self) -> datetime | None:
        """When the next report is due, None where none is."""
        return self.newest_at + self.interval if self.newest_at is not None and self.interval is not None else None

    def is_missing(self, *, now: datetime) -> bool:
        """Return whether a report that is due has not come for too long."""
        return self.due_at is not None and now >= self.due_at + SILENT_AFTER

    def count(self, *, now: datetime) -> bool:
        """Return whether what was reported last still says something."""
        if self.newest_at is None:
            return False
        return self.interval is not None or now < self.newest_at + REPORT_COUNTS_FOR


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What real requests say of a source. None, and "" for the breaker: not known, or too few requests to tell.

    `success` is the share of requests that it answered lately; `breaker` is "closed", "open" or "half-open". `failure`
    names how the newest request ended that the source failed, as an outcome or its reason.
    """

    success: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    breaker: str = ""
    failure: str = ""
    failed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known of a source. `limit_ms` is how long it may take to answer."""

    limit_ms: float
    checks: Checks = field(default_factory=Checks)
    reports: Reports = field(default_factory=Reports)
    traffic: Traffic = field(default_factory=Traffic)
    is_paused: bool = False


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How a source is, and why; without a reason it is up."""

    condition: SourceCondition = SourceCondition.UNKNOWN
    reasons: tuple[HealthReason, ...] = (HealthReason.NOT_CHECKED,)


@dataclass(frozen=True, kw_only=True)
class ConditionLine:
    """From a moment on a source was in this condition."""

    condition: SourceCondition
    reasons: tuple[HealthReason, ...]
    at: datetime


class TrialStep(StrEnum):
    """What a trial of a source does, in this order. `words` are for people."""

    words: str

    def __new__(cls, value: str, words: str = "") -> TrialStep:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    ADDRESS = "address", "The address may be asked"
    CONNECTION = "connection", "There is a connection"
    TLS = "tls", "Its certificate and encryption are accepted"
    CREDENTIALS = "credentials", "Our credentials are accepted"
    STATEMENT = "statement", "It says what it is"
    READ = "read", "It can be asked for records"


class StepState(StrEnum):
    """How a step of a trial ended. `words` are for people."""

    words: str

    def __new__(cls, value: str, words: str = "") -> StepState:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    NOT_NEEDED = "not-needed", "Not needed"
    NOT_REACHED = "not-reached", "Not reached"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a trial. `detail` says in words why it failed; `took_ms` None: it was not timed by itself."""

    step: TrialStep
    state: StepState
    detail: str = ""
    took_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """How a trial ended. `description` is what the source says that it is; `holds` as a checked source's."""

    steps: tuple[Step, ...]
    description: str = ""
    holds: tuple[str, ...] | None = None

    @property
    def is_good(self) -> bool:
        """Whether the source answered as its kind should."""
        return not any(step.state in {StepState.FAILED, StepState.NOT_REACHED} for step in self.steps)
