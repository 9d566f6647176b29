"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.care_teams import views

TEAM = "care-teams/<uuid:team_id>"

AREA = Area(
    routes=[
        path("care-teams", views.teams, name="care-teams"),
        path(TEAM, views.team, name="care-team"),
        path(f"{TEAM}/end", views.end_team, name="end-care-team"),
        path(f"{TEAM}/members/add", views.add_member, name="add-care-team-member"),
        path(f"{TEAM}/members/<uuid:place_id>/end", views.end_member, name="end-care-team-member"),
        path(f"{TEAM}/patients/<uuid:patient_id>/end", views.end_patient, name="end-care-team-patient"),
    ],
    navigation=NavigationEntry(
        title="Care teams", route_name="care-teams", permission=Permission.MANAGE_RELATIONSHIPS, position=40
    ),
)
