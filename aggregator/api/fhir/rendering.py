"""Renders FHIR JSON, with decimals as they were sent, and errors as OperationOutcomes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from aggregator.errors import (
    Invalid,
    LongviewError,
    NotFound,
    NotPermitted,
    Superseded,
    TooBusy,
    TooMany,
    VersionMismatch,
)
from fhir_data import exact_json

log = structlog.get_logger(__name__)

# FHIR R4 issue types, http://hl7.org/fhir/issue-type
STATUS_AND_ISSUE: Mapping[type[Exception], tuple[int, str]] = {
    TooBusy: (503, "throttled"),
    TooMany: (429, "throttled"),
    NotPermitted: (403, "forbidden"),
    NotFound: (404, "not-found"),
    VersionMismatch: (412, "conflict"),
    Superseded: (409, "conflict"),
    Invalid: (400, "invalid"),
    Http404: (404, "not-found"),
    # A form with too many fields, or in another encoding than UTF-8.
    SuspiciousOperation: (400, "invalid"),
    BadRequest: (400, "invalid"),
    exceptions.NotAuthenticated: (401, "login"),
    exceptions.AuthenticationFailed: (401, "login"),
    exceptions.PermissionDenied: (403, "forbidden"),
    exceptions.MethodNotAllowed: (405, "not-supported"),
    exceptions.NotAcceptable: (406, "not-supported"),
    exceptions.UnsupportedMediaType: (415, "not-supported"),
    exceptions.Throttled: (429, "throttled"),
    # The database cannot be reached, or is too busy.
    OperationalError: (503, "transient"),
    InterfaceError: (503, "transient"),
}
# After how many seconds to try again while the database cannot be reached.
RETRY_AFTER_S = 5
HEADERS: Mapping[int, dict[str, str]] = {503: {"Retry-After": str(RETRY_AFTER_S)}}
# How a client is to come back. Source: RFC 6750, 3.
CHALLENGE = 'Bearer realm="longview"'
NO_ACCESS_BY_SCOPE = "refused-scope"
WORDS: Mapping[int, str] = {
    401: "Sign in first, or send an access token that is still valid.",
    403: "You are not permitted to do this.",
    404: "There is nothing here that you can view.",
    405: "This method is not supported here.",
    406: "Only application/fhir+json is available.",
    415: "Send application/fhir+json.",
    429: "Too many requests.",
    500: "Something went wrong on our side.",
    503: "The service's database cannot be reached at the moment, or is too busy. Try again shortly.",
}


class FhirRenderer(BaseRenderer):
    """`application/fhir+json`, the default."""

    media_type = "application/fhir+json"
    format = "json"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return a resource as bytes."""
        return b"" if data is None else exact_json.encode(data)


class JsonRenderer(FhirRenderer):
    """The same as plain `application/json`, for clients that ask for that."""

    media_type = "application/json"


def outcome(*, issues: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": issues}


def issue(*, severity: str, code: str, diagnostics: str, expression: str = "") -> dict[str, Any]:
    """Return one issue. `diagnostics` are always our own words: they never echo the request.

    `expression` is the FHIRPath of the element at fault.
    """
    written: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": diagnostics}
    return {**written, "expression": [expression]} if expression else written


def as_outcome(error: Exception, context: Any) -> Response:
    """Return the response to an error; this is DRF's exception handler."""
    status, body, headers = _described(error)
    return Response(body, status=status, headers=headers)


def fault(request: HttpRequest) -> HttpResponse:
    """Return the response to an error that came before the door was reached. Django calls this while it handles it."""
    error = sys.exc_info()[1]
    return refusal(error if isinstance(error, Exception) else Exception())


def refusal(error: Exception) -> HttpResponse:
    """Return the response to an error that came before the door was reached."""
    status, body, headers = _described(error)
    content_type = f"{FhirRenderer.media_type}; charset={FhirRenderer.charset}"
    return HttpResponse(exact_json.encode(body), status=status, content_type=content_type, headers=headers)


def _described(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return the status, OperationOutcome and headers that tell of an error."""
    family = next((kind for kind in STATUS_AND_ISSUE if isinstance(error, kind)), None)
    status, code = STATUS_AND_ISSUE[family] if family else (500, "exception")
    if family is None and isinstance(error, exceptions.APIException):
        status, code = error.status_code, "invalid"
    if status >= 500 and not isinstance(error, TooBusy):
        log.error("fhir_door_failed", exc_info=error)
    if isinstance(error, LongviewError):
        words = " ".join([str(error), *getattr(error, "reasons", ())])
    else:
        words = WORDS.get(status, "The request is not valid.")
    place = error.field if isinstance(error, Invalid) and error.field.startswith("Consent") else ""
    body = outcome(issues=[issue(severity="error", code=code, diagnostics=words, expression=place)])
    return status, body, _headers(error, status=status)


def _headers(error: Exception, *, status: int) -> dict[str, str]:
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, LongviewError) and error.code == NO_ACCESS_BY_SCOPE:
        return {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope"'}
    if status == 401:
        refused = ', error="invalid_token"' if isinstance(error, exceptions.AuthenticationFailed) else ""
        return {"WWW-Authenticate": f"{CHALLENGE}{refused}"}
    return HEADERS.get(status, {})
