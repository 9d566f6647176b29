"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.clients import views

AREA = Area(
    routes=[
        path("systems", views.clients, name="clients"),
        path("systems/register", views.register, name="register-client"),
        path("systems/<str:oauth_id>/end", views.end, name="end-client"),
    ],
    navigation=NavigationEntry(
        title="Systems", route_name="clients", permission=Permission.MANAGE_CLIENTS, position=60
    ),
)
