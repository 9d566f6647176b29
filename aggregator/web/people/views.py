"""Finding a person."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from aggregator.errors import Invalid
from aggregator.services import find_person
from aggregator.web.pages import draw
from aggregator.web.people.forms import FindForm
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def find(request: SignedInRequest) -> HttpResponse:
    """Search for a person. By POST only, so that no number or name is in an address."""
    if request.method == "GET":
        return draw(request, "people/find", form=FindForm(), result=None)
    form = FindForm(request.POST)
    result = None
    if form.is_valid():
        try:
            result = find_person.find_person(
                requester=request.requester,
                nhs_number=form.cleaned_data["nhs_number"],
                family=form.cleaned_data["family"],
                given=form.cleaned_data["given"],
                birth_date=form.entered_date,
                now=timezone.now(),
            )
        except Invalid as error:
            form.add_refusal(field=error.field, words=str(error))
    return draw(request, "people/find", form=form, result=result, status=200 if result else 400)
