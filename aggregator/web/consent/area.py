"""The routes of this area."""

from __future__ import annotations

from django.urls import path

from aggregator.web.area import Area
from aggregator.web.consent import views

AREA = Area(routes=[path("people/<uuid:person_id>/consent", views.consent, name="consent")])
