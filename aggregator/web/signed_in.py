"""Who may see a page: by default, only somebody who has signed in."""

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
    """A request that the middleware has let through: `requester` is who asks, and in which role."""

    requester: Requester


class SignInRequired(LoginRequiredMiddleware):
    """Django's own, with our requester in place of its user, and with our errors made into pages.

    A view that is open to all says so with `login_not_required`; the FHIR door answers for itself.
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
            # A fragment must not be replaced by a sign-in form: the whole page goes there.
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("sign-in")})
        if requester is None:
            return self.handle_no_permission(request, view_func)
        request.requester = requester  # type: ignore[attr-defined]  # from here on it is a SignedInRequest
        return None

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Return the way to the sign-in page, and back."""
        after = f"?{urlencode({'next': request.path})}" if request.method == "GET" and request.path != "/" else ""
        return HttpResponseRedirect(f"{reverse('sign-in')}{after}")

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page for an error of ours; any other is a fault."""
        return error_page(request, exception) if isinstance(exception, LongviewError) else None
