"""Where facts disagree. A conflict is shown, never settled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aggregator.record.dates import DAY_LENGTH, minute_of
from aggregator.record.fact import Fact
from aggregator.record.timeline import Conflict, Standing

# Words that differ may mean the same: for the reader to compare, and no disagreement yet.
WORDING = "dose-wording"
CURRENT = frozenset({Standing.ACTIVE, Standing.UNKNOWN})


def conflicts_within(*, key: str, facts: Sequence[Fact]) -> tuple[Conflict, ...]:
    """Return what the facts of one entry disagree on: dose, status, date."""
    found = (_dose(key, facts), _status(key, facts), _date(key, facts))
    return tuple(conflict for conflict in found if conflict)


def allergy_denial(*, allergies: Sequence[tuple[str, Fact]]) -> Conflict | None:
    """Return the conflict of "no known allergies" beside an allergy; `allergies` are (entry key, fact)."""
    denied = [(key, fact) for key, fact in allergies if fact.no_known_allergy]
    held = [(key, fact) for key, fact in allergies if fact.standing in CURRENT]
    if not denied or not held:
        return None
    return _conflict(
        kind="negation",
        statement="One source says that no allergies are known; another holds an allergy.",
        claims=[(fact.item.source_id, fact.heading) for _, fact in [*denied, *held]],
        keys=[key for key, _ in [*denied, *held]],
    )


def differing_results(*, results: Sequence[tuple[str, Fact]]) -> Conflict | None:
    """Return the conflict of one test at one moment with two values; `results` are (entry key, fact)."""
    values = {fact.value for _, fact in results if fact.value}
    if len(values) < 2:
        return None
    return _conflict(
        kind="value",
        statement="The same test at the same time has different values.",
        claims=[(fact.item.source_id, _line(fact, "Value") or fact.heading) for _, fact in results],
        keys=[key for key, _ in results],
    )


def same_ingredient(*, medicines: Sequence[tuple[str, Fact]]) -> Conflict | None:
    """Return the conflict of two current products of one ingredient; `medicines` are (entry key, fact)."""
    if len({key for key, _ in medicines}) < 2:
        return None
    return _conflict(
        kind="dose",
        statement="Two current medicines have the same ingredient.",
        claims=[(fact.item.source_id, fact.heading) for _, fact in medicines],
        keys=[key for key, _ in medicines],
    )


def contradicted(*, said: Sequence[tuple[str, Fact]], denied: Sequence[tuple[str, Fact]]) -> Conflict | None:
    """Return the conflict of a thing that one item says and another denies."""
    if not said or not denied:
        return None
    return _conflict(
        kind="negation",
        statement="One item says this, another denies it.",
        claims=[(fact.item.source_id, fact.heading) for _, fact in [*said, *denied]],
        keys=[key for key, _ in [*said, *denied]],
    )


def _dose(key: str, facts: Sequence[Fact]) -> Conflict | None:
    current = [fact for fact in facts if fact.standing in CURRENT and fact.dose]
    if len({fact.dose for fact in current}) < 2:
        return None
    claims = [(fact.item.source_id, _line(fact, "Dose")) for fact in current]
    if len({fact.dose for fact in current if fact.dose_is_coded}) > 1:
        return _conflict(kind="dose", statement="The sources give different doses.", claims=claims, keys=[key])
    statement = "The sources word the dose differently: compare before acting."
    return _conflict(kind=WORDING, statement=statement, claims=claims, keys=[key])


def _status(key: str, facts: Sequence[Fact]) -> Conflict | None:
    compared = {Standing.ACTIVE, Standing.PAST, Standing.RETRACTED}
    # An authorisation that goes on has issues that ended: that is no disagreement.
    leading = [fact for fact in facts if fact.standing in compared and not fact.continues]
    if len({fact.standing for fact in leading}) < 2:
        return None
    claims = [(fact.item.source_id, fact.status_text or str(fact.standing)) for fact in leading]
    return _conflict(kind="status", statement="The sources give different statuses.", claims=claims, keys=[key])


def _date(key: str, facts: Sequence[Fact]) -> Conflict | None:
    if any(fact.resource_type.startswith("Medication") for fact in facts):
        return None  # each source dates its own prescription
    dated = [fact for fact in facts if fact.event_date and fact.event_date.sort_key]
    days = {minute_of(date=fact.event_date)[:DAY_LENGTH] for fact in dated}
    if not any(not a.startswith(b) and not b.startswith(a) for a in days for b in days):
        return None
    claims = [(fact.item.source_id, fact.event_date.text) for fact in dated if fact.event_date]
    return _conflict(kind="date", statement="The sources give different dates.", claims=claims, keys=[key])


def _line(fact: Fact, label: str) -> str:
    return "; ".join(value for name, value in fact.details if name == label)


def _conflict(*, kind: str, statement: str, claims: Iterable[tuple[str, str]], keys: Iterable[str]) -> Conflict:
    return Conflict(
        kind=kind, statement=statement, claims=tuple(sorted(set(claims))), entry_keys=tuple(sorted(set(keys)))
    )
