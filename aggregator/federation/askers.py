"""In whose name a source is asked. Pure."""

from __future__ import annotations

from aggregator.accounts.requester import Requester
from connectors.contract.values import Asker


def asker_of(*, requester: Requester) -> Asker:
    """Return a requester as sources are told of them."""
    return Asker(
        user_id=str(requester.user_id or requester.client_id),
        family=requester.family,
        given=requester.given,
        prefix=requester.prefix,
        sds_user_id=requester.sds_user_id,
        sds_role_profile_id=requester.sds_role_profile_id,
        organisation_ods=requester.organisation_ods,
        organisation_name=requester.organisation_name,
    )
