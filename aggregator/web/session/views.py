"""Signing in and out, and choosing in which role to act."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from aggregator.errors import NotFound, NotPermitted, TooMany
from aggregator.services import choose_membership as choosing
from aggregator.services import sign_in as signing_in
from aggregator.services import sign_out as signing_out
from aggregator.web.pages import draw
from aggregator.web.session.forms import MembershipForm, SignInForm
from aggregator.web.signed_in import SessionRequest, path_to_choice, role_not_required

# What is not the fault of what was typed.
STATUS_OF = {"busy": 503, "address-locked": 429}


@login_not_required
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a user name and password."""
    after = request.POST.get("next") or request.GET.get("next") or ""
    if request.method == "GET":
        return draw(request, "session/sign_in", form=SignInForm(), next=after)
    form = SignInForm(request.POST)
    if form.is_valid():
        try:
            has_role = signing_in.sign_in(request=request, now=timezone.now(), **form.cleaned_data)
            return HttpResponseRedirect(_safe(after) if has_role else path_to_choice(after=after))
        except TooMany as error:
            form.add_error("username", str(error))
            response = draw(request, "session/sign_in", form=form, next=after, status=STATUS_OF.get(error.code, 400))
            response.headers["Retry-After"] = str(error.retry_after_s)
            return response
        except NotPermitted as error:
            form.add_error("username", str(error))
    return draw(request, "session/sign_in", form=form, next=after, status=400)


@role_not_required
@require_http_methods(["GET", "POST"])
def choose_membership(request: SessionRequest) -> HttpResponse:
    """Ask in which of their roles somebody acts, after signing in or to switch."""
    after = request.POST.get("next") or request.GET.get("next") or ""
    form = MembershipForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            choosing.choose_membership(
                request=request,
                signed_in=request.signed_in,
                membership_id=form.cleaned_data["membership"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(_safe(after))
        except NotFound as error:
            form.add_error("membership", str(error))
    return draw(
        request,
        "session/role",
        form=form,
        next=after,
        choices=request.signed_in.choices,
        status=400 if form.errors else 200,
    )


@role_not_required
@require_POST
def sign_out(request: SessionRequest) -> HttpResponse:
    """End the session."""
    signing_out.sign_out(request=request, signed_in=request.signed_in, now=timezone.now())
    return HttpResponseRedirect(reverse("sign-in"))


def _safe(after: str) -> str:
    """Return where to go next: a page of this service for those who have signed in, nothing else.

    Never one on another host; nor an operation of the FHIR door, which would ask sources in a user's name because
    somebody gave them a link to the sign-in page.
    """
    is_own = after.startswith("/") and url_has_allowed_host_and_scheme(after, allowed_hosts=None)
    return after if is_own and _is_page(after.partition("?")[0]) else reverse("find")


def _is_page(path: str) -> bool:
    try:
        return bool(getattr(resolve(path).func, "login_required", True))
    except Resolver404:
        return False
