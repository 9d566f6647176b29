"""A Reply as one FHIR R4 Bundle, and a report of what is not in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import structs

from connectors.contract.categories import RecordCategory, category_of
from connectors.contract.notices import Notice
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from fhir_data import exact_json
from fhir_data.access import JsonObject, mapping, mappings, text
from fhir_data.confidentiality import meaning_of
from fhir_data.flaws import Flaw, FlawReason
from fhir_data.heads import type_of
from fhir_data.labels import Label, labels_in
from fhir_data.parsing import read_entry
from fhir_data.references import Address, Directory, is_absolute, with_objects_changed

# Entries without an address are named in this namespace of ours.
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:longview:converted-bundle")
# The system of our tags on converted items: the section of an item by its name, and that it was only linked.
_SECTION = "urn:longview:section"
_LINKED = "linked-item"
# The systems of our tags for the flaws of what a resource was made from, and for its members that hold one.
_FLAW = "urn:longview:flaw"
_AT_FAULT = "urn:longview:member-at-fault"
_REASONS = {reason.value: reason for reason in FlawReason}
_CATEGORIES = frozenset(category.value for category in RecordCategory)


@dataclass(frozen=True, kw_only=True)
class _Placed:
    full_url: str
    resource: dict[str, Any]
    sent_as: Address


def as_bundle(*, reply: Reply) -> bytes:
    """Return the subject and every item that is R4 as a collection Bundle.

    An entry keeps the `fullUrl` that its source sent; one without a proper `fullUrl` gets a `urn:uuid:` that is the
    same each time for the same content. A reference to an entry of the Bundle names its `fullUrl`, as the rules for
    resolving references in a Bundle demand; any other stays as it was sent. What a resource alone does not say (in
    which section a practice sent it, that it was only linked) is in its `meta.tag`: see `as_converted`. A security
    label that stood around it, or that its translation has no place for, is in its `meta.security`.
    """
    placed = _place(sent=list(_r4_resources(reply=reply)))
    directory = Directory(entries=((entry.sent_as, entry.full_url) for entry in placed))
    entries = [{"fullUrl": entry.full_url, "resource": _pointed(entry, directory=directory)} for entry in placed]
    made: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    if entries:
        made["entry"] = entries
    return exact_json.encode(made)


def as_converted(*, reply: Reply) -> Reply:
    """Return a Reply read from a Bundle of `as_bundle`, with what its tags say about each item."""
    return replace(reply, items=tuple(_as_tagged(item=item) for item in reply.items))


def _as_tagged(*, item: ReceivedItem) -> ReceivedItem:
    tags = _tags(read_entry(entry=item.resource)) if b"urn:longview:" in item.resource else []
    codes = [str(tag.get("code")) for tag in tags if tag.get("system") == _SECTION]
    category = next((RecordCategory(code) for code in codes if code in _CATEGORIES), item.category)
    told = [Flaw(path=text(tag.get("display")), reason=_REASONS[code]) for tag, code in _of(tags, system=_FLAW)]
    return structs.replace(
        item,
        category=category,
        incidental=item.incidental or _LINKED in codes,
        flaws=tuple(dict.fromkeys([*item.flaws, *told])),
        at_fault=tuple(dict.fromkeys([*item.at_fault, *(code for _, code in _of(tags, system=_AT_FAULT))])),
    )


def _of(tags: Iterable[JsonObject], *, system: str) -> list[tuple[JsonObject, str]]:
    """Return the tags of a system of ours that can be read, each with its code."""
    listed = ((tag, text(tag.get("code"))) for tag in tags if tag.get("system") == system)
    return [(tag, code) for tag, code in listed if code in _REASONS or system != _FLAW]


def _tagged(*, item: ReceivedItem) -> dict[str, Any]:
    resource = read_entry(entry=item.resource)
    codes = [str(item.category)] if item.category is not category_of(resource=resource) else []
    codes += [_LINKED] if item.incidental else []
    ours = [{"system": _SECTION, "code": code} for code in codes]
    if item.original is not None:  # what was sent is not in the Bundle, so that nobody could find them again
        ours += [{"system": _FLAW, "code": flaw.reason, "display": flaw.path} for flaw in item.flaws]
        ours += [{"system": _AT_FAULT, "code": name} for name in item.at_fault]
    resource = _labelled(resource, labels=item.labels)
    if not ours:
        return resource
    tags = [*_tags(resource), *ours]
    return {**resource, "meta": {**mapping(resource.get("meta")), "tag": tags}}


def _labelled(resource: dict[str, Any], /, *, labels: Iterable[Label]) -> dict[str, Any]:
    """Return a resource with those of its labels that it does not say itself, by whatever name of their system."""
    said = {meaning_of(label) for label in labels_in(resource)}
    missing = [label for label in labels if meaning_of(label) not in said]
    if not missing:
        return resource
    meta = mapping(resource.get("meta"))
    codings = [_coding(label) for label in missing]
    return {**resource, "meta": {**meta, "security": [*mappings(meta.get("security")), *codings]}}


def _coding(label: Label, /) -> dict[str, str]:
    coding = {name: value for name, value in (("system", label.system), ("code", label.code)) if value}
    return coding if label.code else {**coding, "display": "A label that cannot be read"}


def _tags(resource: JsonObject) -> list[dict[str, Any]]:
    return mappings(mapping(resource.get("meta")).get("tag"))


def report_lines(*, reply: Reply) -> tuple[str, ...]:
    """Return what a reader of the Bundle must know: what is missing from it, and what differs from what was sent."""
    left_out = Counter(type_of(entry=item.resource) for item in reply.items if not item.translated)
    kept = Counter(type_of(entry=item.resource) for item in reply.items if item.translated)
    notes = Counter((*reply.subject_notes, *(note for item in reply.items for note in item.notes)))
    flaws = Counter(f"{type_of(entry=item.resource)}: {flaw.words}" for item in reply.items for flaw in item.flaws)
    incidental = sum(item.incidental for item in reply.items)
    patient = "one Patient" if reply.subject else "no Patient"
    lines = [
        f"In the Bundle: {patient} and {kept.total()} items{_listed(counts=kept)}.",
        f"Not translated yet, not in the Bundle: {left_out.total()}{_listed(counts=left_out)}.",
        f"Linked by the source but no answer to the question asked: {incidental}.",
        *_section(title="Set aside, not in the Bundle", lines=_set_aside(quarantined=reply.quarantined)),
        *_if_any(
            title="Kept, though not as the standard says",
            lines=[f"{count} x {flaw}" for flaw, count in sorted(flaws.items())],
        ),
        *_section(
            title="Not carried, or carried otherwise than sent",
            lines=[f"{count} x {note}" for note, count in sorted(notes.items())],
        ),
        *_section(title="Said by the source of its own answer", lines=_all_said(reply.notices)),
    ]
    return tuple(lines)


def _section(*, title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else [f"{title}: nothing."]


def _if_any(*, title: str, lines: list[str]) -> list[str]:
    return _section(title=title, lines=lines) if lines else []


def _all_said(notices: Iterable[Notice], /) -> list[str]:
    said = (notice.without(hidden=frozenset()) for notice in notices)
    return [_said(notice=notice) for notice in said if notice is not None]


def _said(*, notice: Notice) -> str:
    """Return a notice on one line. Its text is the source's, so line ends and other control characters are escaped."""
    text = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in notice.text)
    return f"{notice.code} ({notice.category or 'whole answer'}){f': {text}' if text else ''}"


