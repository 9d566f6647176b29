"""A FHIR Bundle in a file <-> items, and a merged record as text or JSON. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aggregator.record.categories import CATEGORIES
from aggregator.record.invisible import made_visible
from aggregator.record.item import Item
from aggregator.record.received import item_of
from aggregator.record.timeline import Conflict, Entry, LongitudinalRecord
from connectors.contract.values import Reply
from fhir_data.heads import entry_name, type_of

# Under each entry; the list of all conflicts has every claim.
CLAIMS_PER_ENTRY = 20


def items_of(*, reply: Reply, source_id: str) -> tuple[Item, ...]:
    """Return the items of an answer that was read from a file; ids are made of content, so that they stay the same."""
    seen: dict[bytes, int] = {}
    items: list[Item] = []
    for received in reply.items:
        copy = seen[received.resource] = seen.get(received.resource, 0) + 1
        digest = hashlib.sha256(f"{source_id}|{copy}|".encode() + received.resource).hexdigest()
        items.append(item_of(received=received, item_id=digest[:32], source_id=source_id))
    return tuple(items)


def as_json(*, record: LongitudinalRecord, quarantined: Mapping[str, int]) -> str:
    """Return a merged record as JSON: sections, entries with contributors and rules, conflicts, what was set aside."""
    return json.dumps(
        {
            "sections": [
                {"category": section.category, "entries": [_entry(entry) for entry in section.entries]}
                for section in record.sections
            ],
            "conflicts": [_conflict(conflict) for conflict in record.conflicts],
            "supporting": len(record.supporting),
            "billing": len(record.billing),
            "untranslated": len(record.untranslated),
            "quarantined": dict(quarantined),
        },
        indent=2,
        ensure_ascii=False,
    )


def as_text(*, record: LongitudinalRecord, quarantined: Mapping[str, int]) -> str:
    """Return a merged record for reading in a terminal."""
    lines: list[str] = []
    for section in record.sections:
        lines.append(f"{CATEGORIES[section.category].title.upper()} ({len(section.entries)})")
        for entry in section.entries:
            lines.append(f"  {entry.date.text if entry.date else 'no date':<26} {entry.heading} [{entry.standing}]")
            lines.extend(f"      {label}: {value}" for label, value in entry.details)
            lines.extend(f"      Not as the standard says: {words}" for words in _flaws(entry))
            lines.append(f"      from {', '.join(entry.source_ids)} ({entry.rule})")
            lines.extend(f"      CONFLICT, {conflict.kind}: {conflict.statement}" for conflict in entry.conflicts)
    lines.append(f"Conflicts: {len(record.conflicts)}. Supporting: {len(record.supporting)}.")
    lines.append(f"Not translated yet: {len(record.untranslated)}.")
    lines.extend(f"Set aside, {reason}: {count}." for reason, count in sorted(quarantined.items()))
    return made_visible(text="\n".join(lines))


def _flaws(entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flaw.words for item in entry.items for flaw in item.flaws))


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "heading": entry.heading,
        "standing": entry.standing,
        "status": entry.status_text,
        "date": entry.date.text if entry.date else None,
        "details": [{"label": label, "value": value} for label, value in entry.details],
        "rule": entry.rule,
        "rule_version": entry.rule_version,
        "sources": list(entry.source_ids),
        "items": [_item(item) for item in entry.items],
        "conflicts": [_conflict(conflict, most=CLAIMS_PER_ENTRY) for conflict in entry.conflicts],
    }


def _item(item: Item) -> dict[str, Any]:
    name = entry_name(entry=item.resource) or f"{type_of(entry=item.resource)}/"
    flaws = [{"path": flaw.path, "reason": flaw.reason} for flaw in item.flaws]
    return {"source": item.source_id, "resource": name, "notes": list(item.notes), "flaws": flaws}


def _conflict(conflict: Conflict, *, most: int | None = None) -> dict[str, Any]:
    """Return a conflict, with its first `most` claims and entries only: a denial may stand beside thousands."""
    return {
        "kind": conflict.kind,
        "statement": conflict.statement,
        "claims": [{"source": source, "says": says} for source, says in conflict.claims[:most]],
        "claims_in_all": len(conflict.claims),
        "entries": list(conflict.entry_keys[:most]),
    }
