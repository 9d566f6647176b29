"""The fact: an item as it is compared. Values; `normalise` makes them. Pure."""

from __future__ import annotations

import msgspec

from aggregator.record.absence import Absence
from aggregator.record.attachments import Attachment
from aggregator.record.doses import NO_DOSE, Dose
from aggregator.record.item import Item
from aggregator.record.parts import SentPart
from aggregator.record.seriousness import NO_WARNING, Seriousness
from aggregator.record.timeline import PartialDate, Standing


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One item, read for comparing and showing; what is shown is worded as its source worded it.

    `concepts` are codes whose meaning is the same wherever they stand (SNOMED CT, dm+d, LOINC), each as `system|code`.
    `event_date` says when the thing happened and may join items; `shown_date` may be the date of recording instead.
    `is_date_of_recording`: that it is so. `is_measurement`: it is dated to the minute, and compared by `value`.
    `dose` is what a medication's dose is compared by, and `dose_said` the same part by part.
    `status_word` is its status without how far it is verified, and `told` what must be said of how it stands beside its
    standing, as lines. `assessments` are (label, words) on which sources may differ, `seriousness` how strong a warning
    they give. `absence` is what it says to be absent, and still says.
    `continues` are the items of the same source of which this one is a part (an issue of an authorisation), each by
    what its own `names` is. `due` is when it is to be done, of what is planned.
    `parts` are what it lists as its parts, `part_of` what it says it is a part of, each by the id of an item, and
    `attachments` the documents that it holds or points to.
    `stands_alone`: a flaw is in what it would be compared by, so it is compared with nothing; `is_doubted`: a flaw is
    in how it stands. `may_be_in_error`: it seems to be taken back, but not by the standard's code.
    `particulars` tell it from others of one concept and time; `happens_once`: it is an event, such as one dose given.
    """

    item: Item
    resource_type: str
    heading: str
    standing: Standing
    status_text: str
    details: tuple[tuple[str, str], ...]
    concepts: frozenset[str] = frozenset()
    ingredients: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    event_date: PartialDate | None = None
    shown_date: PartialDate | None = None
    is_date_of_recording: bool = False
    is_measurement: bool = False
    dose: tuple[str, ...] = ()
    dose_is_coded: bool = False
    dose_said: Dose = NO_DOSE
    route: str = ""
    value: tuple[str, ...] = ()
    status_word: str = ""
    told: tuple[tuple[str, str], ...] = ()
    assessments: tuple[tuple[str, str], ...] = ()
    seriousness: Seriousness = NO_WARNING
    absence: Absence | None = None
    names: str = ""
    continues: tuple[str, ...] = ()
    due: PartialDate | None = None
    parts: tuple[SentPart, ...] = ()
    part_of: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    stands_alone: bool = False
    is_doubted: bool = False
    may_be_in_error: bool = False
    particulars: tuple[tuple[str, str], ...] = ()
    happens_once: bool = False
