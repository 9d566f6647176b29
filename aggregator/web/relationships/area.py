"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.relationships import views

PERSON = "people/<uuid:person_id>"

AREA = Area(
    routes=[
        path(f"{PERSON}/relationships", views.relationships, name="relationships"),
        path(f"{PERSON}/relationships/add", views.record, name="record-relationship"),
        path(f"{PERSON}/relationships/add-to-team", views.add_to_team, name="add-care-team-patient"),
        path(f"{PERSON}/relationships/<uuid:relationship_id>/change", views.change, name="change-relationship"),
        path(f"{PERSON}/relationships/<uuid:relationship_id>/end", views.end, name="end-relationship"),
        path(f"{PERSON}/access", views.access, name="person-access"),
        path(f"{PERSON}/claim", views.claim, name="claim"),
        path("reach", views.reach, name="reach"),
    ],
    navigation=NavigationEntry(
        title="What a user can reach", route_name="reach", permission=Permission.VIEW_ACCESS, position=45
    ),
)
