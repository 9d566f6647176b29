"""Reading a person's record."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from aggregator.errors import NotFound
from aggregator.record.categories import SECTIONS
from aggregator.services import check_progress, follow_record, view_record
from aggregator.services import fetch_document as fetching
from aggregator.services import open_record as opening
from aggregator.services.view_record import RecordView
from aggregator.web.pages import draw
from aggregator.web.record.documents import document_content as opening_file
from aggregator.web.record.documents import document_page
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from aggregator.web.record.sections import section_page
from aggregator.web.signed_in import SignedInRequest
from aggregator.web.unattended import unattended

# The form of entry keys (`record.merge`). Nothing else is passed on from an address, since the audit records it.
ENTRY_KEY = re.compile(r"[0-9a-f]{20}")
# A document of somebody else's: nothing in it runs, loads or leads anywhere, and only our own pages frame it.
DOCUMENT_HEADERS = {
    "Content-Security-Policy": (
        # Browsers centre a picture by a style of their own.
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
        "frame-ancestors 'self'; form-action 'none'; base-uri 'none'; sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
}
PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
# What a form says that asks every source again; one that asks a single source says its id.
EVERYBODY = "all"


@require_POST
def open_record(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Ask every source for this person; the page that follows fills in as they answer.

    Answers that are still fresh are used again, but for the source, or for all of them, that the form asks again.
    """
    again = request.POST.get("again", "")
    retrieval_id = opening.open_record(
        requester=request.requester,
        person_id=person_id,
        now=timezone.now(),
        max_age_s=0 if again == EVERYBODY else None,
        anew=() if again in ("", EVERYBODY) else (_source_named(again),),
    )
    return HttpResponseRedirect(reverse("record", kwargs={"retrieval_id": retrieval_id}))


@require_GET
def record(request: SignedInRequest, retrieval_id: UUID) -> HttpResponse:
    """Show the record so far, and follow it while sources are awaited."""
    view = view_record.view_record(requester=request.requester, retrieval_id=retrieval_id, now=timezone.now())
    ticket = (
        ""
        if view.complete
        else follow_record.issue_ticket(
            retrieval_id=retrieval_id, deadline_at=view.deadline_at, session_key=request.session.session_key or ""
        )
    )
    return draw(request, "record/record", page=record_page(view=view), ticket=ticket)


@require_GET
def record_part(request: SignedInRequest, retrieval_id: UUID) -> HttpResponse:
    """Show the content of the record page again, after something has landed."""
    view = view_record.view_record(requester=request.requester, retrieval_id=retrieval_id, now=timezone.now())
    return draw(request, "record/record_part", page=record_page(view=view))


@unattended
@require_GET
def record_check(request: SignedInRequest, retrieval_id: UUID) -> HttpResponse:
    """Say nothing while a record may stay on a screen as it is, and have its page fetched again when it may not."""
    check_progress.check_progress(
        requester=request.requester,
        retrieval_id=retrieval_id,
        now=timezone.now(),
        shown_by=_access_named(request.GET.get("emergency")),
        standing=request.GET.get("standing", ""),
    )
    return HttpResponse(status=204)


@require_GET
def entry(request: SignedInRequest, retrieval_id: UUID, entry_key: str) -> HttpResponse:
    """Show each source's own copy of one entry."""
    number = _page_number(request)
    if not ENTRY_KEY.fullmatch(entry_key):
        raise NotFound
    view = view_record.view_record(
        requester=request.requester,
        retrieval_id=retrieval_id,
        now=timezone.now(),
        part=_paged("entry", number),
        entry=entry_key,
    )
    page = entry_page(view=view, entry_key=entry_key, number=number)
    if page is None:
        raise NotFound("This entry is no longer in the record. Go back to the record.")
    return draw(request, "record/entry", page=page)


@require_GET
def document(request: SignedInRequest, retrieval_id: UUID, entry_key: str, number: int) -> HttpResponse:
    """Show one document of an entry in a frame of its own, or say why it is not opened."""
    view = _view_document(request, retrieval_id, entry_key, number)
    page = document_page(view=view, entry_key=entry_key, number=number)
    if page is None:
        raise NotFound("This document is no longer in the record. Go back to the record.")
    return draw(request, "record/document", page=page)


@require_GET
def document_content(request: SignedInRequest, retrieval_id: UUID, entry_key: str, number: int) -> HttpResponse:
    """Send a document to the frame that shows it, or to be saved.

    Its type is what its bytes say, nothing in it can run, and its name says nothing of the patient.
    """
    view = _view_document(request, retrieval_id, entry_key, number)
    opened = opening_file(view=view, entry_key=entry_key, number=number)
    if opened is None:
        raise NotFound("This document cannot be opened. Go back to the record.")
    is_shown = opened.kind.is_shown and "save" not in request.GET
    disposition = "inline" if is_shown else "attachment"
    return HttpResponse(
        opened.shown if is_shown else opened.content,
        content_type=opened.kind.media_type,
        headers={
            "Content-Disposition": f'{disposition}; filename="document.{opened.kind.value}"',
            **DOCUMENT_HEADERS,
        },
    )


@require_POST
def fetch_document(request: SignedInRequest, retrieval_id: UUID, entry_key: str, number: int) -> HttpResponse:
    """Ask the source for a document that did not come with the record; its page then waits for it."""
    if not ENTRY_KEY.fullmatch(entry_key):
        raise NotFound
    fetching.fetch_document(
        requester=request.requester,
        retrieval_id=retrieval_id,
        entry_key=entry_key,
        number=number,
        now=timezone.now(),
    )
    place = {"retrieval_id": retrieval_id, "entry_key": entry_key, "number": number}
    return HttpResponseRedirect(reverse("document", kwargs=place))


def _view_document(request: SignedInRequest, retrieval_id: UUID, entry_key: str, number: int) -> RecordView:
    if not ENTRY_KEY.fullmatch(entry_key):
        raise NotFound
    return view_record.view_record(
        requester=request.requester,
        retrieval_id=retrieval_id,
        now=timezone.now(),
        part="document",
        entry=entry_key,
        document=number,
    )


@require_GET
def section(request: SignedInRequest, retrieval_id: UUID, section: str) -> HttpResponse:
    """Show all entries of one section, page by page."""
    number = _page_number(request)
    rules = next((rules for rules in SECTIONS if rules.category.value == section), None)
    if rules is None:
        raise NotFound
    part = _paged(f"section {rules.category}", number)
    view = view_record.view_record(
        requester=request.requester, retrieval_id=retrieval_id, now=timezone.now(), part=part
    )
    page = section_page(view=view, rules=rules, number=number)
    if page is None:
        raise NotFound("This section no longer has that page. Go back to the record.")
    return draw(request, "record/section", page=page)


def _paged(part: str, number: int) -> str:
    """Return what the audit calls a page of a part: each page shows other content."""
    return part if number == 1 else f"{part}, page {number}"


def _page_number(request: SignedInRequest) -> int:
    number = request.GET.get("page", "1")
    if not PAGE_NUMBER.fullmatch(number):
        raise NotFound
    return int(number)


def _source_named(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _access_named(text: str | None) -> UUID | None:
    """Return the emergency access that a page names as that by which it was shown."""
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound from None
