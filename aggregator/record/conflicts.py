"""Where facts disagree. A conflict is shown, never settled. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from aggregator.record.absence import Absence
from aggregator.record.categories import CATEGORIES
from aggregator.record.dates import DAY_LENGTH, agree, minute_of
from aggregator.record.fact import Fact
from aggregator.record.timeline import CURRENT, Conflict, ConflictKind, DetailLabel, Standing

Keyed = tuple[str, Fact]  # the key of an entry, and one of its facts

ASSESSMENTS: Mapping[str, tuple[ConflictKind, str]] = {
    DetailLabel.SEVERITY: (ConflictKind.SEVERITY, "The sources give different severities."),
    DetailLabel.CRITICALITY: (ConflictKind.CRITICALITY, "The sources give different criticalities."),
    DetailLabel.VERIFICATION: (ConflictKind.VERIFICATION, "The sources are not equally sure of this."),
}


def conflicts_within(*, key: str, facts: Sequence[Fact]) -> tuple[Conflict, ...]:
    """Return what the facts of one entry disagree on: dose, status, date, and how serious or sure it is."""
    if len(facts) == 1:
        return ()
    conflicts = (_dose(key, facts), _status(key, facts), _date(key, facts), *_assessments(key, facts))
    return tuple(conflict for conflict in conflicts if conflict)


def denied_altogether(*, absence: Absence, denied: Sequence[Keyed], held: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of "no known ..." beside what is said not to be there."""
    if not denied or not held:
        return None
    about = CATEGORIES[absence.about].absence
    statement = "One source says that there are none; another holds one."
    if about:
        statement = f"One source says that no {about.many} are known; another holds {about.one}."
    return _between(kind=ConflictKind.NEGATION, statement=statement, sides=[denied, held])


