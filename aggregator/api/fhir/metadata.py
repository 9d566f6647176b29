"""`GET metadata`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.tokens import token_address
from aggregator.api.fhir.capability import capability_statement
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.view import FhirView
from aggregator.api.permissions import OpenToAll


class Metadata(FhirView):
    """States what this door does; open to everybody."""

    authentication_classes = []
    permission_classes = [OpenToAll]

    def get(self, request: Request) -> Response:
        """Return the CapabilityStatement."""
        return Response(capability_statement(base=self.base, operations=OPERATIONS, token_address=token_address()))
