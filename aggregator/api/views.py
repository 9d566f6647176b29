"""The FHIR door. Views check what was asked, call a service and hand its value to `resources`."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aggregator.accounts.requester import Requester
from aggregator.api import capability, resources
from aggregator.api.authentication import IsRequester, OpenToAll, SessionRequester
from aggregator.api.rendering import FhirRenderer, JsonRenderer, issue, outcome
from aggregator.errors import Invalid, NotFound
from aggregator.services.open_record import open_record
from aggregator.services.view_record import view_record

RETRY_AFTER_S = 1


class FhirNegotiation(BaseContentNegotiation):
    """JSON whatever is asked for: this door has nothing else, and a browser's wishes are no reason to refuse."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser: nothing is read from a body here."""
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return FHIR JSON."""
        return renderers[0], renderers[0].media_type


class FhirView(APIView):
    """What every view of this door has in common; open to nobody but a requester unless it says otherwise."""

    authentication_classes: ClassVar = [SessionRequester]
    permission_classes: ClassVar = [IsRequester]
    renderer_classes: ClassVar = [FhirRenderer, JsonRenderer]
    content_negotiation_class = FhirNegotiation
    http_method_names: ClassVar = ["get", "head"]

    @property
    def base(self) -> str:
        """The address of this door, from the settings: never from the request, which a caller can forge."""
        return f"{settings.PUBLIC_URL.rstrip('/')}/fhir"


class Metadata(FhirView):
    """`GET metadata`."""

    permission_classes: ClassVar = [OpenToAll]

    def get(self, request: Request) -> Response:
        """Return the CapabilityStatement."""
        return Response(capability.capability_statement(base=self.base))


class Everything(FhirView):
    """`GET Patient/[id]/$everything`: asks every source, as the record page does."""

    # No HEAD: every source would be asked for an answer that nobody reads.
    http_method_names: ClassVar = ["get"]

    def get(self, request: Request, person_id: str) -> Response:
        """Start the asking and say where its answer will be.

        The process in front waits there for the answer, at most until the deadline, and gives it as this request's own,
        unless the caller prefers to come back (`Prefer: respond-async`). Source: FHIR R4 asynchronous pattern.
        """
        if request.query_params:
            raise Invalid("$everything takes no parameters yet.", code="parameters")
        requester: Requester = request.auth
        retrieval_id = open_record(requester=requester, person_id=_identifier(person_id), now=timezone.now())
        return _accepted(retrieval_id)


class RetrievalStatus(FhirView):
    """`GET retrievals/[id]`: 202 while sources are awaited, then the answer."""

    def get(self, request: Request, retrieval_id: str) -> Response:
        """Return the searchset, or 202."""
        view = view_record(
            requester=request.auth, retrieval_id=_identifier(retrieval_id), now=timezone.now(), part="$everything"
        )
        if not view.complete:
            return _accepted(view.retrieval_id)
        return Response(resources.everything(view=view, base=self.base))


class Unknown(FhirView):
    """Everything else under this door."""

    def get(self, request: Request) -> Response:
        """Return 404 as an OperationOutcome."""
        raise NotFound


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _accepted(retrieval_id: UUID) -> Response:
    words = "The sources are being asked; the answer will be at Content-Location."
    return Response(
        outcome(issues=[issue(severity="information", code="informational", diagnostics=words)]),
        status=202,
        headers={
            "Content-Location": reverse("fhir-retrieval", kwargs={"retrieval_id": retrieval_id}),
            "Retry-After": str(RETRY_AFTER_S),
        },
    )
