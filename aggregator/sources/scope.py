"""Which source somebody may act for: one of their own organisation, or any, where their role says so."""

from __future__ import annotations

from uuid import UUID

from aggregator.accounts.authority import check_organisation
from aggregator.accounts.requester import Requester
from aggregator.errors import NotFound
from aggregator.sources.models import Source
from aggregator.sources.queries import source_by_id


def source_to_act_for(*, requester: Requester, source_id: UUID) -> Source:
    """Return a source that the requester may act for.

    Raises: NotFound; NotPermitted for one of another organisation.
    """
    source = source_by_id(source_id=source_id)
    if source is None:
        raise NotFound
    check_organisation(requester=requester, organisation_id=source.organisation_id)
    return source
