"""A showing of a record -> what the templates draw. Pure: nothing is decided here, only worded and put in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from aggregator.record.completeness import (
    AllergyStatus,
    Remark,
    SourceStatus,
    in_words,
    remarks_on,
    remarks_on_source,
    summary_line,
)
from aggregator.record.conflicts import WORDING
from aggregator.record.item import Item
from aggregator.record.references import target_of
from aggregator.record.timeline import SECTION_ORDER, Conflict, Entry, RecordCategory, Standing
from aggregator.services.find_person import GoldenRecord, PersonSummary
from aggregator.services.view_record import RecordView
from aggregator.web import wording

# Sections that are on the page even when they are empty: their emptiness must be explained.
ALWAYS_SHOWN = frozenset({RecordCategory.ALLERGIES, RecordCategory.MEDICATIONS, RecordCategory.PROBLEMS})
# Sections of events carry no "Current" or "Past": everything in them has happened.
STANDING_SHOWN = frozenset(
    {
        RecordCategory.ALERTS,
        RecordCategory.ALLERGIES,
        RecordCategory.MEDICATIONS,
        RecordCategory.PROBLEMS,
        RecordCategory.CARE_PLANS,
    }
)
ROWS_OPEN = 30
# Lines that hold dates as sent, which are drawn like every other date.
DATE_LABELS = frozenset({"Began", "Ended", "Taken", "Valid", "When"})

TAG_COLOURS = {
    Standing.ACTIVE: "green",
    Standing.PAST: "grey",
    Standing.RETRACTED: "red",
    Standing.NEGATED: "white",
    Standing.NO_INFORMATION: "white",
    Standing.UNKNOWN: "yellow",
}


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The patient banner: four identifiers, always in sight. The dead have no age but that at death."""

    person_id: UUID
    name: str
    born: str
    age: str
    gender: str
    nhs_number: str
    number_remark: str
    address: str
    deceased: bool = False
    died: str = ""
    age_at_death: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    source: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ConflictShown:
    lead: str
    statement: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry. `tag` is empty where its standing says nothing."""

    key: str
    heading: str
    date: str
    tag: str
    tag_colour: str
    details: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    copies: int
    incidental: bool
    conflicts: tuple[ConflictShown, ...]


@dataclass(frozen=True, kw_only=True)
class SectionShown:
    slug: str
    title: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    empty_words: str


@dataclass(frozen=True, kw_only=True)
class SourceShown:
    name: str
    organisation: str
    words: str
    state: str
    at: str
    items: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    retrieval_id: UUID
    banner: Banner
    allergy_words: str
    allergy_state: str
    allergies: tuple[str, ...]
    summary: str
    progress: str
    complete: bool
    asked_at: str
    withheld: bool
    conflicts: int
    sources: tuple[SourceShown, ...]
    sections: tuple[SectionShown, ...]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One source's own copy, as text to read beside what we made of it."""

    source: str
    kind: str
    resource: str
    translated: bool
    original: str
    notes: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    retrieval_id: UUID
    banner: Banner
    row: Row
    section: str
    rule: str
    rule_version: str
    copies: tuple[Copy, ...]


def banner_of(*, person: PersonSummary, today: date) -> Banner:
    """Return a person's banner."""
    golden = person.golden
    return Banner(
        person_id=person.person_id,
        name=wording.banner_name(family=golden.family, given=golden.given),
        born=wording.short_date(golden.birth_date),
        age="" if golden.deceased else wording.age(golden.birth_date, today=today),
        gender=golden.sex.capitalize() or wording.NOT_KNOWN,
        nhs_number=wording.nhs_number(golden.nhs_number or golden.unusable_number),
        number_remark=_number_remark(golden),
        address=", ".join(part for part in (golden.address_line, golden.postcode) if part),
        deceased=bool(golden.deceased),
        died=wording.died(golden.death_date) if golden.deceased else "",
        age_at_death=wording.age_at_death(golden.birth_date, died=golden.death_days, today=today)
        if golden.deceased
        else "",
        warnings=warnings_of(person=person),
    )


def warnings_of(*, person: PersonSummary) -> tuple[str, ...]:
    """Return what must be known before this person is taken for the right one."""
    warnings = []
    if person.death_claims:
        said = "; ".join(
            f"{claim.source_name}: {wording.death_claim(deceased=claim.deceased, sent=claim.death_date)}"
            for claim in person.death_claims
        )
        warnings.append(f"Sources disagree about death: {said}.")
    if person.shares_number:
        warnings.append("This NHS number is also on another person's record: check the other identifiers.")
    return tuple(warnings)


def _number_remark(golden: GoldenRecord) -> str:
    if golden.nhs_number_is_verified:
        return ""
    if golden.nhs_number:
        return "not verified"
    return "not a valid number" if golden.unusable_number else ""


