"""`GET .well-known/smart-configuration`. Source: HL7 SMART App Launch 2.2, "Conformance"."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.key_sets import ALGORITHMS
from aggregator.accounts.tokens import token_address
from aggregator.api.fhir.rendering import JsonRenderer
from aggregator.api.fhir.view import AlwaysJson, FhirView
from aggregator.api.permissions import OpenToAll
from aggregator.services.clients.issue_token import GRANT_TYPE


class SmartConfiguration(FhirView):
    """Says where a client gets its token, and how; open to everybody."""

    authentication_classes = []
    permission_classes = [OpenToAll]
    renderer_classes = [JsonRenderer]
    content_negotiation_class = AlwaysJson  # it is no resource of FHIR

    def get(self, request: Request) -> Response:
        """Return what of SMART is there: backend services, and no launch."""
        return Response(
            {
                "token_endpoint": token_address(),
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS),
                "grant_types_supported": [GRANT_TYPE],
                "scopes_supported": ["system/*.rs", "system/*.r", "system/*.s"],
                "capabilities": ["client-confidential-asymmetric", "permission-v2"],
                # Required to be there, and to name this one, although nobody is authorised by a code yet.
                "code_challenge_methods_supported": ["S256"],
            }
        )
