"""The routes of the pages, the FHIR door and the health checks."""

from __future__ import annotations

from django.urls import include, path

from config import health

urlpatterns = [
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("fhir/", include("aggregator.api.fhir.urls")),
    path("", include("aggregator.web.urls")),
]

handler400 = "aggregator.web.pages.unreadable"
handler404 = "aggregator.web.pages.no_such_page"
handler500 = "aggregator.web.pages.fault"
