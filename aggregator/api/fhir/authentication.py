"""Who is asking at the FHIR door: a client with its token, or the user signed in to the pages.

Where a request brings both a token and a session, the token decides, also where it is not accepted: a session is sent
by a browser by itself, a token never.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aggregator.accounts.bearer import token_requester
from aggregator.accounts.requester import Requester
from aggregator.accounts.tokens import bearer_token, read_token
from aggregator.api.fhir.rendering import CHALLENGE


class TokenRequester(BaseAuthentication):
    """Makes `request.auth` the Requester of a client's token. It needs no CSRF token: no browser sends it by itself."""

    def authenticate(self, request: Request) -> tuple[Any, Requester] | None:
        """Return the requester, None where no token came.

        Raises: AuthenticationFailed for one that is not ours, has expired, or whose client has been ended.
        """
        text = bearer_token(authorization=request.headers.get("Authorization", ""))
        if text is None:
            return None
        now = timezone.now()
        token = read_token(text=text, now=now)
        requester = token_requester(token=token, now=now) if token else None
        if requester is None:
            raise AuthenticationFailed
        return None, requester

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge; without one DRF would answer 403 in place of 401."""
        return CHALLENGE


def requester_of(request: Request) -> Requester:
    """Return the requester that was authenticated.

    Raises: NotAuthenticated when a view let somebody through without authenticating them.
    """
    requester: object = request.auth
    if not isinstance(requester, Requester):
        raise NotAuthenticated
    return requester


class IsRequester(BasePermission):
    """Lets through who has signed in or has a token; services decide what they may do."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether there is a requester."""
        return isinstance(request.auth, Requester)
