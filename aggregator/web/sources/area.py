"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.sources import views

AREA = Area(
    routes=[path("sources", views.sources, name="sources")],
    navigation=NavigationEntry(title="Sources", route_name="sources", permission=Permission.VIEW_SOURCES, position=20),
)
