"""Who may see a page: by default, only users who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from aggregator.accounts.authentication import signed_in_requester
from aggregator.accounts.requester import Requester
from aggregator.errors import LongviewError
from aggregator.web.pages import error_page


class SignedInRequest(HttpRequest):
    """A request that the middleware let through: `requester` is who is asking, and in which role."""

    requester: Requester


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
        requester = signed_in_requester(request=request, now=timezone.now())
        if requester is None and request.headers.get("HX-Request"):
            # A sign-in form must not replace a fragment: the whole page goes there.
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("sign-in")})
        if requester is None:
            return self.handle_no_permission(request, view_func)
        request.requester = requester  # type: ignore[attr-defined]  # it is now a SignedInRequest
        return None

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Return a redirect to the sign-in page, which leads back here."""
        after = f"?{urlencode({'next': request.path})}" if request.method == "GET" and request.path != "/" else ""
        return HttpResponseRedirect(f"{reverse('sign-in')}{after}")

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for one of our errors; any other exception is a fault."""
        return error_page(request, exception) if isinstance(exception, LongviewError) else None
