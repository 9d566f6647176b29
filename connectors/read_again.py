"""What a connector of another distribution gave, read again before anything is done with it.

Its author may have read the answer in a way of their own. So what was given is brought to the types of the contract,
and each resource is judged, asked whose it is and labelled as `connectors.reading` does it for ours: one that cannot be
used is set aside, and costs no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from connectors.contract.categories import RecordCategory, category_of, category_of_type
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.reading import (
    JudgedEntry,
    OwnedEntry,
    find_owners,
    judge_entries,
    notice_of_issue,
    notices_of_flaws,
    ownership,
    sort_entries,
)
from connectors.transport.pace import Steps
from fhir_data import exact_json
from fhir_data.access import JsonObject
from fhir_data.belonging import Belonging
from fhir_data.labels import labels_of_refused
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry

Value = TypeVar("Value")

_ENCODER = msgspec.msgpack.Encoder()


class NotAsPromised(Exception):
    """A connector gave something else than the contract says. `args` name no value of it."""


def packed(value: object, /, *, kind: type[Value]) -> bytes:
    """Return a value of the contract as bytes, of which `unpacked` makes it again.

    Raises: NotAsPromised for anything else.
    """
    if not isinstance(value, kind):
        raise NotAsPromised(kind.__name__)
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise NotAsPromised(kind.__name__) from None


def unpacked(content: bytes, /, *, kind: type[Value]) -> Value:
    """Return the value that was packed: every member of the type that the contract says.

    Raises: NotAsPromised where one was of another.
    """
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.DecodeError:
        raise NotAsPromised(kind.__name__) from None


def read_again(*, bodies: Sequence[bytes], base_url: str) -> Steps[Reply]:
    """Return a packed Reply as it may be used. `base_url` is the address of the source that was asked.

    Raises: NotAsPromised; Malformed `no-patient` where its subject is no Patient.
    """
    (body,) = bodies
    reply = unpacked(body, kind=Reply)
    if reply.subject is None:
        raise Malformed(Reason.NO_PATIENT)
    items = {id(entry): (entry, item) for item in reply.items if item.translated for entry in [_entry_of(item)]}
    patient = SplitEntry(whole=reply.subject, resource=reply.subject, full_url=reply.subject_url)
    judged = yield from judge_entries(entries=[patient, *(entry for entry, _ in items.values())], release=Release.R4)
    subject = judged[0]
    if subject.kind != "Patient":
        raise Malformed(Reason.NO_PATIENT)
    owners = ownership(subject=subject, judged=judged, bases=(base_url,))
    owned = yield from find_owners(judged=judged, subject=subject, owners=owners)
    given = {key: item for key, (_, item) in items.items()}
    found = yield from sort_entries(owned=owned, dialect=_AsGiven(given))
    return replace(
        reply,
        subject=exact_json.encode(subject.resource) if subject.flaws else reply.subject,
        subject_original=reply.subject_original or (reply.subject if subject.flaws else None),
        items=(*found.items, *(item for item in reply.items if not item.translated)),
        quarantined=(
            *(_labelled(entry) for entry in reply.quarantined),
            *found.quarantined,
        ),
        notices=(*reply.notices, *found.notices, *notices_of_flaws(subject)),
    )


class _AsGiven:
    """Keeps what the connector said of each item, and adds what it left out. `items` are by the id of their entry."""

    def __init__(self, items: dict[int, ReceivedItem]) -> None:
        self._items = items

    def category_of_type(self, name: str, /) -> RecordCategory | None:
        return category_of_type(name)

    def category_of(self, resource: dict[str, Any], /) -> RecordCategory:
        return category_of(resource=resource)

    def notice_of(self, issue: JsonObject, /) -> Notice:
        return notice_of_issue(issue)

    def items_of(self, entry: OwnedEntry, /) -> Iterator[ReceivedItem]:
        judged = entry.judged
        item = self._items[id(judged.entry)]
        yield structs.replace(
            item,
            category=_category(item, judged=judged),
            flaws=item.flaws or judged.flaws,
            at_fault=tuple(dict.fromkeys([*item.at_fault, *judged.at_fault])),
            subject_references=item.subject_references or entry.finding.references,
            names_no_patient=item.names_no_patient or entry.finding.belonging is Belonging.UNNAMED,
        )


def _entry_of(item: ReceivedItem, /) -> SplitEntry:
    return SplitEntry(whole=item.original or item.resource, resource=item.resource, full_url=item.full_url)


def _category(item: ReceivedItem, /, *, judged: JudgedEntry) -> RecordCategory:
    """Return the category that was given, unless what is clinical by its type would be left out of the record by it."""
    expected = category_of(resource=judged.resource)
    return expected if expected.is_clinical and not item.category.is_clinical else item.category


def _labelled(entry: QuarantinedEntry, /) -> QuarantinedEntry:
    labels = dict.fromkeys([*entry.labels, *labels_of_refused(entry=entry.original)])
    return replace(entry, labels=tuple(labels))
