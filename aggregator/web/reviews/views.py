"""Doubts about identity: the list, both sides of one, and its settling."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.errors import Invalid
from aggregator.services import list_reviews, read_review, settle_review, take_back_review
from aggregator.web import wording
from aggregator.web.pages import draw
from aggregator.web.proposals import page_number
from aggregator.web.reviews.forms import ReviewForm
from aggregator.web.signed_in import SignedInRequest


@require_GET
def reviews(request: SignedInRequest) -> HttpResponse:
    """List the open doubts about identity, or the settled ones."""
    found = list_reviews.list_reviews(
        requester=request.requester,
        is_settled=request.GET.get("settled") == "yes",
        cause=request.GET.get("cause", ""),
        source_slug=request.GET.get("source", ""),
        page=page_number(request),
    )
    asked = {"settled": "yes" if found.is_settled else "", "cause": found.cause, "source": found.source_slug}
    return draw(
        request,
        "reviews/reviews",
        found=found,
        asked={name: value for name, value in asked.items() if value},
    )


@require_http_methods(["GET", "POST"])
def review(request: SignedInRequest, review_id: UUID) -> HttpResponse:
    """Show both sides of a doubt, and settle it."""
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            settle_review.settle_review(
                requester=request.requester,
                review_id=review_id,
                decision=form.cleaned_data["decision"],
                fields=request.POST.getlist("fields") if form.accepts_fields else (),
                note=form.cleaned_data["note"],
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("review", kwargs={"review_id": review_id}))
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    view = read_review.read_review(requester=request.requester, review_id=review_id)
    return draw(
        request,
        "reviews/review",
        view=view,
        form=form,
        ticked=request.POST.getlist("fields"),
        shown=_shown,
        status=400 if form.errors else 200,
    )


@require_POST
def take_back(request: SignedInRequest, review_id: UUID) -> HttpResponse:
    """Take back how a doubt was settled."""
    take_back_review.take_back_review(requester=request.requester, review_id=review_id, now=timezone.now())
    return HttpResponseRedirect(reverse("review", kwargs={"review_id": review_id}))


def _shown(label: str, value: str | date | None) -> str:
    """Return a value as it is written for people; a missing one is a dash."""
    if not value:
        return "–"
    if isinstance(value, date):
        return wording.short_date(value)
    if label == "NHS number":
        return wording.nhs_number(value)
    if label == "Died":
        return wording.sent_date(value)
    return value.capitalize() if label == "Gender" else value
