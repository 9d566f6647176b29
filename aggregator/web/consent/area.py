"""The routes of this area."""

from __future__ import annotations

from django.urls import path

from aggregator.web.area import Area
from aggregator.web.consent import views

_PERSON = "people/<uuid:person_id>/consent"

AREA = Area(
    routes=[
        path(_PERSON, views.consent, name="consent"),
        path(f"{_PERSON}/decide", views.decide, name="record-decision"),
        path(f"{_PERSON}/preview", views.preview, name="preview-access"),
        path(f"{_PERSON}/<uuid:policy_id>/change", views.decide, name="change-decision"),
        path(f"{_PERSON}/<uuid:policy_id>/withdraw", views.withdraw, name="withdraw-decision"),
    ]
)