def _r4_resources(*, reply: Reply) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield the resources of the Bundle, each with the `fullUrl` that it was sent under."""
    if reply.subject is not None:
        yield reply.subject_url, _labelled(read_entry(entry=reply.subject), labels=reply.subject_labels)
    yield from ((item.full_url, _tagged(item=item)) for item in reply.items if item.translated)


def _set_aside(*, quarantined: tuple[QuarantinedEntry, ...]) -> list[str]:
    counts = Counter(
        (entry.reason, type_of(entry=entry.original) or "of no known type", entry.detail) for entry in quarantined
    )
    return [
        f"{count} x {kind}: {reason}{f' at {detail}' if detail else ''}"
        for (reason, kind, detail), count in sorted(counts.items())
    ]


def _listed(*, counts: Counter[str]) -> str:
    return f" ({', '.join(f'{kind} {count}' for kind, count in sorted(counts.items()))})" if counts else ""


def _place(*, sent: list[tuple[str, dict[str, Any]]]) -> list[_Placed]:
    placed: list[_Placed] = []
    used: set[str] = set()
    for sent_url, resource in sent:
        # A `fullUrl` must be absolute; real documents hold `Patient/2` there as well.
        url = sent_url if is_absolute(url=sent_url) else _full_url(resource)
        repeat = 0
        while url in used:  # both entries are kept, and a Bundle may not hold one address twice
            repeat += 1
            url = f"urn:uuid:{uuid5(_NAMESPACE, f'{repeat} ' + exact_json.encode(resource).decode())}"
        used.add(url)
        key = resource.get("id")
        name = f"{resource.get('resourceType')}/{key}" if key else ""
        placed.append(_Placed(full_url=url, resource=resource, sent_as=Address(full_url=sent_url, name=name)))
    return placed


def _full_url(resource: JsonObject) -> str:
    key = str(resource.get("id", ""))
    if not key:
        return f"urn:uuid:{uuid5(_NAMESPACE, exact_json.encode(resource).decode())}"
    if _is_uuid(key):
        return f"urn:uuid:{key}"
    name = f"{resource.get('resourceType')}/{key}"
    return f"urn:uuid:{uuid5(_NAMESPACE, name)}"


def _is_uuid(text: str) -> bool:
    """Whether an id is a UUID as a URN needs it: lower case, with hyphens."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _pointed(placed: _Placed, *, directory: Directory[str]) -> dict[str, Any]:
    """Return a copy of a resource with its references, and the addresses of its attachments, pointed at entries."""

    def point(members: dict[str, Any]) -> dict[str, Any]:
        for name in ("reference", "url"):  # the `url` of an extension is no entry's address, and so stays
            if isinstance(sent := members.get(name), str):
                members[name] = directory.find(reference=sent, within=placed.sent_as.full_url) or sent
        return members

    pointed: dict[str, Any] = with_objects_changed(placed.resource, change=point)
    return pointed
