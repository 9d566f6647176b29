"""`GET Patient/[id]/$everything`: asks every source, as the record page does. Source: FHIR R4 Patient-everything."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.freshness import max_age_s
from aggregator.api.fhir.operation import Level, Operation
from aggregator.api.fhir.view import FhirView, accepted, read_id
from aggregator.errors import Invalid
from aggregator.services.open_record import open_record


class Everything(FhirView):
    """Starts the retrieval of a person's record."""

    # No HEAD: it would ask every source for an answer that nobody reads.
    http_method_names = ["get"]

    def get(self, request: Request, resource_id: str) -> Response:
        """Start asking the sources and return where the answer will be."""
        if request.query_params:
            raise Invalid("$everything does not support parameters yet.", code="parameters")
        retrieval_id = open_record(
            requester=requester_of(request),
            person_id=read_id(resource_id),
            now=timezone.now(),
            max_age_s=max_age_s(cache_control=request.headers.get("Cache-Control", "")),
        )
        return accepted(retrieval_id=retrieval_id)


OPERATION = Operation(
    resource_type="Patient",
    name="everything",
    definition="http://hl7.org/fhir/OperationDefinition/Patient-everything",
    level=Level.INSTANCE,
    view=Everything,
    waits=True,
)
