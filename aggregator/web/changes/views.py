"""Changes of access: what waits, and how somebody else decides."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from aggregator.errors import Invalid
from aggregator.services.changes.confirm_change import confirm_change
from aggregator.services.changes.list_changes import list_changes
from aggregator.services.changes.reject_change import reject_change
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest


@require_GET
def changes(request: SignedInRequest) -> HttpResponse:
    """List the changes that wait to be confirmed, and those that were decided."""
    return _page(request)


@require_POST
def confirm(request: SignedInRequest, change_id: UUID) -> HttpResponse:
    """Carry a change out; what has to be handed over is shown this once."""
    try:
        applied = confirm_change(requester=request.requester, change_id=change_id, now=timezone.now())
    except Invalid as error:
        return _page(request, change_id=change_id, problem=f"This change can no longer be made. {error}", status=400)
    if applied.secret:
        return draw(request, "changes/handed_over", secret=applied.secret)
    return HttpResponseRedirect(reverse("changes"))


@require_POST
def reject(request: SignedInRequest, change_id: UUID) -> HttpResponse:
    """Decide that a change is not made."""
    try:
        reject_change(
            requester=request.requester, change_id=change_id, reason=request.POST.get("reason", ""), now=timezone.now()
        )
    except Invalid as error:
        return _page(request, change_id=change_id, problem=str(error), status=400)
    return HttpResponseRedirect(reverse("changes"))


def _page(
    request: SignedInRequest, *, change_id: UUID | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    found = list_changes(requester=request.requester, now=timezone.now())
    return draw(request, "changes/changes", found=found, change_id=change_id, problem=problem, status=status)
