"""A system that is registered to ask by itself: who asks when it does, and which keys it signs with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.key_fetching import published_keys
from aggregator.accounts.key_sets import KeySet, read_key_set
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role
from aggregator.accounts.scopes import Scopes

# What a `client_id` may be, in full.
OAUTH_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class RegisteredClient:
    """A client as it was registered.

    `oauth_id` is the `client_id` that OAuth knows it by. `key_set` is its JWK Set as JSON, empty for one that publishes
    it, at `key_set_url`. `ends_at` is when it ends or has ended, None while nobody has said.
    """

    id: UUID
    oauth_id: str
    name: str
    organisation_id: UUID
    organisation_ods: str
    organisation_name: str
    key_set: bytes
    key_set_url: str
    scopes: Scopes
    registered_at: datetime
    ends_at: datetime | None = None

    def requester(self, *, scopes: Scopes) -> Requester:
        """Return who asks when this client does: its organisation, for treatment, within these scopes."""
        return Requester(
            user_id=None,
            client_id=self.id,
            family=self.name,
            given="",
            organisation_id=self.organisation_id,
            organisation_ods=self.organisation_ods,
            organisation_name=self.organisation_name,
            role=Role.CLIENT,
            purpose=PurposeOfUse.TREATMENT,
            scopes=scopes,
        )

    def keys(self) -> KeySet:
        """Return its keys, fetched where it publishes them. Must not run in a transaction: it may wait.

        Raises: KeySetRefused.
        """
        return published_keys().at(url=self.key_set_url) if self.key_set_url else read_key_set(body=self.key_set)
