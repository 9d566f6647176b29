"""What other items point to, and what only arranges them. It has no section of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, note_line
from aggregator.record.extensions import extension_value, extensions_named, part_of_extension
from aggregator.record.parts import SentPart
from aggregator.record.reading import code_of
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text

# The levels of a consultation, which are no headings by themselves.
# Source: GP Connect, consultations (SNOMED CT: consultation, topic, category).
LEVELS = frozenset({"325851000000107", "25851000000105", "24781000000107"})


def _lines(sent: Sent) -> Iterator[Line]:
    yield note_line(sent.resource)


def _heading(sent: Sent) -> Iterator[object]:
    """Yield the heading that a list gives to what it lists: its title, else what its code says it is."""
    yield text(sent.resource.get("title"))
    if code_of(sent.resource.get("code")) not in LEVELS:
        yield sent.resource.get("code")


def _parts(sent: Sent) -> Iterator[SentPart]:
    """Yield what a list lists, in the order sent, and first the problem that it is about."""
    problems = []
    for extension in extensions_named(sent.resource, "RelatedProblemHeader"):
        target = extension_value(part_of_extension(extension, "target")) or extension_value(extension)
        if reference := text(mapping(target).get("reference")):
            problems.append(SentPart(reference=reference))
    if problems:
        yield SentPart(heading="Related problem", parts=tuple(problems))
    for entry in mappings(listed(sent.resource.get("entry"))):
        if reference := text(mapping(entry.get("item")).get("reference")):
            yield SentPart(reference=reference)


LIST = TypeRules(
    name="List",
    about=(),
    further_concepts=_heading,
    lines=_lines,
    parts=_parts,
    only_arranges=True,
    reads_first=("title", "code", "date", "entry"),
)

RULES = CategoryRules(
    category=RecordCategory.SUPPORTING,
    title="Supporting information",
    many="supporting information",
    types=(LIST,),
)
