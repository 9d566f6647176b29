"""`Patient/[id]/$everything`: asks every source, as the record page does.

By GET, and by POST with an empty Parameters, which is how many clients call any operation.
Source: FHIR R4 Patient-everything; FHIR R4 Operations, "Executing an Operation Synchronously".
"""

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
from fhir_data.errors import UnreadableEntry
from fhir_data.parsing import read_entry


class Everything(FhirView):
    """Starts the retrieval of a person's record."""

    # No HEAD: it would ask every source for an answer that nobody reads.
    http_method_names = ["get", "post"]

    def get(self, request: Request, resource_id: str) -> Response:
        """Start asking the sources and return where the answer will be."""
        return self._started(request, resource_id)

    def post(self, request: Request, resource_id: str) -> Response:
        """Start asking the sources and return where the answer will be."""
        if request._request.body:
            _check_parameters(self.body_of(request))
        return self._started(request, resource_id)

    def _started(self, request: Request, resource_id: str) -> Response:
        if self.parameters_of(request):
            raise _unsupported()
        retrieval_id = open_record(
            requester=requester_of(request),
            person_id=read_id(resource_id),
            now=timezone.now(),
            max_age_s=max_age_s(cache_control=request.headers.get("Cache-Control", "")),
        )
        return accepted(retrieval_id=retrieval_id)


def _check_parameters(body: bytes, /) -> None:
    try:
        sent = read_entry(entry=body)
    except UnreadableEntry as error:
        raise Invalid(f"The body cannot be read as one FHIR resource: {error.fault}.", code="structure") from None
    if sent.get("resourceType") != "Parameters":
        raise Invalid("Send Parameters, or no body.", code="structure")
    # An empty list of parameters is not FHIR, and says nothing; any other member might ask for something.
    if sent.get("parameter", []) != [] or set(sent) - {"resourceType", "id", "meta", "parameter"}:
        raise _unsupported()


def _unsupported() -> Invalid:
    return Invalid("$everything does not support parameters yet.", code="parameters")


OPERATION = Operation(
    resource_type="Patient",
    name="everything",
    definition="http://hl7.org/fhir/OperationDefinition/Patient-everything",
    level=Level.INSTANCE,
    view=Everything,
    waits=True,
)
