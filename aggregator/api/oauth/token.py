"""`POST /oauth/token`. Source: RFC 6749, 4.4 and 5; HL7 SMART App Launch 2.2, "Backend Services"."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, JsonResponse, QueryDict
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aggregator.api.permissions import OpenToAll
from aggregator.errors import Invalid, LongviewError, TooMany
from aggregator.services.clients.issue_token import TokenRequest, issue_token

UNAVAILABLE = "temporarily_unavailable"
RETRY_AFTER_S = 5
# By the code of our error: the status, and the error of OAuth. Source: RFC 6749, 5.2.
ANSWERS: Mapping[str, tuple[int, str]] = {
    "invalid-client": (401, "invalid_client"),
    "invalid-request": (400, "invalid_request"),
    "invalid-scope": (400, "invalid_scope"),
    "unsupported-grant-type": (400, "unsupported_grant_type"),
    "temporarily-unavailable": (503, UNAVAILABLE),
    "too-many": (429, UNAVAILABLE),
}

log = structlog.get_logger(__name__)


class _AlwaysJson(DefaultContentNegotiation):
    """Answers in JSON whatever is preferred."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[Any, str]:
        """Return the one renderer."""
        return renderers[0], renderers[0].media_type


class Token(APIView):
    """Gives a client its token. No session counts here: a client proves who it is with each request."""

    authentication_classes = []
    permission_classes = [OpenToAll]
    parser_classes = [FormParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = _AlwaysJson
    http_method_names = ["post"]

    def post(self, request: Request) -> Response:
        """Return an access token, or what is at fault."""
        form = _form_of(request)
        issued = issue_token(
            request=TokenRequest(
                grant_type=_only(form, "grant_type"),
                assertion_type=_only(form, "client_assertion_type"),
                assertion=_only(form, "client_assertion"),
                client_id=_only(form, "client_id"),
                scope=_only(form, "scope"),
            ),
            now=timezone.now(),
        )
        return Response(
            {
                "access_token": issued.text,
                "token_type": "bearer",
                "expires_in": issued.lifetime_s,
                "scope": str(issued.scopes),
            },
            headers={"Pragma": "no-cache"},
        )

    def get_exception_handler(self) -> Callable[[Exception, Any], Response]:
        """Return what makes an answer of an error: this door has OAuth's, and none of FHIR's."""
        return as_oauth_error


def as_oauth_error(error: Exception, context: Any = None) -> Response:
    """Return the response to an error, in our own words: they never echo the request."""
    status, body, headers = _described(error)
    return Response(body, status=status, headers=headers)


def refusal(error: Exception, /) -> HttpResponse:
    """Return the response to an error that came before the door was reached."""
    status, body, headers = _described(error)
    return JsonResponse(body, status=status, headers=headers)


def fault() -> HttpResponse:
    """Return the response to an error that came before the door was reached. Django calls this while it handles it."""
    error = sys.exc_info()[1]
    return refusal(error if isinstance(error, Exception) else Exception())


def _described(error: Exception) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return the status, the body and the headers that tell of an error."""
    if isinstance(error, LongviewError) and error.code in ANSWERS:
        status, code = ANSWERS[error.code]
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else {}
        return status, {"error": code, "error_description": str(error)}, headers
    if isinstance(error, OperationalError | InterfaceError):
        log.error("token_door_failed", exc_info=error)
        words = "The service's database cannot be reached at the moment, or is too busy. Try again shortly."
        return 503, {"error": UNAVAILABLE, "error_description": words}, {"Retry-After": str(RETRY_AFTER_S)}
    if isinstance(error, exceptions.MethodNotAllowed):
        return 405, {"error": "invalid_request", "error_description": "Tokens are given by POST only."}, {}
    if isinstance(error, exceptions.APIException | Invalid):
        return 400, {"error": "invalid_request", "error_description": "The request cannot be read."}, {}
    log.error("token_door_failed", exc_info=error)
    return 500, {"error": "server_error", "error_description": "Something went wrong on our side."}, {}


def _form_of(request: Request) -> QueryDict:
    """Return the form that was sent, an empty one for what is none: then nobody has said who they are."""
    try:
        data = request.data
    except (exceptions.APIException, SuspiciousOperation, ValueError, LookupError):
        data = None
    return data if isinstance(data, QueryDict) else QueryDict()


def _only(form: QueryDict, name: str) -> str:
    """Return the one value of a parameter, "" for none or several. Source: RFC 6749, 3.2."""
    values = form.getlist(name)
    return values[0] if len(values) == 1 else ""
