"""`GET metadata`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import OpenToAll
from aggregator.api.fhir.capability import capability_statement
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.view import FhirView


class Metadata(FhirView):
    """States what this door does; open to everybody."""

    permission_classes = [OpenToAll]

    def get(self, request: Request) -> Response:
        """Return the CapabilityStatement."""
        return Response(capability_statement(base=self.base, operations=OPERATIONS))
