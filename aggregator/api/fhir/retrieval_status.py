"""`GET retrievals/[id]`: 202 while sources are awaited, then the answer."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.searchset import everything
from aggregator.api.fhir.view import FhirView, accepted, read_id
from aggregator.errors import Invalid
from aggregator.services.check_progress import check_progress
from aggregator.services.view_record import view_record


class RetrievalStatus(FhirView):
    """Where a caller who does not wait collects the answer."""

    def get(self, request: Request, retrieval_id: str) -> Response:
        """Return the searchset, or 202 while sources are awaited."""
        if self.parameters_of(request):
            raise Invalid("A retrieval takes no parameters.", code="parameters")
        requester, identifier = requester_of(request), read_id(retrieval_id)
        if not check_progress(requester=requester, retrieval_id=identifier, now=timezone.now()):
            return accepted(retrieval_id=identifier)
        view = view_record(requester=requester, retrieval_id=identifier, now=timezone.now(), part="$everything")
        return Response(everything(view=view, base=self.base))
