"""Who may see a page: by default, only users who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from aggregator.accounts.authentication import SignedIn, signed_in
from aggregator.accounts.requester import Requester
from aggregator.errors import LongviewError
from aggregator.web.pages import error_page


class SessionRequest(HttpRequest):
    """A request of somebody who has signed in, perhaps without a role yet."""

    signed_in: SignedIn


class SignedInRequest(SessionRequest):
    """A request that the middleware let through: `requester` is who is asking, and in which role."""

    requester: Requester


View = TypeVar("View", bound=Callable[..., HttpResponse])

_MARK = "role_required"


def role_not_required(view: View, /) -> View:
    """Mark a view as one for those, too, who have not chosen in which role they act. It is the outermost decorator."""
    setattr(view, _MARK, False)
    return view


def path_to_choice(*, after: str) -> str:
    """Return the path at which somebody chooses in which role they act, and which leads on from there."""
    return f"{reverse('choose-membership')}{_query(after)}"


class SignInRequired(LoginRequiredMiddleware):
    """Django's middleware, with our requester in place of its user, and pages for our errors.

    A view that is open to everybody is marked `login_not_required`; the FHIR door authenticates by itself.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Send whoever has not signed in to the sign-in page, and give everybody else's request its requester."""
        if not getattr(view_func, "login_required", True):
            return None
        found = signed_in(request=request, now=timezone.now())
        if found is None and request.headers.get("HX-Request"):
            # A form must not replace a fragment: the whole page goes there.
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("sign-in")})
        if found is None:
            return self.handle_no_permission(request, view_func)
        if found.requester is None and getattr(view_func, _MARK, True):
            if request.headers.get("HX-Request"):
                return HttpResponse(status=401, headers={"HX-Redirect": path_to_choice(after="")})
            return HttpResponseRedirect(path_to_choice(after=_path_back_to(request)))
        request.signed_in = found  # type: ignore[attr-defined]  # it is now a SessionRequest
        request.requester = found.requester  # type: ignore[attr-defined]  # and a SignedInRequest, where there is one
        return None

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Return a redirect to the sign-in page, which leads back here."""
        return HttpResponseRedirect(f"{reverse('sign-in')}{_query(_path_back_to(request))}")

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for one of our errors; any other exception is a fault."""
        return error_page(request, exception) if isinstance(exception, LongviewError) else None


def _path_back_to(request: HttpRequest) -> str:
    return request.path if request.method == "GET" and request.path != "/" else ""


def _query(after: str) -> str:
    return f"?{urlencode({'next': after})}" if after else ""
