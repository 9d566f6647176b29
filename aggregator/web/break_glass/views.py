"""Opening a record in an emergency, ending that, and the officers' queue."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.errors import Invalid, NotPermitted, TooBusy, TooMany
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.break_glass.open_break_glass import open_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
from aggregator.services.break_glass.read_break_glass import read_break_glass
from aggregator.services.break_glass.review_break_glass import review_break_glass
from aggregator.services.open_record import open_record
from aggregator.web.break_glass.forms import VERDICTS, BreakGlassForm, ReviewForm
from aggregator.web.pages import draw
from aggregator.web.proposals import page_number
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
        except TooBusy:
            raise  # the access is open; it is the record that cannot be opened now
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


@require_GET
def cases(request: SignedInRequest) -> HttpResponse:
    """Show the cases that wait for a verdict, or those that have been closed."""
    listed = list_break_glass(
        requester=request.requester,
        is_closed="closed" in request.GET,
        page=page_number(request),
        now=timezone.now(),
    )
    return draw(request, "break_glass/queue", listed=listed)


@require_http_methods(["GET", "POST"])
def case(request: SignedInRequest, access_id: UUID) -> HttpResponse:
    """Show one case, and take a verdict on it."""
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            review_break_glass(
                requester=request.requester, access_id=access_id, now=timezone.now(), **form.cleaned_data
            )
            return HttpResponseRedirect(reverse("break-glass-cases"))
        except Invalid as error:
            form.add_error(error.field, str(error))
    read = read_break_glass(requester=request.requester, access_id=access_id, now=timezone.now())
    status = 400 if form.errors else 200
    return draw(request, "break_glass/case", case=read, form=form, verdicts=VERDICTS, status=status)
