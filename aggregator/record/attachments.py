"""Documents that resources hold or point to: what is said of each, and where its bytes are. Pure.

`encoded_content` is the one place that goes from an attachment to its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aggregator.record.item import Item
from aggregator.record.reading import Resource, parse
from aggregator.record.sent import CONTAINED, Sent
from fhir_data.access import listed, mapping, mappings, text

Path = tuple[str | int, ...]

# An address that a source's documents may have: relative to its server, or of the web.
_FOLLOWED = re.compile(r"(?:https?://|[A-Za-z0-9._~-]+/)[^\s]*\Z", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Where a document's bytes are in the record: in which item, and at which path of its resource, in base64."""

    item_id: str
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A document as it is described. `content_types` are what its source says that it is, each once.

    `held` is None for a document that did not come with the record; then `address` is where its source, `source_id`,
    says that it is.
    Unit: `size` in bytes, as sent; `sha1` in base64.
    """

    title: str = ""
    content_types: tuple[str, ...] = ()
    size: str = ""
    sha1: str = ""
    written: str = ""
    held: Held | None = None
    source_id: str = ""
    address: str = ""

    @property
    def may_be_at_source(self) -> bool:
        """Whether the address is one at which a source could keep a document."""
        return _FOLLOWED.match(self.address) is not None


def attachments_at(sent: Sent, *, elements: Sequence[tuple[Path, object]]) -> Iterator[Attachment]:
    """Yield the attachments that these elements of a resource describe, each with the path at which it stands."""
    for path, element in elements:
        described = mapping(element)
        address = text(described.get("url"))
        held, held_type = _held(sent, path=path, described=described, address=address)
        if not (held or address or described):
            continue
        yield Attachment(
            title=text(described.get("title")),
            content_types=_each_once([text(described.get("contentType")), held_type]),
            size=text(described.get("size")),
            sha1=text(described.get("hash")),
            written=text(described.get("creation")),
            held=held,
            source_id=sent.item.source_id,
            address="" if held else address,
        )


def binary_content(sent: Sent, /) -> Iterator[Attachment]:
    """Yield the document that a resource is, where its `data` are the bytes and its `contentType` their type."""
    has_data = bool(text(sent.resource.get("data")))
    yield Attachment(
        content_types=_each_once([text(sent.resource.get("contentType"))]),
        held=Held(item_id=sent.item.id, path=("data",)) if has_data else None,
        source_id=sent.item.source_id,
    )


def listed_at(resource: Resource, *path: str) -> list[tuple[Path, object]]:
    """Return the elements of a list, each with its path; below each, the member that the rest of the path names."""
    name, *below = path
    value = resource.get(name)
    places: list[tuple[Path, object]] = []
    for place, element in enumerate(listed(value)):
        whole: Path = (name, place) if isinstance(value, list) else (name,)
        for member in below:
            whole, element = (*whole, member), mapping(element).get(member)
        places.append((whole, element))
    return places


def encoded_content(*, attachment: Attachment, items: Iterable[Item]) -> str | None:
    """Return the base64 of an attachment's bytes; None where they are not among these items."""
    held = attachment.held
    item = next((item for item in items if held and item.id == held.item_id), None)
    if held is None or item is None:
        return None
    value: object = parse(resource=item.resource)
    for step in held.path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = mapping(value).get(step)
    return text(value) or None


def _held(sent: Sent, *, path: Path, described: Resource, address: str) -> tuple[Held | None, str]:
    """Return where the bytes are and which type they are said to be there."""
    if text(described.get("data")):
        return Held(item_id=sent.item.id, path=(*path, "data")), ""
    if address.startswith(CONTAINED):
        for place, inner in enumerate(mappings(sent.resource.get("contained"))):
            if text(inner.get("id")) == address[1:] and text(inner.get("data")):
                inside: Path = ("contained", place, "data")
                return Held(item_id=sent.item.id, path=inside), text(inner.get("contentType"))
        return None, ""
    target = sent.find(reference=address) if address else {}
    if text(target.get("data")) and (item_id := sent.item_id(reference=address)):
        return Held(item_id=item_id, path=("data",)), text(target.get("contentType"))
    return None, ""


def _each_once(types: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in types if name.strip()))
