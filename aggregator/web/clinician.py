"""Finding a person and reading their record."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.accounts.requester import Requester
from aggregator.errors import Invalid, NotFound
from aggregator.record.timeline import SECTION_ORDER
from aggregator.services import find_person, follow_record, view_record
from aggregator.services import open_record as opening
from aggregator.web.door import draw, signed_in
from aggregator.web.forms import FindForm
from aggregator.web.record_page import entry_page, record_page, section_page

# As `record.merge` names entries. Anything else in an address is not passed on: the audit keeps what was looked at.
ENTRY_KEY = re.compile(r"[0-9a-f]{20}")
PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@require_http_methods(["GET", "POST"])
@signed_in
def find(request: HttpRequest, requester: Requester) -> HttpResponse:
    """Search for a person. By POST alone, so that no number or name stands in an address."""
    if request.method == "GET":
        return draw(request, "find", form=FindForm(), found=None)
    form = FindForm(request.POST)
    found = None
    if form.is_valid():
        try:
            found = find_person.find_person(
                requester=requester,
                nhs_number=form.cleaned_data["nhs_number"],
                family=form.cleaned_data["family"],
                given=form.cleaned_data["given"],
                birth_date=form.birth_date,
            )
        except Invalid as error:
            form.add_error({"birth_date": "day"}.get(error.field, error.field), str(error))
    return draw(request, "find", form=form, found=found, status=200 if found else 400)


@require_POST
@signed_in
def open_record(request: HttpRequest, requester: Requester, person_id: UUID) -> HttpResponse:
    """Ask every source for this person; the page that follows fills in as they answer."""
    retrieval_id = opening.open_record(requester=requester, person_id=person_id, now=timezone.now())
    return HttpResponseRedirect(reverse("record", kwargs={"retrieval_id": retrieval_id}))


@require_GET
@signed_in
def record(request: HttpRequest, requester: Requester, retrieval_id: UUID) -> HttpResponse:
    """Show the record as it stands, and follow it while sources are still awaited."""
    view = view_record.view_record(requester=requester, retrieval_id=retrieval_id, now=timezone.now())
    ticket = (
        ""
        if view.complete
        else follow_record.issue_ticket(
            retrieval_id=retrieval_id, deadline_at=view.deadline_at, session_key=request.session.session_key or ""
        )
    )
    return draw(request, "record", page=record_page(view=view), ticket=ticket)


@require_GET
@signed_in
def record_part(request: HttpRequest, requester: Requester, retrieval_id: UUID) -> HttpResponse:
    """Show what is inside the record page, for when something has landed."""
    view = view_record.view_record(requester=requester, retrieval_id=retrieval_id, now=timezone.now())
    return draw(request, "record_part", page=record_page(view=view))


@require_GET
@signed_in
def entry(request: HttpRequest, requester: Requester, retrieval_id: UUID, entry_key: str) -> HttpResponse:
    """Show each source's own copy of one entry."""
    number = _page_number(request)
    if not ENTRY_KEY.fullmatch(entry_key):
        raise NotFound
    view = view_record.view_record(
        requester=requester, retrieval_id=retrieval_id, now=timezone.now(), part=f"entry {entry_key}"
    )
    page = entry_page(view=view, entry_key=entry_key, number=number)
    if page is None:
        raise NotFound("This entry is not in the record as it stands now. Go back to the record.")
    return draw(request, "entry", page=page)


@require_GET
@signed_in
def section(request: HttpRequest, requester: Requester, retrieval_id: UUID, section: str) -> HttpResponse:
    """Show all entries of one section, page by page."""
    number = _page_number(request)
    category = next((category for category in SECTION_ORDER if category.value == section), None)
    if category is None:
        raise NotFound
    view = view_record.view_record(
        requester=requester, retrieval_id=retrieval_id, now=timezone.now(), part=f"section {category}"
    )
    page = section_page(view=view, category=category, number=number)
    if page is None:
        raise NotFound("The section has no such page as the record stands now. Go back to the record.")
    return draw(request, "section", page=page)


def _page_number(request: HttpRequest) -> int:
    written = request.GET.get("page", "1")
    if not PAGE_NUMBER.fullmatch(written):
        raise NotFound
    return int(written)
