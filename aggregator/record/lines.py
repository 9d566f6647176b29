"""The lines under an entry's heading: what each of its sources says, told apart wherever they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aggregator.record.categories import CATEGORIES
from aggregator.record.dates import agree, minute_of
from aggregator.record.fact import Fact
from aggregator.record.timeline import CURRENT, DetailLabel, DetailLine

Values = dict[str, list[str]]


def lines_of(*, ranked: Sequence[Fact]) -> tuple[DetailLine, ...]:
    """Return an entry's lines from its facts, the leading one first.

    Where all sources that speak say the same, there is one line for it, and else one for each source.
    """
    by_source: dict[str, list[Fact]] = {}
    for fact in ranked:
        by_source.setdefault(fact.item.source_id, []).append(fact)
    elsewhere = tuple(_told_elsewhere(leads=[facts[0] for facts in by_source.values()]))
    # Where sources differ in the status, that is told already.
    told = {line.label for line in elsewhere}
    pairs = {
        source_id: [*(line for line in facts[0].told if line[0] not in told), *_of_one_source(facts)]
        for source_id, facts in by_source.items()
    }
    if len(pairs) == 1:
        return tuple(DetailLine(label=label, value=value) for of_source in pairs.values() for label, value in of_source)
    values = {source_id: _by_label(of_source) for source_id, of_source in pairs.items()}
    lines: list[DetailLine] = []
    for label in dict.fromkeys(label for of_source in values.values() for label in of_source):
        by_speaker = {source_id: of_source[label] for source_id, of_source in values.items() if label in of_source}
        if _differ(list(by_speaker.values())):
            for source_id, of_source in by_speaker.items():
                lines.extend(DetailLine(label=label, value=value, source_ids=(source_id,)) for value in of_source)
        else:
            lines.extend(DetailLine(label=label, value=value) for value in next(iter(by_speaker.values())))
    return (*lines, *elsewhere)


def _told_elsewhere(*, leads: Sequence[Fact]) -> Iterator[DetailLine]:
    """Yield what the heading, the tag and the date tell already, where sources do not agree on it."""
    dates = {minute_of(date=fact.shown_date) or fact.shown_date.text for fact in leads if fact.shown_date}
    # A day beside a moment in it is the same, told less closely.
    told_dates = [] if agree(written=dates) else [fact.shown_date.text if fact.shown_date else "" for fact in leads]
    for label, of_each in (
        (DetailLabel.CALLED, [fact.heading for fact in leads]),
        (DetailLabel.STATUS, [fact.status_word for fact in leads]),
        (DetailLabel.DATE, told_dates),
    ):
        if _differ([[words] for words in of_each if words]):
            for fact, words in zip(leads, of_each, strict=True):
                if words:
                    yield DetailLine(label=label, value=words, source_ids=(fact.item.source_id,))


def _is_as_good(fact: Fact, first: Fact, /) -> bool:
    """Return whether nothing but their order puts one fact of a source behind the first."""
    return (fact.resource_type, fact.standing, fact.shown_date) == (
        first.resource_type,
        first.standing,
        first.shown_date,
    )


def _of_one_source(facts: Sequence[Fact]) -> list[tuple[str, str]]:
    """Return the lines of one source.

    Where the first copy speaks for the rest, as of a prescription's summary, authorisation and issues, the first that
    speaks of a thing is heard; another summary of the same day is as good as the first, and is heard too. Where the
    first is current, one that says why it ended is not: it would read as if this one had been stopped. All else that a
    source holds twice is told in each way in which it is said.
    """
    lines: list[tuple[str, str]] = []
    for fact in facts:
        if facts[0].standing in CURRENT and _tells_why_it_ended(fact):
            continue
        heard = set[str]() if _is_as_good(fact, facts[0]) else {label for label, _ in lines}
        if CATEGORIES[fact.item.category].first_copy_speaks:
            present = set(lines)
            lines.extend(line for line in fact.details if line[0] not in heard and line not in present)
        elif not lines:
            lines.extend(fact.details)
        else:
            present = set(lines)
            lines.extend(line for line in fact.details if line not in present)
    return lines


def _tells_why_it_ended(fact: Fact) -> bool:
    return any(label == DetailLabel.WHY_IT_ENDED for label, _ in fact.details) and fact.standing not in CURRENT


def _by_label(lines: Sequence[tuple[str, str]]) -> Values:
    values: Values = {}
    for label, value in lines:
        values.setdefault(label, []).append(value)
    return values


def _differ(said: Sequence[Sequence[str]]) -> bool:
    """Return whether sources that each say some values say different ones, letter case and spacing aside."""
    if all(values == said[0] for values in said):
        return False
    return len({_compared(values) for values in said}) > 1


LONG = 1000  # characters; a text of this length is compared as it was sent


def _compared(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(value if len(value) > LONG else " ".join(value.casefold().split()) for value in values))
