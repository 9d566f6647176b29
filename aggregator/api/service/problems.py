"""Errors at the service API, as problem JSON. Source: RFC 9457. Nothing echoes the request."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from aggregator.errors import Invalid, LongviewError, NotFound, NotPermitted, Superseded, TooBusy, TooMany

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
# After how many seconds to try again while the database cannot be reached.
RETRY_AFTER_S = 5
# The first that fits counts.
STATUS_OF: Mapping[type[Exception], int] = {
    TooBusy: 503,
    TooMany: 429,
    NotPermitted: 403,
    NotFound: 404,
    Superseded: 409,
    Invalid: 400,
    Http404: 404,
    # The database cannot be reached, or is too busy.
    OperationalError: 503,
    InterfaceError: 503,
}
TITLES: Mapping[int, str] = {
    400: "The request is not valid.",
    401: "Sign in first.",
    403: "You are not permitted to do this.",
    404: "There is nothing here that you can view.",
    405: "This method is not supported here.",
    406: "Only application/json is available.",
    409: "This has changed since you looked.",
    413: "The body is too large.",
    415: "Send application/json.",
    429: "Too many requests.",
    500: "Something went wrong on our side.",
    503: "The service's database cannot be reached at the moment, or is too busy. Try again shortly.",
}


class InvalidFields(Invalid):
    """Several inputs cannot be understood. `problems` says of each what is wrong."""

    def __init__(self, *, problems: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(TITLES[400], code="invalid")
        self.problems = problems


def as_problem(error: Exception, context: Any) -> Response:
    """Return the response to an error; this is the exception handler of the views of this door."""
    status, body, headers = _described(error)
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def fault() -> HttpResponse:
    """Return the response to an error that came before a view was reached. Django calls this while it handles it."""
    error = sys.exc_info()[1]
    return refusal(error if isinstance(error, Exception) else Exception())


def refusal(error: Exception) -> HttpResponse:
    """Return the response to an error that came before a view was reached."""
    status, body, headers = _described(error)
    return HttpResponse(json.dumps(body), status=status, content_type=MEDIA_TYPE, headers=headers)


def _described(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return the status, problem and headers that tell of an error."""
    status = next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 500)
    if isinstance(error, exceptions.APIException):
        status = error.status_code
    if status >= 500:
        log.error("service_door_failed", exc_info=error)
    title = TITLES.get(status, TITLES[400])
    body: dict[str, Any] = {"title": title, "status": status}
    if isinstance(error, LongviewError):
        body["detail"] = " ".join([str(error), *getattr(error, "reasons", ())])
        body["code"] = error.code
    if isinstance(error, InvalidFields):
        body["fields"] = {name: list(problems) for name, problems in error.problems.items()}
    elif isinstance(error, Invalid) and error.field:
        body["fields"] = {error.field: [str(error)]}
    headers: dict[str, str] = {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    elif status == 401:
        headers["WWW-Authenticate"] = "Session"
    return status, body, headers
