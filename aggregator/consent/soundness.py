"""What makes no sense in a policy that somebody wants to record, in words for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aggregator.consent.policies import is_contradictory, resolve
from aggregator.consent.terms import DataPeriod, Effect, Period, PolicyTerms, Provision
from fhir_data.confidentiality import is_known

MAX_EXCEPTIONS = 20
# Of one kind of condition in one provision.
MAX_NAMED = 50
_NAMING = ("purposes", "actors", "categories", "sources", "items", "labels")


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """`place` is "root", or the number of an exception, from 0; `field` the condition at fault."""

    words: str
    field: str
    place: str = "root"


def flaws_of(*, terms: PolicyTerms, now: datetime) -> Iterator[Flaw]:
    """Yield what makes no sense in a policy, or could never have any effect."""
    if is_contradictory(terms):
        yield Flaw(words="A decision that shares nothing cannot share something as well.", field="effect")
        return
    root, _ = resolve(terms)
    yield from _flaws(root, place="root", now=now)
    if len(terms.exceptions) > MAX_EXCEPTIONS:
        yield Flaw(words=f"A decision has at most {MAX_EXCEPTIONS} exceptions.", field="exceptions")
    for number, exception in enumerate(terms.exceptions):
        place = str(number)
        if exception == Provision(effect=exception.effect):
            yield Flaw(words="Say whom or what this exception is about.", field="effect", place=place)
        yield from _flaws(exception, place=place, now=now)
        if exception.effect is Effect.PERMIT and not _meet(exception.period, root.period):
            yield Flaw(
                words="This exception is for a time when the decision does not hold.", field="period", place=place
            )


def _flaws(provision: Provision, /, *, place: str, now: datetime) -> Iterator[Flaw]:
    period, days = provision.period, provision.data_period
    if period.is_empty:
        yield Flaw(words="The last day must not be before the first.", field="period", place=place)
    elif period.end is not None and period.end <= now:
        yield Flaw(words="The last day must not be in the past.", field="period", place=place)
    if days != DataPeriod() and days.is_empty:
        yield Flaw(words="The last day must not be before the first.", field="data_period", place=place)
    if not all(map(is_known, provision.labels)):
        yield Flaw(words="This label is not known here.", field="labels", place=place)
    if not all(category.is_clinical for category in provision.categories):
        yield Flaw(words="This is no kind of content of a record.", field="categories", place=place)
    for name in _NAMING:
        if len(getattr(provision, name)) > MAX_NAMED:
            yield Flaw(words=f"At most {MAX_NAMED} can be named here.", field=name, place=place)


def _meet(one: Period, other: Period, /) -> bool:
    starts = [period.start for period in (one, other) if period.start is not None]
    ends = [period.end for period in (one, other) if period.end is not None]
    return not Period(start=max(starts, default=None), end=min(ends, default=None)).is_empty
