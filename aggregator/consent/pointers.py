"""What points to what is withheld is taken out of what is shown: it would tell that something is there. Pure.

A report is shown without its reference to a withheld result, a medicine without the problem that it is for. With a
reference goes what is there for it alone, such as an Encounter's `diagnosis`, and the narrative that says it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import structs

from aggregator.record.item import Item
from aggregator.record.references import Targets
from fhir_data import exact_json
from fhir_data.references import addresses_in, references_in, text_of_reference

Hides = Callable[[str], bool]
_GONE = object()
# The name of a member that holds an address; that of an object which may be the identifier in a reference.
_ADDRESS = re.compile(r"(\Au|[a-z]U)r[il]\Z")
_LOGICAL = re.compile(rb'"identifier"\s*:\s*\{')


def without_pointers(*, items: Iterable[Item], withheld: Iterable[Item]) -> Iterator[Item]:
    """Yield items, in order, without what points to any of the withheld ones."""
    items, hidden = tuple(items), tuple(withheld)
    if not hidden:
        yield from items
        return
    leads_to_hidden, leads_to_open = _likely(hidden), _exactly(items)
    for item in items:

        def hides(reference: str, item: Item = item) -> bool:
            """Whether a reference in this item may lead to what is withheld, and leads to nothing that is shown."""
            return leads_to_hidden(item, reference) and not leads_to_open(item, reference)

        resource = _without(item.resource, hides=hides)
        original = item.original and _without(item.original, hides=hides)
        if resource == item.resource and original == item.original:
            yield item
        else:
            sent, left = exact_json.decode(item.original or item.resource), exact_json.decode(original or resource)
            notes = tuple(note for note in item.notes if still_holds(note, sent=sent, left=left))
            yield structs.replace(item, resource=resource, original=original, notes=notes)


def still_holds(note: str, /, *, sent: Any, left: Any) -> bool:
    """Return whether a note of the translation, as "Observation.related.type: ...", holds for what is left.

    It does where taking pointers out has changed no value at its path.
    """
    _, *path = note.partition(":")[0].split(".")
    return _values_at(sent, path) == _values_at(left, path)


def _values_at(value: Any, path: Sequence[str], /) -> set[bytes]:
    if isinstance(value, list):
        return {each for element in value for each in _values_at(element, path)}
    if not path:
        return {exact_json.encode(value)}
    return _values_at(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else set()


def _exactly(items: Iterable[Item], /) -> Callable[[Item, str], bool]:
    """Return what says whether a reference leads to any of these items, translated or as they were sent."""
    translated, sent = _both(items)
    return lambda item, reference: bool(
        translated.find(item=item, reference=reference) or sent.find(item=item, reference=reference)
    )


def _likely(items: Iterable[Item], /) -> Callable[[Item, str], bool]:
    """Return what says whether a reference, however it is spelt, may lead to any of these items."""
    translated, sent = _both(items)
    return lambda item, reference: bool(
        translated.find_likely(item=item, reference=reference) or sent.find_likely(item=item, reference=reference)
    )


def _both(items: Iterable[Item], /) -> tuple[Targets, Targets]:
    items = tuple(items)
    as_sent = [structs.replace(item, resource=item.original) for item in items if item.original is not None]
    return Targets(items=items), Targets(items=as_sent)


def _without(resource: bytes, /, *, hides: Hides) -> bytes:
    pointers = (*references_in(resource=resource), *addresses_in(resource=resource))
    # By an identifier alone a reference leads there, too: told only where the whole is read.
    if not _LOGICAL.search(resource) and not any(hides(pointer) for pointer in pointers):
        return resource
    sent = exact_json.decode(resource)
    left = _pruned_members(sent, hides=hides)[0]
    return resource if left == sent else exact_json.encode(left)


def _pruned(value: Any, /, *, hides: Hides) -> Any:
    """Return a value without what points to what is withheld; _GONE where nothing is left of it."""
    if isinstance(value, list):
        kept = [left for element in value if (left := _pruned(element, hides=hides)) is not _GONE]
        return kept if kept or not value else _GONE
    if not isinstance(value, dict):
        return value
    if "resourceType" not in value and (reference := text_of_reference(value)) and hides(reference):
        return _GONE
    left, has_lost_its_content = _pruned_members(value, hides=hides)
    is_emptied = bool(value) and not left
    return _GONE if is_emptied or (has_lost_its_content and "resourceType" not in value) else left


def _pruned_members(value: dict[str, Any], /, *, hides: Hides) -> tuple[dict[str, Any], bool]:
    """Return an object without what points to what is withheld, and whether that was what the object was there for."""
    kept: dict[str, Any] = {}
    has_lost_its_content = False
    for name, member in value.items():
        left = _pruned(member, hides=hides)
        if left is not _GONE and not (_ADDRESS.search(name) and isinstance(member, str) and hides(member)):
            kept[name] = left
        elif not isinstance(member, list) or name == "entry":  # of a list of references, others say as much as one
            has_lost_its_content = True
    if kept != value and isinstance(kept.get("text"), dict) and "div" in kept["text"]:
        del kept["text"]
    return kept, has_lost_its_content
