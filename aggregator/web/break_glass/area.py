"""The routes of this area."""

from __future__ import annotations

from django.urls import path

from aggregator.web.area import Area
from aggregator.web.break_glass import views

AREA = Area(
    routes=[
        path("people/<uuid:person_id>/emergency", views.break_glass, name="break-glass"),
        path("emergencies/<uuid:access_id>/end", views.end, name="end-break-glass"),
    ],
)
