"""Load the people that a source holds into the master patient index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.csv_rows import Rejected
from aggregator.errors import Invalid, NotFound
from aggregator.mpi import operations, queries
from aggregator.mpi.demographics import Identity
from aggregator.mpi.identity_file import read_identities
from aggregator.sources.queries import source_by_slug

BATCH = 2000


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Every line is counted once in `joined`, `new_people`, `updated` or `rejected`."""

    joined: int
    new_people: int
    updated: int
    reviews: int
    invalid_numbers: int
    rejected: tuple[Rejected, ...]


def load_identities(*, requester: Requester, source_slug: str, lines: Iterable[str], now: datetime) -> Loaded:
    """Load a CSV file (columns as in `mpi.identity_file`). Lines that cannot be loaded are reported.

    Raises: NotPermitted; NotFound when no source has that short name; Invalid when the heading cannot be used;
    Superseded when other files have been loaded for too long meanwhile.
    """
    with acting(requester, Action.LOAD_IDENTITIES, needs=Permission.LOAD_IDENTITIES) as act:
        source = source_by_slug(slug=source_slug)
        if source is None:
            raise NotFound("No source has that short name; `manage.py add_source` registers one.")
        act.about(source_id=source.id)
        try:
            identities, rejected = read_identities(lines=lines, max_lengths=queries.max_lengths())
        except ValueError as error:
            raise Invalid(f"The file cannot be read: {error}.", field="file") from None
        act.begin()
        reports = [
            operations.load_identities(source=source, identities=batch, now=now) for batch in _batches(identities)
        ]
        loaded = Loaded(
            joined=sum(report.joined for report in reports),
            new_people=sum(report.new_people for report in reports),
            updated=sum(report.updated for report in reports),
            reviews=sum(report.reviews for report in reports),
            invalid_numbers=sum(report.invalid_numbers for report in reports),
            rejected=tuple(rejected),
        )
        act.note(
            joined=loaded.joined,
            new_people=loaded.new_people,
            updated=loaded.updated,
            reviews=loaded.reviews,
            rejected=len(loaded.rejected),
        )
        return loaded


def _batches(identities: Sequence[Identity]) -> Iterable[list[Identity]]:
    remaining = iter(identities)
    while batch := list(islice(remaining, BATCH)):
        yield batch
