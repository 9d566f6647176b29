"""The longitudinal record: entries in their sections, in order, with their conflicts. Values; `merge` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory as RecordCategory

# Order of the first screen: what can hurt most comes first; then PRSB Core Information Standard v2 headings.
SECTION_ORDER: tuple[RecordCategory, ...] = (
    RecordCategory.ALERTS,
    RecordCategory.ALLERGIES,
    RecordCategory.MEDICATIONS,
    RecordCategory.PROBLEMS,
    RecordCategory.ENCOUNTERS,
    RecordCategory.RESULTS,
    RecordCategory.OBSERVATIONS,
    RecordCategory.PROCEDURES,
    RecordCategory.IMMUNISATIONS,
    RecordCategory.DOCUMENTS,
    RecordCategory.CARE_PLANS,
    RecordCategory.REFERRALS,
    RecordCategory.APPOINTMENTS,
    RecordCategory.HISTORY,
    RecordCategory.OTHER,
)


class Standing(StrEnum):
    """How an entry stands, across the statuses of its kinds. UNKNOWN: the source did not say; never read as active."""

    ACTIVE = "active"
    PAST = "past"
    RETRACTED = "entered-in-error"
    NEGATED = "negated"  # refuted, not given, not done, not taken, "no known ..."
    NO_INFORMATION = "no-information"  # not asked, not known: neither a finding nor a denial
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class PartialDate:
    """A FHIR date or dateTime as sent, with what is needed to sort it. `text` keeps the precision and zone as sent.

    `sort_key` is ISO text padded to the start of the interval; "" sorts undated entries last.
    """

    text: str
    sort_key: str


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Items or entries that disagree. `kind`: dose, dose-wording, status, date, value, negation, severity, criticality,
    verification, retraction. `statement` is for the reader; `claims` are (source_id, what it says), in order."""

    kind: str
    statement: str
    claims: tuple[tuple[str, str], ...]
    entry_keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DetailLine:
    """A line under an entry's heading, as sent. `source_ids` are those who say it where not all who speak say the same,
    empty where they do."""

    label: str
    value: str
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Items that say the same thing. `rule` names what joined them (`single` for one item alone) and `rule_version` its
    version. `lines` are what its sources say, such as dose or severity. `absence` is what it says to be absent."""

    key: str
    category: RecordCategory
    heading: str
    lines: tuple[DetailLine, ...]
    standing: Standing
    status_text: str
    date: PartialDate | None
    items: tuple[Item, ...]
    rule: str
    rule_version: str
    absence: Absence | None = None
    conflicts: tuple[Conflict, ...] = ()

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """The lines as (label, value); the label says who where sources differ."""
        return tuple((", ".join([line.label, *line.source_ids]), line.value) for line in self.lines)

    @property
    def no_known_allergy(self) -> bool:
        """Whether it says that no allergy of any kind is known."""
        return (
            self.absence is not None
            and self.absence.kind is AbsenceKind.NONE_KNOWN
            and self.category is RecordCategory.ALLERGIES
        )

    @property
    def names_no_patient(self) -> bool:
        """Whether any of its items does not say whose it is."""
        return any(item.names_no_patient for item in self.items)

    @property
    def incidental(self) -> bool:
        """Whether every source only linked to this and did not give it in answer to what was asked."""
        return all(item.incidental for item in self.items)

    @property
    def source_ids(self) -> tuple[str, ...]:
        """The sources that say this, each once, in a fixed order."""
        return tuple(sorted({item.source_id for item in self.items}))


@dataclass(frozen=True, kw_only=True)
class Section:
    category: RecordCategory
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class LongitudinalRecord:
    """Every permitted item, in exactly one place: an entry of a section, `supporting`, or `untranslated`."""

    sections: tuple[Section, ...]
    supporting: tuple[Item, ...]
    untranslated: tuple[Item, ...]
    conflicts: tuple[Conflict, ...]

    def section(self, category: RecordCategory) -> Section:
        """Return one section; an empty one when nothing is in it."""
        for section in self.sections:
            if section.category == category:
                return section
        return Section(category=category, entries=())
