"""Who has signed in to the pages, at a door for programs. A request that may change something needs the CSRF token."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from aggregator.accounts.authentication import signed_in_requester
from aggregator.accounts.requester import Requester


class SessionRequester(SessionAuthentication):
    """Makes `request.auth` the Requester of the session."""

    def authenticate(self, request: Request) -> tuple[Any, Requester] | None:
        """Return the user and the requester, or None.

        Raises: PermissionDenied for what may change something, without the CSRF token; ParseError for a form that
        cannot be read.
        """
        requester = signed_in_requester(request=request._request, now=timezone.now())
        if requester is None:
            return None
        # Django's own request: DRF's would parse the body first, and tell of that.
        try:
            self.enforce_csrf(request._request)  # type: ignore[arg-type]
        except (BadRequest, MultiPartParserError, SuspiciousOperation):
            raise ParseError from None  # it looks for the token in a form, and this is one that cannot be read
        return request._request.user, requester

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge; without one DRF would answer 403 in place of 401."""
        return "Session"
