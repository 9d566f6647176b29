"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.users import views

AREA = Area(
    routes=[
        path("users", views.users, name="users"),
        path("users/add", views.add_user, name="add-user"),
        path("users/<uuid:user_id>", views.user, name="user"),
        path("users/<uuid:user_id>/add-role", views.add_role, name="add-role"),
        path("users/<uuid:user_id>/name", views.name, name="change-name"),
        path("users/<uuid:user_id>/email", views.email, name="set-email"),
        path("users/<uuid:user_id>/close", views.close, name="close-account"),
        path("users/<uuid:user_id>/person", views.join, name="join-user"),
        path("users/<uuid:user_id>/person/end", views.end_join, name="end-user-join"),
        path("users/<uuid:user_id>/roles/<uuid:membership_id>/end", views.end_role, name="end-role"),
    ],
    navigation=NavigationEntry(title="Users", route_name="users", permission=Permission.MANAGE_USERS, position=50),
)
