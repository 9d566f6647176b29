"""The routes of this area."""

from __future__ import annotations

from django.urls import path

from aggregator.web.area import Area
from aggregator.web.session import views

AREA = Area(
    routes=[
        path("sign-in", views.sign_in, name="sign-in"),
        path("role", views.choose_membership, name="choose-membership"),
        path("sign-out", views.sign_out, name="sign-out"),
    ]
)
