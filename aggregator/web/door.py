"""What every page does first and last: find out who asks, and turn an error into a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from aggregator.accounts.authentication import signed_in_requester
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.errors import Clash, Invalid, LongviewError, NotFound, NotPermitted

log = structlog.get_logger(__name__)

Page = Callable[..., HttpResponse]

STATUS_OF: dict[type[LongviewError], int] = {NotPermitted: 403, NotFound: 404, Clash: 409, Invalid: 400}
TITLES: dict[type[LongviewError], str] = {
    NotPermitted: "You may not see this",
    NotFound: "Page not found",
    Clash: "This has changed meanwhile",
    Invalid: "This cannot be used",
}


def signed_in(page: Page) -> Page:
    """Give a page its requester; without a sign-in, send to the sign-in page and back."""

    @wraps(page)
    def guarded(request: HttpRequest, **route: Any) -> HttpResponse:
        requester = signed_in_requester(request=request, now=timezone.now())
        if requester is None:
            return _to_sign_in(request)
        request.requester = requester  # type: ignore[attr-defined]  for the frame of the page
        try:
            return page(request, requester, **route)
        except LongviewError as error:
            return error_page(request, error)

    guarded.needs_sign_in = True  # type: ignore[attr-defined]  read by the guard test
    return guarded


def draw(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Return a page; its frame shows who is signed in and what they may do."""
    requester: Requester | None = getattr(request, "requester", None)
    may = {permission.name: requester.may(permission) for permission in Permission} if requester else {}
    return render(request, f"web/{name}.jinja", {"requester": requester, "may": may, **context}, status=status)


def error_page(request: HttpRequest, error: LongviewError) -> HttpResponse:
    """Return the page that says what was refused, why, and what can be done."""
    if request.headers.get("HX-Request"):
        return _whole_page_anew(status=STATUS_OF[_family_of(error)])
    return draw(
        request,
        "error",
        status=STATUS_OF[_family_of(error)],
        title=TITLES[_family_of(error)],
        message=str(error),
        reasons=getattr(error, "reasons", ()),
        code=error.code,
    )


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form that did not come from a page of this session (CSRF)."""
    message = "This form is no longer valid, perhaps because you signed in or out since it was opened."
    return error_page(request, NotPermitted(f"{message} Go back, reload the page and try again.", code="form"))


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an address that leads nowhere: the same as for what the requester may not know of."""
    return error_page(request, NotFound())


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a request that is no proper one."""
    return error_page(request, Invalid("This request could not be read. Go back, reload the page and try again."))


def fault(request: HttpRequest) -> HttpResponse:
    """Return the page for a fault of ours. It reads nothing, not even who asks: the database may be what is broken."""
    if request.headers.get("HX-Request"):
        return _whole_page_anew(status=500)
    return draw(
        request,
        "error",
        status=500,
        requester=None,
        may={},
        title="A fault on our side",
        message="This could not be done, and nothing of it is shown. Try again; if it fails again, tell your "
        "administrator when it happened.",
        reasons=(),
        code="fault",
    )


def _family_of(error: LongviewError) -> type[LongviewError]:
    return next(kind for kind in STATUS_OF if isinstance(error, kind))


def _whole_page_anew(*, status: int) -> HttpResponse:
    """Return what makes a page ask for itself again: a part that is refused must not leave the old one standing."""
    return HttpResponse(status=status, headers={"HX-Refresh": "true"})


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    address = reverse("sign-in")
    if request.headers.get("HX-Request"):
        # A fragment must not be replaced by a sign-in form: the whole page goes there.
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    after = f"?{urlencode({'next': request.path})}" if request.method == "GET" and request.path != "/" else ""
    return HttpResponseRedirect(f"{address}{after}")
