"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.break_glass import views

AREA = Area(
    routes=[
        path("people/<uuid:person_id>/emergency", views.break_glass, name="break-glass"),
        path("emergencies/<uuid:access_id>/end", views.end, name="end-break-glass"),
        path("emergencies", views.cases, name="break-glass-cases"),
        path("emergencies/<uuid:access_id>", views.case, name="break-glass-case"),
    ],
    navigation=NavigationEntry(
        title="Access to review", route_name="break-glass-cases", permission=Permission.REVIEW_BREAK_GLASS, position=55
    ),
)
