"""Consent and sources."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.accounts.requester import Requester
from aggregator.errors import Invalid
from aggregator.record.completeness import outcome_words
from aggregator.services import list_sources, read_consent, record_opt_out
from aggregator.web.door import draw, signed_in
from aggregator.web.forms import OptOutForm


@require_http_methods(["GET", "POST"])
@signed_in
def consent(request: HttpRequest, requester: Requester, person_id: UUID) -> HttpResponse:
    """Show what a person has decided about sharing, and record a new decision."""
    form = OptOutForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            record_opt_out.record_opt_out(
                requester=requester,
                person_id=person_id,
                opted_out=form.cleaned_data["opted_out"] == "yes",
                note=form.cleaned_data["note"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("consent", kwargs={"person_id": person_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
    view = read_consent.read_consent(requester=requester, person_id=person_id)
    return draw(request, "consent", view=view, form=form, status=400 if form.errors else 200)


@require_GET
@signed_in
def sources(request: HttpRequest, requester: Requester) -> HttpResponse:
    """Show every source and how its last asking ended."""
    lines = list_sources.list_sources(requester=requester)
    shown = [
        (
            line,
            outcome_words(outcome=line.last_outcome, reason=line.last_reason) if line.last_outcome else "Never asked",
        )
        for line in lines
    ]
    return draw(request, "sources", sources=shown)