def differing_results(*, results: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of one test at one moment with two values."""
    values = {fact.value for _, fact in results if fact.value}
    if len(values) < 2:
        return None
    statement = "The same test at the same time has different values."
    return _between(
        kind=ConflictKind.VALUE,
        statement=statement,
        sides=[results],
        says=lambda fact: _line(fact, DetailLabel.VALUE) or fact.heading,
    )


def same_ingredient(*, statement: str, current: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of two current things of one ingredient."""
    if len({key for key, _ in current}) < 2:
        return None
    return _between(kind=ConflictKind.DOSE, statement=statement, sides=[current])


def contradicted(*, claimed: Sequence[Keyed], denied: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of a thing that one item says and another denies."""
    if not claimed or not denied:
        return None
    statement = "One item says this, another denies it."
    return _between(kind=ConflictKind.NEGATION, statement=statement, sides=[claimed, denied])


def differing_standings(*, active: Sequence[Keyed], past: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of one thing that stands as current in one entry and as past in another, by two sources."""
    sources = {fact.item.source_id for _, fact in [*active, *past]}
    keys = {key for key, _ in [*active, *past]}
    if not active or not past or len(sources) < 2 or len(keys) < 2:
        return None
    return _between(
        kind=ConflictKind.STATUS,
        statement="The sources give different statuses.",
        sides=[active, past],
        says=lambda fact: fact.status_text,
    )


def differing_dates(*, named: Sequence[Keyed]) -> Conflict | None:
    """Return the conflict of one thing, by its identifier, that sources date differently, in two entries."""
    entries: dict[str, set[str]] = defaultdict(set)
    for key, fact in named:
        entries[fact.item.source_id].add(key)
    keys = {key for key, _ in named}
    # What one source holds more than once under one identifier is as many things.
    several = len(keys) > 1 and all(len(held) == 1 for held in entries.values())
    if not several or agree(written=_days(fact for _, fact in named)):
        return None
    return _between(
        kind=ConflictKind.DATE, statement="The sources give different dates.", sides=[named], says=_shown_date
    )


def taken_back(*, retracted: Sequence[Keyed], meant: Sequence[Keyed], surely: bool) -> Conflict:
    """Return the mark on what a source has taken back, or may have."""
    statement = "Taken back by its source." if surely else "Taken back by one source; this may be the same."
    return _between(
        kind=ConflictKind.RETRACTION,
        statement=statement,
        sides=[retracted, meant],
        says=lambda fact: f"entered in error: {fact.heading}" if fact.standing is Standing.RETRACTED else fact.heading,
    )


def _dose(key: str, facts: Sequence[Fact]) -> Conflict | None:
    current = [fact for fact in facts if fact.standing in CURRENT and fact.dose]
    doses = [fact.dose_said for fact in current]
    by_part = [[(dose.amounts, dose.rates, dose.words)[part] for dose in doses] for part in range(3)]
    amounts, rates, words = (set(of_part) - {()} for of_part in by_part)
    coded = {fact.dose for fact in current if fact.dose_is_coded}
    claims = [(fact.item.source_id, _dose_line(fact)) for fact in current]
    if len(coded) > 1 or len(amounts) > 1 or len(rates) > 1:
        return _conflict(
            kind=ConflictKind.DOSE, statement="The sources give different doses.", claims=claims, keys=[key]
        )
    # Where one tells the dose in words and another in parts, nothing says that they are the same.
    compared = any(all(of_part) for of_part in by_part)
    if len(words) < 2 and (compared or len({fact.dose for fact in current}) < 2):
        return None
    statement = "The sources word the dose differently: compare before acting."
    return _conflict(kind=ConflictKind.DOSE_WORDING, statement=statement, claims=claims, keys=[key])


def _dose_line(fact: Fact) -> str:
    words, parts = _line(fact, DetailLabel.DOSE), _line(fact, DetailLabel.DOSE_IN_PARTS)
    return f"{words} ({parts})" if parts else words


def _status(key: str, facts: Sequence[Fact]) -> Conflict | None:
    compared = {Standing.ACTIVE, Standing.PAST, Standing.RETRACTED}
    # An authorisation that goes on has issues that ended: that is no disagreement.
    leading = [fact for fact in facts if fact.standing in compared and not fact.continues]
    if len({fact.standing for fact in leading}) < 2:
        return None
    claims = [(fact.item.source_id, fact.status_text) for fact in leading]
    return _conflict(
        kind=ConflictKind.STATUS, statement="The sources give different statuses.", claims=claims, keys=[key]
    )


def _date(key: str, facts: Sequence[Fact]) -> Conflict | None:
    if not all(CATEGORIES[fact.item.category].conflicts.dates for fact in facts):
        return None
    if agree(written=_days(facts)):
        return None
    claims = [(fact.item.source_id, _shown_date(fact)) for fact in facts if _shown_date(fact)]
    return _conflict(kind=ConflictKind.DATE, statement="The sources give different dates.", claims=claims, keys=[key])


def _days(facts: Iterable[Fact]) -> set[str]:
    return {minute_of(date=fact.event_date)[:DAY_LENGTH] for fact in facts}


def _shown_date(fact: Fact) -> str:
    return fact.event_date.text if fact.event_date and fact.event_date.sort_key else ""


def _assessments(key: str, facts: Sequence[Fact]) -> Iterable[Conflict]:
    """Yield what sources assess differently. One source that holds several copies does not differ from itself."""
    for label, (kind, statement) in ASSESSMENTS.items():
        said: dict[str, set[str]] = defaultdict(set)
        for fact in facts:
            if fact.standing is not Standing.RETRACTED:
                said[fact.item.source_id].update(words for name, words in fact.assessments if name == label)
        assessed = {source: words for source, words in said.items() if words}
        if len({frozenset(words) for words in assessed.values()}) > 1:
            claims = [(source, ", ".join(sorted(words))) for source, words in assessed.items()]
            yield _conflict(kind=kind, statement=statement, claims=claims, keys=[key])


def _line(fact: Fact, label: str) -> str:
    return "; ".join(value for name, value in fact.details if name == label)


def _between(
    *,
    kind: ConflictKind,
    statement: str,
    sides: Sequence[Sequence[Keyed]],
    says: Callable[[Fact], str] = lambda fact: fact.heading,
) -> Conflict:
    """Return a conflict whose claims come from each side in turn, so that the first few show what it is about."""
    claims = [sorted({(fact.item.source_id, says(fact)) for _, fact in side}) for side in sides]
    in_turn = [claim for turn in itertools.zip_longest(*claims) for claim in turn if claim]
    return Conflict(
        kind=kind,
        statement=statement,
        claims=tuple(dict.fromkeys(in_turn)),
        entry_keys=tuple(sorted({key for side in sides for key, _ in side})),
    )


def _conflict(
    *, kind: ConflictKind, statement: str, claims: Iterable[tuple[str, str]], keys: Iterable[str]
) -> Conflict:
    return Conflict(
        kind=kind, statement=statement, claims=tuple(sorted(set(claims))), entry_keys=tuple(sorted(set(keys)))
    )
