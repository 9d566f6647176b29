"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.people import views

AREA = Area(
    routes=[path("", views.find, name="find")],
    navigation=NavigationEntry(
        title="Find a person", route_name="find", permission=Permission.FIND_PERSON, position=10
    ),
)
