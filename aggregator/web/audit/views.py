"""Looking back: a search of the audit, and what a patient is told of who looked at their record."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.errors import Invalid
from aggregator.services.audit.report_access import report_access
from aggregator.services.audit.search_audit import AuditPage, AuditQuestion, search_audit
from aggregator.web.audit.forms import AuditForm
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_http_methods(["GET", "POST"])
def audit(request: SignedInRequest) -> HttpResponse:
    """Show what was done most recently, or search it. By POST only, so that no number or name is in an address."""
    form = AuditForm(request.POST if request.method == "POST" else {})
    page: AuditPage | None = None
    if form.is_valid():
        try:
            page = _search(request, AuditQuestion(**form.question()))
        except Invalid as error:
            form.add_error(error.field, str(error))
    status = 400 if page is None else 200
    # Where nothing could be searched for, what may be is shown all the same.
    shown = page or AuditPage(lines=(), before=None)
    return draw(request, "audit/audit", form=form, page=shown, is_found=page is not None, status=status)


@require_GET
def access_report(request: SignedInRequest, person_id: UUID) -> HttpResponse:
    """Show who looked at a patient's record, for the patient: as a page, and to be printed."""
    report = report_access(requester=request.requester, person_id=person_id, now=timezone.now())
    return draw(request, "audit/access_report", report=report)


def _search(request: SignedInRequest, question: AuditQuestion) -> AuditPage:
    return search_audit(requester=request.requester, question=question, now=timezone.now())
