"""Who has signed in, and as what they act; one way for both doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester, not_chosen

SIGNED_IN_AT = "signed_in_at"
MEMBERSHIP = "membership"


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session that stands. `choices` are as whom its user may act; `requester` is the one that was chosen.

    `requester` is None until somebody with several memberships has chosen.
    """

    user_id: UUID
    choices: tuple[Requester, ...]
    requester: Requester | None

    @property
    def acting_as(self) -> Requester:
        """As whom the session acts: in the chosen membership, or in none yet."""
        return self.requester or not_chosen(user_id=self.user_id)

    def choice(self, *, membership_id: UUID) -> Requester | None:
        """Return the requester of one of the user's memberships; None for any other."""
        return next((choice for choice in self.choices if choice.membership_id == membership_id), None)


def signed_in(*, request: HttpRequest, now: datetime) -> SignedIn | None:
    """Return who has signed in; None when nobody has, when that was too long ago, or when it has been ended.

    The end of the membership that a session acts in ends the session.
    """
    began = request.session.get(SIGNED_IN_AT)
    if not isinstance(request.user, User) or began is None:
        return None
    if request.session.session_key not in request.user.session_keys:
        return None
    if now - datetime.fromisoformat(began) > settings.SESSION_LIMIT:
        return None
    choices = requesters_for(user_id=request.user.pk, now=now)
    chosen = request.session.get(MEMBERSHIP)
    requester = next((choice for choice in choices if str(choice.membership_id) == chosen), None)
    if not choices or (chosen is not None and requester is None):
        return None
    return SignedIn(user_id=request.user.pk, choices=choices, requester=requester)


def signed_in_requester(*, request: HttpRequest, now: datetime) -> Requester | None:
    """Return as whom the session acts; None where `signed_in` is, and until somebody has chosen."""
    found = signed_in(request=request, now=now)
    return found.requester if found else None


def user_for_password(*, request: HttpRequest, username: str, password: str) -> User | None:
    """Return the active user whose password this is."""
    user = authenticate(request, username=username, password=password)
    return user if isinstance(user, User) else None
