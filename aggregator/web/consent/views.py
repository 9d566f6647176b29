"""What a person has decided about sharing."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from aggregator.errors import Invalid
from aggregator.services import read_consent, record_opt_out
from aggregator.web.consent.forms import OptOutForm
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def consent(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show what a person has decided about sharing, and record a new decision."""
    form = OptOutForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            record_opt_out.record_opt_out(
                requester=request.requester,
                person_id=person_id,
                opted_out=form.cleaned_data["opted_out"] == "yes",
                note=form.cleaned_data["note"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("consent", kwargs={"person_id": person_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
    view = read_consent.read_consent(requester=request.requester, person_id=person_id)
    return draw(request, "consent/consent", view=view, form=form, status=400 if form.errors else 200)
