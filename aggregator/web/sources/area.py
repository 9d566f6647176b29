"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.sources import views

SOURCE, TRIAL = "sources/<uuid:source_id>", "sources/trials/<uuid:trial_id>"

AREA = Area(
    routes=[
        path("sources", views.sources, name="sources"),
        path("sources/board", views.board, name="source-board"),
        path("sources/add", views.add, name="add-source"),
        path(TRIAL, views.trial, name="source-trial"),
        path(f"{TRIAL}/part", views.trial_part, name="source-trial-part"),
        path(f"{TRIAL}/change", views.change_tried, name="change-tried-source"),
        path(f"{TRIAL}/save", views.save_trial, name="save-tried-source"),
        path(SOURCE, views.source, name="source"),
        path(f"{SOURCE}/part", views.source_part, name="source-part"),
        path(f"{SOURCE}/pause", views.pause, name="pause-source"),
        path(f"{SOURCE}/resume", views.resume, name="resume-source"),
        path(f"{SOURCE}/check", views.check_now, name="check-source"),
        path(f"{SOURCE}/try", views.start_trial, name="try-source"),
        path(f"{SOURCE}/change", views.change, name="change-source"),
        path(f"{SOURCE}/token", views.make_token, name="make-report-token"),
        path(f"{SOURCE}/token/end", views.end_token, name="end-report-token"),
    ],
    navigation=NavigationEntry(title="Sources", route_name="sources", permission=Permission.VIEW_SOURCES, position=20),
)
