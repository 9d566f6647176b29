"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.changes import views

AREA = Area(
    routes=[
        path("changes", views.changes, name="changes"),
        path("changes/<uuid:change_id>/confirm", views.confirm, name="confirm-change"),
        path("changes/<uuid:change_id>/reject", views.reject, name="reject-change"),
    ],
    navigation=NavigationEntry(
        title="Changes to confirm", route_name="changes", permission=Permission.MANAGE_USERS, position=55
    ),
)
