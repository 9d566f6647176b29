"""Opening a record in an emergency, and ending that."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from aggregator.errors import Invalid, NotPermitted, TooMany
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.open_break_glass import open_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
from aggregator.services.open_record import open_record
from aggregator.web.break_glass.forms import BreakGlassForm
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def break_glass(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Say what it costs to open a record in an emergency, and open it."""
    form = BreakGlassForm(request.POST if request.method == "POST" else None)
    terms = prepare_break_glass(requester=request.requester, person_id=person_id, now=timezone.now())
    status = 200
    if form.is_valid():
        try:
            open_break_glass(
                request=request,
                requester=request.requester,
                person_id=person_id,
                now=timezone.now(),
                **form.cleaned_data,
            )
            retrieval_id = open_record(requester=request.requester, person_id=person_id, now=timezone.now())
            return HttpResponseRedirect(reverse("record", kwargs={"retrieval_id": retrieval_id}))
        except Invalid as error:
            form.add_error(error.field, str(error))
        except TooMany as error:
            form.add_error("password", str(error))
        except NotPermitted as error:
            if error.code != "password":
                raise
            form.add_error("password", str(error))
    if form.errors:
        status = 400
    reasons = [(reason.value, f"{reason.words[:1].upper()}{reason.words[1:]}") for reason in terms.reasons]
    return draw(request, "break_glass/opening", terms=terms, form=form, reasons=reasons, status=status)


@require_POST
def end(request: SignedInRequest, access_id: UUID) -> HttpResponse:
    """End emergency access."""
    end_break_glass(requester=request.requester, access_id=access_id, now=timezone.now())
    return HttpResponseRedirect(reverse("find"))
