"""Load which people a source's organisation cares for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.csv_rows import Rejected
from aggregator.errors import Invalid, NotFound
from aggregator.relationships import operations
from aggregator.relationships.relationship_file import as_values, read_relationships
from aggregator.sources.queries import source_by_slug

UNKNOWN = "the index holds no such person for this source"


@dataclass(frozen=True, kw_only=True)
class LoadedRelationships:
    """Every line is counted once in `recorded` or `rejected`.

    Of the rejected, `unknown` name a person whom the index does not hold for that source: they may be loaded again once
    it does. Of the recorded, `ended` are of no effect: an administrator has ended that relationship, and it stays so.
    """

    recorded: int
    unknown: int
    ended: int
    rejected: tuple[Rejected, ...]


def load_relationships(
    *, requester: Requester, source_slug: str, lines: Iterable[str], now: datetime
) -> LoadedRelationships:
    """Load a CSV file (columns as in `relationships.relationship_file`). Lines that cannot be loaded are reported.

    Raises: NotPermitted; NotFound for an unknown source; Invalid when the heading cannot be used.
    """
    with acting(requester, Action.LOAD_RELATIONSHIPS, needs=Permission.LOAD_IDENTITIES) as act:
        source = source_by_slug(slug=source_slug)
        if source is None:
            raise NotFound("No source has that short name.")
        act.about(source_id=source.id)
        try:
            relationships, rejected = read_relationships(lines=lines)
        except ValueError as error:
            raise Invalid(f"The file cannot be read: {error}.", field="file") from None
        act.begin()
        report = operations.load_relationships(source=source, lines=relationships, now=now)
        rejected += [
            Rejected(line=line.line, reason=UNKNOWN, values=as_values(relationship=line)) for line in report.unknown
        ]
        loaded = LoadedRelationships(
            recorded=report.recorded,
            unknown=len(report.unknown),
            ended=report.ended,
            rejected=tuple(sorted(rejected, key=lambda line: line.line)),
        )
        act.note(recorded=loaded.recorded, unknown=loaded.unknown, ended=loaded.ended, rejected=len(loaded.rejected))
        return loaded
