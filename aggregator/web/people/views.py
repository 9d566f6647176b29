"""Finding a person."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from aggregator.errors import Invalid
from aggregator.services import find_person
from aggregator.web.pages import draw
from aggregator.web.people.forms import FindForm
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def find(request: SignedInRequest) -> HttpResponse:
    """Search for a person. By POST alone, so that no number or name stands in an address."""
    if request.method == "GET":
        return draw(request, "people/find", form=FindForm(), found=None)
    form = FindForm(request.POST)
    found = None
    if form.is_valid():
        try:
            found = find_person.find_person(
                requester=request.requester,
                nhs_number=form.cleaned_data["nhs_number"],
                family=form.cleaned_data["family"],
                given=form.cleaned_data["given"],
                birth_date=form.birth_date,
            )
        except Invalid as error:
            form.add_error({"birth_date": "day"}.get(error.field, error.field), str(error))
    return draw(request, "people/find", form=form, found=found, status=200 if found else 400)
