"""Who is asking at the FHIR door: the user signed in to the pages. SMART Backend Services tokens will be added."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aggregator.accounts.authentication import signed_in_requester
from aggregator.accounts.requester import Requester


class SessionRequester(BaseAuthentication):
    """Makes `request.auth` the Requester. What may write needs the token of a form or a header as well (CSRF)."""

    def authenticate(self, request: Request) -> tuple[Any, Requester] | None:
        """Return the user and the requester, or None."""
        requester = signed_in_requester(request=request._request, now=timezone.now())
        if requester is None:
            return None
        _check_token(request)
        return (request._request.user, requester)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge; without one DRF would answer 403 in place of 401."""
        return "Session"


def _any_view(_: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _check_token(request: Request, /) -> None:
    """Check that a request which may write comes from a page of this session, as DRF's own session authentication does.

    Raises: PermissionDenied.
    """
    check = CSRFCheck(_any_view)
    check.process_request(request._request)
    if check.process_view(request._request, _any_view, (), {}):
        raise PermissionDenied


def requester_of(request: Request) -> Requester:
    """Return the requester that SessionRequester set.

    Raises: NotAuthenticated when a view let somebody through without authenticating them.
    """
    requester: object = request.auth
    if not isinstance(requester, Requester):
        raise NotAuthenticated
    return requester


class IsRequester(BasePermission):
    """Lets users through who are signed in; services decide what they may do."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether there is a requester."""
        return isinstance(request.auth, Requester)


class OpenToAll(BasePermission):
    """Lets everybody through, on purpose."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True: everybody may."""
        return True