def record_page(*, view: RecordView) -> RecordPage:
    """Return what the record page draws."""
    names = {status.source_id: status.name for status in view.sources}
    ended = sum(1 for status in view.sources if status.outcome is not None)
    known = [
        entry.heading
        for entry in view.record.section(RecordCategory.ALLERGIES).entries
        if entry.standing in {Standing.ACTIVE, Standing.UNKNOWN}
    ]
    return RecordPage(
        retrieval_id=view.retrieval_id,
        banner=banner_of(person=view.person, today=view.shown_at.astimezone(wording.LONDON).date()),
        allergy_words=wording.ALLERGY_WORDS[view.allergy_status],
        allergy_state=view.allergy_status,
        allergies=tuple(dict.fromkeys(known)) if view.allergy_status is AllergyStatus.KNOWN else (),
        summary=summary_line(statuses=view.sources),
        progress=f"{ended} of {len(view.sources)} sources have ended.",
        complete=view.complete,
        asked_at=wording.moment(view.asked_at),
        withheld=view.withheld,
        conflicts=len(view.record.conflicts),
        sources=tuple(_source(status) for status in view.sources),
        sections=tuple(
            section
            for category in SECTION_ORDER
            if (section := _section(view=view, category=category, names=names)) is not None
        ),
    )


def entry_page(*, view: RecordView, entry_key: str) -> EntryPage | None:
    """Return what the page of one entry draws, or None when the record as it stands has no such entry."""
    names = {status.source_id: status.name for status in view.sources}
    for section in view.record.sections:
        for entry in section.entries:
            if entry.key == entry_key:
                return EntryPage(
                    retrieval_id=view.retrieval_id,
                    banner=banner_of(person=view.person, today=view.shown_at.astimezone(wording.LONDON).date()),
                    row=_row(entry=entry, names=names),
                    section=wording.SECTION_TITLES[section.category],
                    rule=entry.rule,
                    rule_version=entry.rule_version,
                    copies=tuple(_copy(item=item, names=names) for item in entry.items),
                )
    return None


def _section(*, view: RecordView, category: RecordCategory, names: Mapping[str, str]) -> SectionShown | None:
    entries = view.record.section(category).entries
    remarks = remarks_on(category=category, statuses=view.sources) if view.complete or entries else ()
    if not entries and not remarks and category not in ALWAYS_SHOWN:
        return None
    rows = tuple(_row(entry=entry, names=names) for entry in entries)
    return SectionShown(
        slug=category.value,
        title=wording.SECTION_TITLES[category],
        rows=rows[:ROWS_OPEN],
        more=rows[ROWS_OPEN:],
        remarks=remarks,
        empty_words="" if entries else _empty_words(view=view, remarks=remarks),
    )


def _empty_words(*, view: RecordView, remarks: tuple[Remark, ...]) -> str:
    if not view.complete:
        return "Waiting for sources to answer."
    if remarks:
        return "Nothing received. This does not mean that there is nothing: see what is missing."
    return "The sources that answered hold nothing of this kind."


def _row(*, entry: Entry, names: Mapping[str, str]) -> Row:
    shows_standing = entry.category in STANDING_SHOWN or entry.standing in {Standing.RETRACTED, Standing.NEGATED}
    return Row(
        key=entry.key,
        heading=entry.heading,
        date=wording.sent_date(entry.date.text) if entry.date else "Date not recorded",
        tag=wording.STANDING_WORDS[entry.standing] if shows_standing else "",
        tag_colour=TAG_COLOURS[entry.standing],
        details=tuple(_detail(label, value) for label, value in entry.details),
        sources=tuple(names.get(source_id, "A source") for source_id in entry.source_ids),
        copies=len(entry.items),
        incidental=entry.incidental,
        conflicts=tuple(_conflict(conflict, names=names) for conflict in entry.conflicts),
    )


def _detail(label: str, value: str) -> tuple[str, str]:
    return (label, wording.sent_dates(value) if label in DATE_LABELS else value)


def _conflict(conflict: Conflict, *, names: Mapping[str, str]) -> ConflictShown:
    return ConflictShown(
        lead="Compare." if conflict.kind == WORDING else "Sources disagree.",
        statement=conflict.statement,
        claims=tuple(Claim(source=names.get(source_id, "A source"), says=says) for source_id, says in conflict.claims),
    )


def _source(status: SourceStatus) -> SourceShown:
    return SourceShown(
        name=status.name,
        organisation=status.organisation if status.organisation != status.name else "",
        words=in_words(status=status),
        state=status.outcome or "waiting",
        at=wording.clock(status.answered_at),
        items=status.item_count,
        remarks=remarks_on_source(status=status),
    )


def _copy(*, item: Item, names: Mapping[str, str]) -> Copy:
    return Copy(
        source=names.get(item.source_id, "A source"),
        kind=target_of(item=item).partition("/")[0],
        resource=_indented(item.resource),
        translated=item.original is not None,
        original=_indented(item.original) if item.original else "",
        notes=item.notes,
        labels=tuple(label.code for label in item.labels),
    )


def _indented(resource: bytes) -> str:
    """Return JSON with line breaks and nothing else changed: numbers stay as they were written."""
    return msgspec.json.format(resource, indent=2).decode()
