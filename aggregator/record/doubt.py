"""What the flaws of an item cast doubt on: how it stands, and what it is compared by. Pure.

A field at fault is shown and joins nothing. An item that lacks what would tell it from another could be joined with
that by the rest, so one with a flaw in anything that is compared stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.absence import Absence
from aggregator.record.details import Line
from aggregator.record.extensions import plain_name
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.reading import Resource, parse, words_in
from aggregator.record.standing import NOT_DONE_FLAGS, standing_given
from aggregator.record.timeline import DetailLabel, Standing
from fhir_data.access import listed, mappings, text
from fhir_data.flaws import UNKNOWN_FIELD, Flaw, FlawReason

# How a thing stands, and what may turn round what is said of it. Source: FHIR R4 and STU3, modifier elements.
STATUS_MEMBERS = frozenset({"status", "clinicalStatus", "verificationStatus", "taken", "intent", "active", "mode"})
MODIFIERS = frozenset({"modifierExtension", "implicitRules", "isSubpotent", *NOT_DONE_FLAGS})
_NOT_DONE = frozenset(name.casefold() for name in NOT_DONE_FLAGS)
# Nothing is joined, told apart, dated or counted by these.
NEVER_COMPARED = frozenset(
    "asserter author comment context custodian device encounter informationSource language meta note patient"
    " performer recorder requester source subject supportingInfo supportingInformation text".split()
)


def modifiers_of(*, resource: Resource) -> Iterator[Line]:
    """Yield what may turn round what a resource says, and in a way that only its publisher knows, at any depth.

    Source: FHIR R4, Extensibility: what holds a modifier extension that is not understood is not read as if it did not.
    """
    if rules := text(resource.get("implicitRules")).strip():
        yield DetailLabel.MODIFIED, rules
    stack: list[object] = [resource]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for extension in mappings(listed(node.get("modifierExtension"))):
                words = words_in(extension)
                name = plain_name(url=text(extension.get("url")))
                yield DetailLabel.MODIFIED, f"{name}: {words}" if words else name
            stack.extend(reversed(node.values()))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def may_be_modified(*, item: Item) -> bool:
    """Return whether to look for what may turn round what an item says; of nearly every item this says no."""
    body = item.resource
    # An escape may spell a name otherwise. One byte is found much faster than two.
    is_escaped = b"\\" in body and rb"\u" in body
    return is_escaped or b"modifierExtension" in body or b"implicitRules" in body


def _is_modified(item: Item) -> bool:
    return may_be_modified(item=item) and any(modifiers_of(resource=parse(resource=item.resource)))


def stands_in_doubt(*, item: Item) -> bool:
    """Return whether a flaw is in how an item stands, or whether anything may turn round what it says."""
    return (
        _is_modified(item)
        or any(_is_of_standing(flaw) for flaw in item.flaws)
        or any(name.strip("_").casefold() in _NOT_DONE for name in item.at_fault)
    )


def is_compared_in_doubt(*, item: Item) -> bool:
    """Return whether a flaw is in anything of an item that may be compared.

    A field that the standard does not have may be one of these, misspelt.
    """
    return stands_in_doubt(item=item) or any(
        flaw.member not in NEVER_COMPARED and not flaw.is_in_prose for flaw in item.flaws
    )


def without_fault(*, item: Item, resource: Resource) -> Resource:
    """Return a resource without the members that hold a flaw."""
    return {name: value for name, value in resource.items() if name not in item.at_fault}


def may_hide_a_claim(*, item: Item) -> bool:
    """Return whether a flaw is where an item may say that there is something, so that it does not say there is none."""
    return is_compared_in_doubt(item=item) or not _WORDS.isdisjoint(item.at_fault)


def standing_in_doubt(*, resource: Resource, absence: Absence | None) -> Standing:
    """Return how a resource stands whose standing is in doubt: taken back or denied where the rest of it says so."""
    rest = standing_given(resource=resource, absence=None)
    if rest in {Standing.RETRACTED, Standing.NEGATED}:
        return rest
    by_absence = standing_given(resource=resource, absence=absence)
    return by_absence if by_absence is Standing.NO_INFORMATION else Standing.UNKNOWN


def lines_as_sent(*, item: Item, shown: Fact) -> Iterator[Line]:
    """Yield what members at fault say, as text, where an item does not tell it already."""
    sent = parse(resource=item.original or item.resource)
    told = " ".join([shown.heading, shown.status_text, *(value for _, value in shown.details)])
    if shown.shown_date:
        told += f" {shown.shown_date.text}"
    stems = {flaw.member for flaw in item.flaws if flaw.path != UNKNOWN_FIELD} - _NOT_WORDED
    for name in item.at_fault:
        if name in stems or any(name.startswith(stem) for stem in stems if f"{stem}[x]" in _paths(item)):
            words = words_in(sent.get(name))
            if words and words not in told:
                yield f"{name}, as sent", words


# What has no words of its own for a reader, or is better read with its source's copy.
_NOT_WORDED = frozenset({"id", "meta", "text", "contained", "extension", "identifier"})
_WORDS = frozenset({"note", "text"})


def _paths(item: Item) -> set[str]:
    return {flaw.path for flaw in item.flaws}


def _is_of_standing(flaw: Flaw) -> bool:
    if flaw.reason is FlawReason.EMPTY and flaw.is_in_prose:
        return False
    return flaw.member in STATUS_MEMBERS | MODIFIERS or "modifierExtension" in flaw.path.split(".")
