"""The systems that may read records by themselves, and how one is ended."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.services.changes.propose_change import propose_change
from aggregator.services.clients import check_client, end_client, list_clients
from aggregator.services.clients.list_clients import ClientLine
from aggregator.web.clients.forms import EndForm, RegisterForm
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_GET
def clients(request: SignedInRequest) -> HttpResponse:
    """Show every system that is, or was, registered."""
    return draw(request, "clients/clients", lines=_lines(request))


@require_http_methods(["GET", "POST"])
def register(request: SignedInRequest) -> HttpResponse:
    """Propose that a system is registered."""
    if not request.requester.may(Permission.MANAGE_CLIENTS):
        raise NotPermitted("You may not register a system.")
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            checked = check_client.check_client(requester=request.requester, client=form.client())
            propose_change(
                requester=request.requester,
                kind="register-client",
                terms=checked.as_terms(),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("changes"))
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    return draw(request, "clients/register", form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def end(request: SignedInRequest, oauth_id: str) -> HttpResponse:
    """Ask why a registration is ended, and end it."""
    form = EndForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            end_client.end_client(
                requester=request.requester,
                oauth_id=oauth_id,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("clients"))
        except Invalid as error:
            form.add_error(error.field, str(error))
    line = next((line for line in _lines(request) if line.oauth_id == oauth_id and line.ended_at is None), None)
    if line is None:
        raise NotFound
    return draw(request, "clients/end", line=line, form=form, status=400 if form.errors else 200)


def _lines(request: SignedInRequest) -> tuple[ClientLine, ...]:
    return list_clients.list_clients(requester=request.requester, now=timezone.now())
