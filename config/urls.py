"""The routes of the pages, the FHIR door, the door for tokens and the health checks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from aggregator.api.fhir import rendering
from aggregator.api.fhir.view import Unknown as UnknownFhir
from aggregator.api.oauth import token as oauth
from aggregator.api.service import problems
from aggregator.api.service.view import Unknown as UnknownService
from aggregator.web import pages
from config import health, metrics

FHIR_PATH, OAUTH_PATH, SERVICE_PATH = "fhir/", "oauth/", "api/"


def fault(request: HttpRequest) -> HttpResponse:
    """Return what the door that was asked says of a fault of ours."""
    if request.path.startswith(f"/{FHIR_PATH}"):
        return rendering.fault(request)
    if request.path.startswith(f"/{OAUTH_PATH}"):
        return oauth.fault()
    return problems.fault() if request.path.startswith(f"/{SERVICE_PATH}") else pages.fault(request)


urlpatterns = [
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    # Without its slash, too: a redirect to it would make a GET of a POST.
    path(FHIR_PATH.rstrip("/"), UnknownFhir.as_view(), name="fhir-root"),
    path(SERVICE_PATH.rstrip("/"), UnknownService.as_view(), name="api-root"),
    path(FHIR_PATH, include("aggregator.api.fhir.urls")),
    path(OAUTH_PATH, include("aggregator.api.oauth.urls")),
    path(SERVICE_PATH, include("aggregator.api.service.urls")),
    path("", include("aggregator.web.urls")),
]

handler400 = "aggregator.web.pages.unreadable"
handler404 = "aggregator.web.pages.no_such_page"
handler500 = fault
