"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.audit import views

AREA = Area(
    routes=[
        path("audit", views.audit, name="audit"),
        path("people/<uuid:person_id>/access-report", views.access_report, name="access-report"),
    ],
    navigation=NavigationEntry(title="Audit", route_name="audit", permission=Permission.READ_AUDIT, position=60),
)
