"""What all views of the FHIR door have in common."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aggregator.api.authentication import SessionRequester
from aggregator.api.fhir.authentication import IsRequester, TokenRequester
from aggregator.api.fhir.rendering import FhirRenderer, JsonRenderer, issue, outcome
from aggregator.errors import NotFound

RETRY_AFTER_S = 1


class FhirNegotiation(BaseContentNegotiation):
    """Always JSON: this door has nothing else, and a browser's Accept header is no reason to refuse."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser: no request body is read here."""
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return FHIR JSON."""
        return renderers[0], renderers[0].media_type


class FhirView(APIView):
    """A view of this door; only for signed-in users and for clients with a token, unless it says otherwise."""

    authentication_classes = [TokenRequester, SessionRequester]
    permission_classes = [IsRequester]
    renderer_classes = [FhirRenderer, JsonRenderer]
    content_negotiation_class = FhirNegotiation
    http_method_names = ["get", "head"]

    @property
    def base(self) -> str:
        """The address of this door, from the settings: never from the request, which a caller can forge."""
        return f"{settings.PUBLIC_URL.rstrip('/')}/fhir"


class Unknown(FhirView):
    """Every address under this door that no other view serves."""

    def get(self, request: Request) -> Response:
        """Return 404 as an OperationOutcome."""
        raise NotFound


def read_id(text: str) -> UUID:
    """Return the id in an address.

    Raises: NotFound when it cannot be one of this service.
    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def accepted(*, retrieval_id: UUID) -> Response:
    """Return 202 and where the answer will be. Source: FHIR R4 asynchronous pattern."""
    words = "The sources are being asked; the answer will be at Content-Location."
    return Response(
        outcome(issues=[issue(severity="information", code="informational", diagnostics=words)]),
        status=202,
        headers={
            "Content-Location": reverse("fhir-retrieval", kwargs={"retrieval_id": retrieval_id}),
            "Retry-After": str(RETRY_AFTER_S),
        },
    )
