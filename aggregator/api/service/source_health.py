"""What a source reports of itself, with a token of its own. Nobody is signed in here, and no session is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO, Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.requester import anonymous
from aggregator.accounts.tokens import bearer_token
from aggregator.api.service.problems import as_problem
from aggregator.api.service.serializers import Input, WholeNumber
from aggregator.api.service.view import ServiceView, StrictJsonParser
from aggregator.health.report_tokens import ReportKey, read_report_token
from aggregator.health.terms import (
    LEAST_INTERVAL_S,
    MOST_COUNTER,
    MOST_COUNTERS,
    MOST_INTERVAL_S,
    MOST_MESSAGE,
    Report,
    ReportedStatus,
)
from aggregator.services.sources.report_health import report_health

MOST_BYTES = 8192
COUNTER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class TooLarge(APIException):
    """A body is longer than any report."""

    status_code = 413


class ReportParser(StrictJsonParser):
    """Strict JSON, of the length that a report can have."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object of a body.

        Raises: TooLarge; ParseError.
        """
        content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise TooLarge
        return self.read(content)


class ReportingSource(BaseAuthentication):
    """Makes `request.auth` what the token says. Whether that is still in force is asked by the service."""

    def authenticate(self, request: Request) -> tuple[None, ReportKey]:
        """Return what the token says.

        Raises: AuthenticationFailed.
        """
        text = bearer_token(authorization=request.headers.get("Authorization", ""))
        key = read_report_token(text=text) if text else None
        if key is None:
            raise AuthenticationFailed
        return None, key

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge."""
        return "Bearer"


class IsThatSource(BasePermission):
    """Lets a source report of itself, and of no other."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the token is of the source in the address."""
        return isinstance(request.auth, ReportKey) and request.auth.source_id == view.kwargs["source_id"]


class ReportInput(Input):
    """How a source is, by its own account. `interval_s` says when the next report is due, at the latest."""

    status = serializers.ChoiceField(choices=[status.value for status in ReportedStatus])
    message = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=MOST_MESSAGE,
        help_text="For people; it must name nobody.",
    )
    interval_s = WholeNumber(
        required=False,
        allow_null=True,
        default=None,
        min_value=LEAST_INTERVAL_S,
        max_value=MOST_INTERVAL_S,
        help_text="If no report has come 60 seconds after that, the source is taken to be silent.",
    )
    counters = serializers.DictField(
        child=WholeNumber(min_value=0, max_value=MOST_COUNTER),
        required=False,
        default=dict,
        help_text=f"At most {MOST_COUNTERS}; names of lower-case letters, digits and underscores.",
    )

    def validate_counters(self, counters: dict[str, int]) -> dict[str, int]:
        """Return the counters.

        Raises: ValidationError, which names none of them.
        """
        if len(counters) > MOST_COUNTERS or not all(map(COUNTER_NAME.fullmatch, counters)):
            raise serializers.ValidationError(f"At most {MOST_COUNTERS}, with short names in lower case.")
        return counters


class SourceHealthReport(ServiceView):
    """A source's own reports."""

    authentication_classes = [ReportingSource]
    permission_classes = [IsThatSource]
    parser_classes = [ReportParser]

    def get_exception_handler(self) -> Callable[[Exception, Any], Response]:
        """Return what makes problem JSON of errors; a token is asked for, and no sign-in."""

        def problem(error: Exception, context: Any) -> Response:
            response = as_problem(error, context)
            if response.status_code == 401 and response.data is not None:
                response.data["title"] = "A token is needed with which this source may report."
                response.headers["WWW-Authenticate"] = "Bearer"
            return response

        return problem

    @extend_schema(operation_id="source_health_report", request=ReportInput, responses={204: None})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Take a report. Beyond a limit per source and minute the answer is 429, before anything is looked up."""
        self.query()
        key: object = request.auth
        if not isinstance(key, ReportKey):
            raise ParseError
        told = self.body(ReportInput)
        report = Report(
            status=ReportedStatus(told["status"]),
            message=told["message"],
            interval_s=told["interval_s"],
            counters=told["counters"],
        )
        report_health(requester=anonymous(), key=key, report=report, now=timezone.now())
        return Response(status=204)
