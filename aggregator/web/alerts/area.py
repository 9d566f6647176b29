"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.alerts import views
from aggregator.web.area import Area, NavigationEntry

AREA = Area(
    routes=[
        path("alerts", views.alerts, name="alerts"),
        path("alerts/webhooks", views.webhooks, name="webhooks"),
        path("alerts/webhooks/register", views.register, name="register-webhook"),
        path("alerts/webhooks/<uuid:webhook_id>/end", views.end, name="end-webhook"),
        path("alerts/webhooks/<uuid:webhook_id>/test", views.test, name="try-webhook"),
    ],
    navigation=NavigationEntry(title="Alerts", route_name="alerts", permission=Permission.VIEW_ALERTS, position=58),
)
