"""`GET retrievals/[id]`: 202 while sources are awaited, then the answer."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.searchset import everything
from aggregator.api.fhir.view import FhirView, accepted, read_id
from aggregator.services.view_record import view_record


class RetrievalStatus(FhirView):
    """Where a caller who does not wait comes back."""

    def get(self, request: Request, retrieval_id: str) -> Response:
        """Return the searchset, or 202."""
        view = view_record(
            requester=requester_of(request), retrieval_id=read_id(retrieval_id), now=timezone.now(), part="$everything"
        )
        if not view.complete:
            return accepted(retrieval_id=view.retrieval_id)
        return Response(everything(view=view, base=self.base))
