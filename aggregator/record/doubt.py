"""What the flaws of an item cast doubt on: how it stands, and what it is compared by. Pure.

A field at fault is shown and joins nothing. An item that lacks what would tell it from another could be joined with
that by the rest, so one with a flaw in anything that is compared stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.record.absence import Absence
from aggregator.record.details import Line
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.reading import Resource, parse, words_in
from aggregator.record.standing import NOT_DONE_FLAGS, standing_given
from aggregator.record.timeline import Standing
from fhir_data.access import mappings, text
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


def stands_in_doubt(*, item: Item) -> bool:
    """Return whether a flaw is in how an item stands, or in what may turn round what it says."""
    return any(_is_of_standing(flaw) for flaw in item.flaws) or any(
        name.strip("_").casefold() in _NOT_DONE for name in item.at_fault
    )


def is_turned_round_in_doubt(*, item: Item, resource: Resource) -> bool:
    """Return whether a resource holds an extension that may turn round what it says: none of them is known here.

    What is contained has a meaning of its own. Source: FHIR R4 and STU3, Extensibility, "Modifier extensions".
    """
    body = item.resource
    # Nearly no resource has any, and to look for one in the bytes is much faster; `\u00` may spell its name otherwise.
    return (b"modifierExtension" in body or b"\\u00" in body) and bool(_modifiers_in(resource))


def _modifiers_in(resource: Resource, /) -> list[Any]:
    """Return the extensions of a resource that modify it, or a part of it, as they were sent."""
    found: list[Any] = []
    stack: list[Any] = [{name: value for name, value in resource.items() if name != "contained"}]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if modifier := node.get("modifierExtension"):
                found.append(modifier)
            stack.extend(value for value in node.values() if isinstance(value, dict | list))
        elif isinstance(node, list):
            stack.extend(node)
    return found


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
    if modifiers := _modifiers_in(without_fault(item=item, resource=sent)):
        yield "modifierExtension, as sent", words_in([[_named(each) for each in mappings(one)] for one in modifiers])
    told = " ".join([shown.heading, shown.status_text, *(value for _, value in shown.details)])
    if shown.shown_date:
        told += f" {shown.shown_date.text}"
    stems = {flaw.member for flaw in item.flaws if flaw.path != UNKNOWN_FIELD} - _NOT_WORDED
    for name in item.at_fault:
        if name in stems or any(name.startswith(stem) for stem in stems if f"{stem}[x]" in _paths(item)):
            words = words_in(sent.get(name))
            if words and words not in told:
                yield f"{name}, as sent", words


def _named(modifier: Mapping[str, Any], /) -> list[object]:
    """Return what a modifying extension is called and what it says: no reader knows it by either alone."""
    rest = {name: value for name, value in modifier.items() if name != "url"}
    return [text(modifier.get("url")).rstrip("/").rpartition("/")[2], rest]


# What has no words of its own for a reader, or is better read with its source's copy.
_NOT_WORDED = frozenset({"id", "meta", "text", "contained", "extension", "identifier"})
_WORDS = frozenset({"note", "text"})


def _paths(item: Item) -> set[str]:
    return {flaw.path for flaw in item.flaws}


def _is_of_standing(flaw: Flaw) -> bool:
    if flaw.reason is FlawReason.EMPTY and flaw.is_in_prose:
        return False
    return flaw.member in STATUS_MEMBERS | MODIFIERS or "modifierExtension" in flaw.path.split(".")
