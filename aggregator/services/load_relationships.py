"""Load which people a source's organisation cares for."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid, NotFound
from aggregator.mpi.demographics import whole_date
from aggregator.relationships.operations import RelationshipLine
from aggregator.relationships.operations import load_relationships as write_relationships
from aggregator.relationships.terms import RelationshipKind
from aggregator.sources.queries import source_by_slug


@dataclass(frozen=True, kw_only=True)
class LoadedRelationships:
    """`unknown` lines name a person whom the index does not hold for that source."""

    recorded: int
    unknown: int


def load_relationships(*, requester: Requester, source_slug: str, lines: Iterable[str]) -> LoadedRelationships:
    """Load a CSV of local_id, kind (registered or attended), from_date and until_date (empty: still open).

    Raises: NotPermitted; NotFound for an unknown source; Invalid, naming the line, when a line cannot be read: then
    nothing in the file is loaded.
    """
    with acting(requester, Action.LOAD_RELATIONSHIPS, needs=Permission.LOAD_IDENTITIES) as act:
        source = source_by_slug(slug=source_slug)
        if source is None:
            raise NotFound("No source has that short name.")
        act.about(source_id=source.id)
        relationships = _read(lines)
        act.begin()
        unknown = write_relationships(source=source, lines=relationships)
        loaded = LoadedRelationships(recorded=len(relationships) - unknown, unknown=unknown)
        act.note(recorded=loaded.recorded, unknown=unknown)
        return loaded


def _read(lines: Iterable[str]) -> list[RelationshipLine]:
    reader = csv.DictReader(lines)
    relationships: list[RelationshipLine] = []
    for row in reader:
        from_date, until = whole_date(text=row.get("from_date") or ""), row.get("until_date") or ""
        try:
            kind = RelationshipKind(row.get("kind") or "")
        except ValueError:
            raise Invalid(f"Line {reader.line_num}: kind must be registered or attended.", field="kind") from None
        if from_date is None or (until and whole_date(text=until) is None):
            raise Invalid(f"Line {reader.line_num}: dates must be written like 2024-08-14.", field="from_date")
        relationships.append(
            RelationshipLine(
                identifier_value=row.get("local_id") or "",
                kind=kind,
                from_date=from_date,
                until_date=whole_date(text=until) if until else None,
            )
        )
    return relationships
