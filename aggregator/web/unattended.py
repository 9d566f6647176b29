"""Requests that a page makes by itself while nobody may be there: an idle session ends all the same."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

View = TypeVar("View", bound=Callable[..., HttpResponse])

_MARK = "is_unattended"


def unattended(view: View, /) -> View:
    """Mark a view as one that pages ask by themselves. It must be the outermost decorator."""
    setattr(view, _MARK, True)
    return view


def is_unattended(request: HttpRequest, /) -> bool:
    """Return whether a page made this request by itself."""
    match = request.resolver_match
    return match is not None and getattr(match.func, _MARK, False)


class Sessions(SessionMiddleware):
    """Django's sessions, which each request of the user prolongs; what a page asks by itself does not."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session where it has changed or is due to be extended.

        Not for what nobody asked for, nor for what was refused as too much, which is to cost nothing.
        """
        if is_unattended(request) or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            patch_vary_headers(response, ("Cookie",))
            return response
        return super().process_response(request, response)
