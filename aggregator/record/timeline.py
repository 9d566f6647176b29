"""The longitudinal record: entries in their sections, in order, with their conflicts. Values made by `merge`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import msgspec

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.attachments import Attachment
from aggregator.record.item import Item
from aggregator.record.parts import Part
from connectors.contract.categories import RecordCategory


class Standing(StrEnum):
    """How an entry stands, across the statuses of its types. UNKNOWN: the source did not say; never read as active.

    In reading order: of lasting things, what stands now comes first.
    """

    ACTIVE = "active"
    UNKNOWN = "unknown"
    PAST = "past"
    NEGATED = "negated"  # refuted, not given, not done, not taken, "no known ..."
    NO_INFORMATION = "no-information"  # not asked, not known: neither a finding nor a denial
    RETRACTED = "entered-in-error"


# What may be the case now; and what is said to be, or to have been.
CURRENT = frozenset({Standing.ACTIVE, Standing.UNKNOWN})
CLAIMED = CURRENT | {Standing.PAST}


class PartialDate(msgspec.Struct, frozen=True, kw_only=True):
    """A FHIR date or dateTime as sent, with what is needed to sort it. `text` keeps the precision and zone as sent.

    `sort_key` is ISO text padded to the start of the interval; "" sorts undated entries last.
    """

    text: str
    sort_key: str


class ConflictKind(StrEnum):
    """What sources differ in."""

    DOSE = "dose"
    DOSE_WORDING = "dose-wording"  # words that may mean the same: for the reader to compare, and no disagreement yet
    STATUS = "status"
    DATE = "date"
    VALUE = "value"
    NEGATION = "negation"
    SEVERITY = "severity"
    CRITICALITY = "criticality"
    VERIFICATION = "verification"
    RETRACTION = "retraction"


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Items or entries that disagree. `statement` is for the reader; `claims` are (source_id, what it says)."""

    kind: ConflictKind
    statement: str
    claims: tuple[tuple[str, str], ...]
    entry_keys: tuple[str, ...]


class DetailLabel(StrEnum):
    """The label of a line under a heading. The parts of a measurement are labelled by their source instead."""

    ABOUT = "About"
    ACUTE_OR_REPEAT = "Acute or repeat"
    AUTHOR = "Author"
    BATCH = "Batch"
    BEGAN = "Began"
    BY = "By"
    CALLED = "Called"
    CLASS = "Class"
    CONCLUSION = "Conclusion"
    CONCLUSION_CODE = "Conclusion code"
    CONDITION = "Condition"
    CRITICALITY = "Criticality"
    DATE = "Date"
    DOSE = "Dose"
    DOSE_IN_PARTS = "Dose in parts"
    DUE = "Due"
    ENDED = "Ended"
    EXPIRES = "Expires"
    FLAG = "Flag"
    FORMAT = "Format"
    INSTRUCTION = "Instruction"
    INTENT = "Intent"
    ISSUES = "Issues so far"
    KIND = "Kind"
    LAST_ISSUED = "Last issued"
    MANUFACTURER = "Manufacturer"
    MODIFIED = "May change the meaning"
    NOTE = "Note"
    ORGANISATION = "Organisation"
    OUTCOME = "Outcome"
    PART = "Part"
    ORIGIN = "Origin"
    PLACE = "Place"
    POTENCY = "Potency"
    PRESCRIBED_BY = "Prescribed by"
    PRESCRIBING_AGENCY = "Prescribing agency"
    PRIORITY = "Priority"
    PRODUCT = "Product"
    QUANTITY = "Quantity"
    REACTION = "Reaction"
    REACTION_DESCRIBED = "Reaction described"
    REASON = "Reason"
    RECORDED = "Recorded"
    REFERENCE_RANGE = "Reference range"
    RELATIVE = "Relative"
    REPORTED = "Reported"
    REQUESTED_BY = "Requested by"
    REVIEW_DUE = "Review due"
    ROUTE = "Route"
    SENT = "Sent"
    SEVERITY = "Severity"
    SIGNIFICANCE = "Significance"
    SITE = "Site"
    SIZE = "Size"
    SPECIALTY = "Specialty"
    SPECIMEN = "Specimen"
    SPECIMEN_RECEIVED = "Specimen received"
    SPECIMEN_TAKEN = "Specimen taken"
    STATUS = "Status"
    SUBSTANCE = "Substance"
    TAKEN = "Taken"
    TO = "To"
    VALID = "Valid"
    VALUE = "Value"
    VERIFICATION = "Verification"
    WHEN = "When"
    WHY_IT_ENDED = "Why it ended"
    WHY_NOT_GIVEN = "Why not given"
    WRITTEN = "Written"


