"""What each category of content says of itself, and each FHIR type of how it is read. Pure.

`categories` has one file per category, each with one `RULES`. The engine (`merge` and what it calls) reads them, and
names no category and no type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aggregator.record.absence import Absence
from aggregator.record.attachments import Attachment
from aggregator.record.details import Line, general_lines
from aggregator.record.fact import Fact
from aggregator.record.parts import SentPart
from aggregator.record.reading import Resource
from aggregator.record.sent import Sent
from aggregator.record.timeline import CURRENT, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text

# A concept is a CodeableConcept, or words alone.
Concepts = Iterable[object]


def _no_concepts(_: Resource) -> Concepts:
    return ()


def _none_elsewhere(_: Sent) -> Concepts:
    return ()


def _never(_: Resource) -> bool:
    return False


def _no_dosages(_: Resource) -> tuple[Resource, ...]:
    return ()


def _continues_nothing(_: Sent) -> Iterable[str]:
    return ()


def _has_no_parts(_: Sent) -> Iterable[SentPart]:
    return ()


def _holds_no_documents(_: Sent) -> Iterable[Attachment]:
    return ()


def _is_not_due(_: Sent) -> str:
    return ""


def named_encounters(sent: Sent, /) -> Iterator[str]:
    """Yield the references by which a resource of any type says in which contact it was recorded."""
    context = sent.resource.get("context")
    for element in (sent.resource.get("encounter"), context, mapping(context).get("encounter")):
        for pointer in mappings(listed(element)):
            if reference := text(pointer.get("reference")):
                yield reference


@dataclass(frozen=True, kw_only=True)
class AbsenceElements:
    """Where a resource of a type may say that there is nothing of what it is about.

    `names` are its elements that name what it is about, `within` yields further concepts of its own that do, and
    `elsewhere` those of what it points to. What `evidence` yields makes it a claim, whatever else it says, and `denies`
    whether it denies by an element of its own. `by_code_alone`: it says so only by a code, and denies nothing by it.
    """

    names: tuple[str, ...]
    within: Callable[[Resource], Concepts] = _no_concepts
    elsewhere: Callable[[Sent], Concepts] = _none_elsewhere
    evidence: Callable[[Resource], Concepts] = _no_concepts
    denies: Callable[[Resource], bool] = _never
    by_code_alone: bool = False


@dataclass(frozen=True, kw_only=True)
class TypeRules:
    """How a resource of one FHIR type is read, in whichever category it stands.

    `about` are the elements that say what it is about, best first; `further_concepts` yields what says it better.
    `happened` are the elements that say when it happened, best first. `statuses` are what its status means; without
    them it stands by its `clinicalStatus`. `negation` stands before the heading of what is denied, and
    `lead` before every heading.
    `is_assessed`: sources say how severe or sure it is. `is_measurement`: it is dated to the minute, and compared by
    its value. `happens_once`: each is an event of its own, whatever else happened on its day. `continues` yields what
    the source calls the things of which it is a part. `due` is the date by which what is planned should be done.
    `tells_status`: its lines say its status, as far as that has to be said.
    `parts` yields what it lists as its parts, and `part_of` references to what it says it is a part of. It
    `only_arranges` where it says nothing by itself and gives headings to what it lists; then it is shown as these
    headings. `attachments` yields the documents that it holds or points to. `reads_first` are the elements that a
    person reads first in a source's copy.
    """

    name: str
    about: tuple[str, ...] = ("code", "title", "description", "type")
    further_concepts: Callable[[Sent], Concepts] = _none_elsewhere
    ingredients: Callable[[Sent], Concepts] = _none_elsewhere
    happened: tuple[str, ...] = ()
    statuses: Mapping[str, Standing] | None = None
    negation: str = "Not so"
    lead: str = ""
    lines: Callable[[Sent], Iterator[Line]] = general_lines
    dosages: Callable[[Resource], tuple[Resource, ...]] = _no_dosages
    continues: Callable[[Sent], Iterable[str]] = _continues_nothing
    absence: AbsenceElements | None = None
    is_assessed: bool = False
    is_measurement: bool = False
    happens_once: bool = False
    tells_status: bool = False
    due: Callable[[Sent], str] = _is_not_due
    parts: Callable[[Sent], Iterable[SentPart]] = _has_no_parts
    part_of: Callable[[Sent], Iterable[str]] = named_encounters
    only_arranges: bool = False
    attachments: Callable[[Sent], Iterable[Attachment]] = _holds_no_documents
    reads_first: tuple[str, ...] = ()


class SameConcept(StrEnum):
    """What two facts with one coded concept must have in common to be one."""

    NEVER = "never"
    STANDING = "standing"  # how they stand: a lasting thing, whenever it was written down
    DAY = "day"
    MEASUREMENT = "measurement"  # the moment and the value
    COURSE = "course"  # of medicines: the route while they are current, the day on which they began once they are past

    @property
    def needs_date(self) -> bool:
        """Whether a fact without a date is joined to none by its concept."""
        return self in {SameConcept.DAY, SameConcept.MEASUREMENT}


class Compared(StrEnum):
    """Which facts about one concept are compared across entries."""

    NEVER = "never"
    AT_ANY_TIME = "at-any-time"
    AT_ONE_TIME = "at-one-time"  # those whose dates may be the same


def _always(_: Fact) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class ConflictRules:
    """What counts as a conflict.

    `denials`: when the denial of a thing contradicts the claim of it, among the facts that are `deniable`.
    `contradicted_by_none`: how a thing stands that contradicts a statement that nothing is known of the category.
    `statuses`: when current contradicts past. `dates`: whether sources that date one thing differently disagree.
    `same_ingredient`: what is said of two current things of one ingredient, "" where that is no conflict.
    """

    denials: Compared = Compared.NEVER
    deniable: Callable[[Fact], bool] = _always
    contradicted_by_none: frozenset[Standing] = CURRENT
    statuses: Compared = Compared.NEVER
    dates: bool = True
    same_ingredient: str = ""


@dataclass(frozen=True, kw_only=True)
class AbsenceRules:
    """How it is said that nothing of a category is known, or nothing of a kind in it.

    `one` and `many` name what is absent, with an article and in the plural. `codes` say it by themselves; beside
    `unspecific_codes`, which name nothing in particular, the words say what is meant. `noun` matches a word for what is
    absent. `not_one` are plurals that, unknown, are no thing: "unknown allergies", but not "unknown allergy".
    Where the category has `kinds`, such as the food of food allergies, a word for one may stand beside the noun;
    `abbreviation` matches a denial in letters, which `abbreviated` gives the kind of, "" for all. `kinds_of` are the
    kinds that a resource says it is of.
    """

    one: str
    many: str
    noun: re.Pattern[str]
    codes: Mapping[str, Absence]
    unspecific_codes: frozenset[str] = frozenset()
    not_one: frozenset[str] = frozenset()
    kinds: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    kinds_of: Callable[[Resource], frozenset[str]] = lambda _: frozenset()
    abbreviation: re.Pattern[str] | None = None
    abbreviated: Mapping[str, Absence] = field(default_factory=dict)


def _tells_as_much(_: Fact) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class CategoryRules:
    """One category of content: how it is read, dated, worded, compared, grouped and ordered.

    `title` heads its section, whose `place` on the page orders sections; None for what has no section. `many` names its
    content in a sentence. `types` are the FHIR types that are its own, each read as it says wherever it stands.
    `always_shown`: its section is there even when it is empty, so that its emptiness is explained.
    `is_planned`: its content is a plan, and need not say so.
    `is_lasting`: how an entry stands orders the section and is shown; else all in it has happened, and the date does.
    `tells_least` ranks the facts of one entry, those that tell most first; `first_copy_speaks`: of a source's several
    copies, the first to speak of a thing is the one that is heard.
    `joins_authorisations`: a source's summary, authorisation and issues are one. `part` is what one part of its content
    is called.
    """

    category: RecordCategory
    title: str
    many: str
    place: int | None = None
    types: tuple[TypeRules, ...] = ()
    always_shown: bool = False
    is_lasting: bool = False
    is_planned: bool = False
    same_concept: SameConcept = SameConcept.NEVER
    joins_authorisations: bool = False
    tells_least: Callable[[Fact], int] = _tells_as_much
    first_copy_speaks: bool = False
    conflicts: ConflictRules = ConflictRules()
    absence: AbsenceRules | None = None
    part: str = "item"
