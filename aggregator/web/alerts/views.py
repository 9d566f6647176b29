"""Alerts, how each was delivered, and the webhooks: registering one, ending one, sending a test."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.list_alerts import list_alerts
from aggregator.services.alerts.list_webhooks import WebhookLine, list_webhooks
from aggregator.services.alerts.register_webhook import register_webhook
from aggregator.services.alerts.try_webhook import try_webhook
from aggregator.web.alerts.forms import EndForm, WebhookForm
from aggregator.web.pages import draw
from aggregator.web.proposals import page_number
from aggregator.web.signed_in import SignedInRequest


@require_GET
def alerts(request: SignedInRequest) -> HttpResponse:
    """List alerts, or only those of which somebody was not told."""
    found = list_alerts(
        requester=request.requester,
        is_failing=request.GET.get("failing") == "yes",
        page=page_number(request),
        now=timezone.now(),
    )
    lines = [
        (line, line.kind.path_of(subject_id=line.subject_id) if _may_look(request, line.kind.told) else "")
        for line in found.alerts
    ]
    return draw(request, "alerts/alerts", found=found, lines=lines)


@require_GET
def webhooks(request: SignedInRequest) -> HttpResponse:
    """Show every webhook that is, or was, registered."""
    return draw(request, "alerts/webhooks", lines=_lines(request))


@require_http_methods(["GET", "POST"])
def register(request: SignedInRequest) -> HttpResponse:
    """Register a webhook; its secret is shown this once."""
    if not request.requester.may(Permission.MANAGE_ALERTS):
        raise NotPermitted("You may not register a webhook.")
    form = WebhookForm(request.POST if request.method == "POST" else None, requester=request.requester)
    if form.is_valid():
        try:
            registered = register_webhook(requester=request.requester, webhook=form.webhook(), now=timezone.now())
            return draw(request, "alerts/handed_over", secret=registered.secret)
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    return draw(request, "alerts/register", form=form, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def end(request: SignedInRequest, webhook_id: UUID) -> HttpResponse:
    """Ask why a webhook is ended, and end it."""
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            end_webhook(
                requester=request.requester,
                webhook_id=webhook_id,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("webhooks"))
        except Invalid as error:
            form.add_error(error.field, str(error))
    line = next((line for line in _lines(request) if line.webhook_id == webhook_id and line.ended_at is None), None)
    if line is None:
        raise NotFound
    return draw(request, "alerts/end", line=line, form=form, status=400 if form.errors else 200)


@require_POST
def test(request: SignedInRequest, webhook_id: UUID) -> HttpResponse:
    """Send a test to a webhook; the list of alerts shows how it went."""
    try_webhook(requester=request.requester, webhook_id=webhook_id, now=timezone.now())
    return HttpResponseRedirect(reverse("alerts"))


def _lines(request: SignedInRequest) -> tuple[WebhookLine, ...]:
    return list_webhooks(requester=request.requester, now=timezone.now())


def _may_look(request: SignedInRequest, needed: Permission | None) -> bool:
    """Return whether somebody may see the page that an alert is about."""
    return needed is not None and request.requester.may(needed)