# Labels of lines that hold dates as sent.
DATE_LABELS: frozenset[str] = frozenset(
    {
        DetailLabel.BEGAN,
        DetailLabel.ENDED,
        DetailLabel.TAKEN,
        DetailLabel.VALID,
        DetailLabel.WHEN,
        DetailLabel.DATE,
        DetailLabel.DUE,
        DetailLabel.EXPIRES,
        DetailLabel.LAST_ISSUED,
        DetailLabel.RECORDED,
        DetailLabel.REPORTED,
        DetailLabel.REVIEW_DUE,
        DetailLabel.SENT,
        DetailLabel.SPECIMEN_RECEIVED,
        DetailLabel.SPECIMEN_TAKEN,
        DetailLabel.WRITTEN,
    }
)


class DetailLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line under an entry's heading, as sent.

    `source_ids` are those who say it where not all who speak say the same, empty where they do.
    """

    label: str
    value: str
    source_ids: tuple[str, ...] = ()


class JoinRule(StrEnum):
    """What joins items: `words` are for people. `grouping` says what each asks for."""

    words: str

    def __new__(cls, value: str, words: str) -> JoinRule:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    AUTHORISATION = "authorisation", "the prescription that its source says they belong to"
    BUSINESS_IDENTIFIER = "business-identifier", "the same identifier"
    CONCEPT = "concept", "the same coded concept"
    SAME_RESOURCE = "same-resource", "the same resource, sent more than once"


SINGLE = "single"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Items that say the same thing.

    `joined_by` are the rules that joined them, none for one item alone, and `rule_version` their version. `lines` are
    what its sources say, such as dose or severity. `is_date_of_recording`: nobody says when it happened, and `date` is
    when it was written down. `absence` is what it says to be absent. `is_doubted`: a flaw is in
    how it stands. `may_be_in_error`: its source seems to take it back, and does not say so as the standard says. `due`
    is when it is to be done, of what is planned; `is_measurement`: it says what was measured. `parts` are what it is
    made of or brings together, and `attachments` the documents that it holds or points to.
    """

    key: str
    category: RecordCategory
    heading: str
    lines: tuple[DetailLine, ...]
    standing: Standing
    status_text: str
    date: PartialDate | None
    items: tuple[Item, ...]
    joined_by: tuple[JoinRule, ...]
    rule_version: str
    is_date_of_recording: bool = False
    absence: Absence | None = None
    is_doubted: bool = False
    may_be_in_error: bool = False
    conflicts: tuple[Conflict, ...] = ()
    due: PartialDate | None = None
    is_measurement: bool = False
    parts: tuple[Part, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """The lines as (label, value); the label says who where sources differ."""
        return tuple((", ".join([line.label, *line.source_ids]), line.value) for line in self.lines)

    @property
    def rule(self) -> str:
        """The rules that joined its items as one code, `single` for one item alone."""
        return "+".join(self.joined_by) or SINGLE

    @property
    def says_none_known(self) -> bool:
        """Whether it says that nothing of its category is known of."""
        return self.absence == Absence(kind=AbsenceKind.NONE_KNOWN, about=self.category)

    @property
    def names_no_patient(self) -> bool:
        """Whether any of its items does not say whose it is."""
        return any(item.names_no_patient for item in self.items)

    @property
    def is_open(self) -> bool:
        """Whether it is planned, and as far as is known neither done nor called off."""
        return self.due is not None and self.standing in CURRENT

    @property
    def incidental(self) -> bool:
        """Whether every source only linked to this and did not give it in answer to what was asked."""
        return all(item.incidental for item in self.items)

    @property
    def source_ids(self) -> tuple[str, ...]:
        """The sources that say this, each once, in a fixed order."""
        return tuple(sorted({item.source_id for item in self.items}))


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of one category, in reading order."""

    category: RecordCategory
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class LongitudinalRecord:
    """Every permitted item, in exactly one place: an entry of a section, `supporting`, `billing` or `untranslated`.

    `drawn_within` are the keys of the entries that are drawn as parts of others, and not again by themselves.
    """

    sections: tuple[Section, ...]
    supporting: tuple[Item, ...]
    billing: tuple[Item, ...]
    untranslated: tuple[Item, ...]
    conflicts: tuple[Conflict, ...]
    drawn_within: frozenset[str] = frozenset()

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """The entries of every section, by key."""
        return {entry.key: entry for section in self.sections for entry in section.entries}

    def section(self, category: RecordCategory) -> Section:
        """Return one section; an empty one when nothing is in it."""
        for section in self.sections:
            if section.category == category:
                return section
        return Section(category=category, entries=())
