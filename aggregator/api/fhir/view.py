"""What all views of the FHIR door have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from rest_framework.exceptions import NotAcceptable, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aggregator.api.authentication import SessionRequester
from aggregator.api.fhir.authentication import IsRequester, TokenRequester
from aggregator.api.fhir.negotiation import is_json_wanted, own_parameters
from aggregator.api.fhir.rendering import FhirRenderer, JsonRenderer, issue, outcome
from aggregator.errors import Invalid, NotFound

RETRY_AFTER_S = 1
_JSON = re.compile(r"application/(fhir\+)?json\s*(;.*)?\Z", re.IGNORECASE)
_FORM = re.compile(r"application/x-www-form-urlencoded\s*(;.*)?\Z", re.IGNORECASE)


class AlwaysJson(BaseContentNegotiation):
    """Answers in JSON whatever is asked for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser: no request body is read here."""
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return the first renderer, which is of JSON."""
        return renderers[0], renderers[0].media_type


class FhirNegotiation(AlwaysJson):
    """JSON, which is all that this door has. A browser's Accept header takes anything, and so that, too."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return FHIR JSON.

        Raises: NotAcceptable when other formats alone are asked for.
        """
        formats = request.query_params.getlist("_format")
        if not is_json_wanted(accept=request.headers.get("Accept", ""), formats=formats):
            raise NotAcceptable
        return super().select_renderer(request, renderers, format_suffix)


class FhirView(APIView):
    """A view of this door; only for signed-in users and for clients with a token, unless it says otherwise."""

    authentication_classes = [TokenRequester, SessionRequester]
    permission_classes = [IsRequester]
    renderer_classes = [FhirRenderer, JsonRenderer]
    content_negotiation_class: type[AlwaysJson] = FhirNegotiation
    http_method_names = ["get", "head"]

    def parameters_of(self, request: Request) -> dict[str, list[str]]:
        """Return the parameters in the address without those that every interaction may have.

        Raises: Invalid for a summary.
        """
        return own_parameters(dict(request.query_params.lists()))

    def body_of(self, request: Request) -> bytes:
        """Return the body of a request that sends a resource.

        Raises: UnsupportedMediaType.
        """
        if not _JSON.match(request.content_type or ""):
            raise UnsupportedMediaType("", "Send application/fhir+json.")
        return request._request.body

    def form_of(self, request: Request) -> dict[str, list[str]]:
        """Return the parameters of a search by POST, in the same way.

        Raises: NotAcceptable for a format other than JSON; Invalid for what is no form, is not in it, or is a summary.
        """
        if not _FORM.match(request.content_type or "") or self.parameters_of(request):
            raise Invalid("Send the parameters of the search as a form, and none in the address.", code="parameters")
        form = dict(request._request.POST.lists())
        if not is_json_wanted(accept="", formats=form.get("_format", [])):
            raise NotAcceptable
        return own_parameters({name: values for name, values in form.items() if name != "csrfmiddlewaretoken"})

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


def given_once(parameters: Mapping[str, list[str]], /) -> dict[str, str]:
    """Return the parameters of a search.

    Raises: Invalid for one that is given twice: both would have to hold.
    """
    given: dict[str, str] = {}
    for name, values in parameters.items():
        if len(values) != 1:
            raise Invalid("Give each parameter once.", code="parameters")
        given[name] = values[0]
    return given


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
