"""How pages are rendered, and which page an error leads to."""

from __future__ import annotations

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, LongviewError, NotFound, NotPermitted, Superseded, TooBusy, TooMany
from aggregator.web.unattended import is_unattended

# The first that fits counts.
STATUS_OF: dict[type[LongviewError], int] = {
    TooBusy: 503,
    TooMany: 429,
    NotPermitted: 403,
    NotFound: 404,
    Superseded: 409,
    Invalid: 400,
}
# After how many seconds to try again while the database cannot be reached.
RETRY_AFTER_S = 5
TITLES: dict[type[LongviewError], str] = {
    TooBusy: "The service is very busy",
    TooMany: "Too many requests",
    NotPermitted: "You cannot view this page",
    NotFound: "Page not found",
    Superseded: "This has changed since you opened it",
    Invalid: "There is a problem with this request",
}


def draw(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Return a page; its frame shows who is signed in and what they may do."""
    requester: Requester | None = getattr(request, "requester", None)
    may = {permission.name: requester.may(permission) for permission in Permission} if requester else {}
    frame = {"requester": requester, "signed_in": getattr(request, "signed_in", None), "may": may}
    return render(request, f"{name}.jinja", {**frame, **context}, status=status)


def error_page(request: HttpRequest, error: LongviewError) -> HttpResponse:
    """Return the page that says what was refused, why, and what the user can do."""
    if isinstance(error, TooMany):
        return _page_for_later(request, error)
    if request.headers.get("HX-Request"):
        return _reload_page(status=STATUS_OF[_family_of(error)])
    return _error_page(request, error)


def _error_page(request: HttpRequest, error: LongviewError) -> HttpResponse:
    return draw(
        request,
        "error",
        status=STATUS_OF[_family_of(error)],
        title=TITLES[_family_of(error)],
        message=str(error),
        reasons=getattr(error, "reasons", ()),
        advice=getattr(error, "advice", ""),
        code=error.code,
        may_break_glass=getattr(error, "may_break_glass", False),
        person_id=request.resolver_match.kwargs.get("person_id") if request.resolver_match else None,
    )


def _page_for_later(request: HttpRequest, error: TooMany) -> HttpResponse:
    """Return the page that says when to try again. A part of a page is left as it is, not reloaded."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=STATUS_OF[_family_of(error)], headers={"HX-Reswap": "none"})
    else:
        response = _error_page(request, error)
    response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form that did not come from a page of this session (CSRF)."""
    message = "This form is no longer valid, perhaps because you signed in or out since it was opened."
    return error_page(request, NotPermitted(f"{message} Go back, reload the page and try again.", code="form"))


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an unknown address: the same as for something that the requester may not know about."""
    return error_page(request, NotFound())


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a malformed request."""
    return error_page(request, Invalid("This request could not be read. Go back, reload the page and try again."))


def fault(request: HttpRequest) -> HttpResponse:
    """Return the page for a fault of ours. It reads nothing, not even who is asking: the database may be down.

    Django calls this while it handles the error. While the database cannot be reached the page says so. A part of a
    page that is asked for every few seconds is left as it is, and goes on by itself once the database is back.
    """
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return _try_again_shortly(request)
    if is_unattended(request):
        return HttpResponse(status=500)  # the page asks again; until then it stays as it is
    if request.headers.get("HX-Request"):
        return _reload_page(status=500)
    return _fault_page(
        request,
        status=500,
        title="There is a problem with the service",
        message="Your request could not be completed, and no information is shown. Try again. If it fails again, tell "
        "your administrator what time it happened.",
    )


def _try_again_shortly(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=503, headers={"HX-Reswap": "none"})
    else:
        response = _fault_page(
            request,
            status=503,
            title="Try again shortly",
            message="The service's database cannot be reached at the moment, or is too busy. Your request was not "
            "completed, and no information is shown. Wait a few seconds and try again.",
        )
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _fault_page(request: HttpRequest, *, status: int, title: str, message: str) -> HttpResponse:
    return draw(
        request,
        "error",
        status=status,
        requester=None,
        may={},
        title=title,
        message=message,
        reasons=(),
        advice="",
        code="fault",
    )


def _family_of(error: LongviewError) -> type[LongviewError]:
    return next(kind for kind in STATUS_OF if isinstance(error, kind))


def _reload_page(*, status: int) -> HttpResponse:
    """Return a response that reloads the page: if a part is refused, the old content must not stay on the screen."""
    return HttpResponse(status=status, headers={"HX-Refresh": "true"})
