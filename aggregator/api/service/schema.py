"""The description of this door, made from its views and serializers. Source: OpenAPI 3."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.authentication import SessionRequester
from aggregator.api.service.description import SESSION
from aggregator.api.service.source_health import ReportingSource
from aggregator.api.service.view import ServiceView


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description tells of the session of the pages."""

    target_class = SessionRequester
    name = SESSION

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return where the session stands in a request; a write needs its CSRF token too."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class ReportTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description tells of the token with which a source reports."""

    target_class = ReportingSource
    name = "report-token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return how the token is sent."""
        return {"type": "http", "scheme": "bearer"}


class Schema(ServiceView):
    """`GET schema/`."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Return the description as JSON."""
        self.query()
        generator = SchemaGenerator(urlconf="aggregator.api.service.urls")  # type: ignore[no-untyped-call]
        return Response(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
