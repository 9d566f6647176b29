"""The routes of this area and its link in the bar."""

from __future__ import annotations

from django.urls import path

from aggregator.accounts.roles import Permission
from aggregator.web.area import Area, NavigationEntry
from aggregator.web.reviews import views

AREA = Area(
    routes=[
        path("reviews", views.reviews, name="reviews"),
        path("reviews/<uuid:review_id>", views.review, name="review"),
        path("reviews/<uuid:review_id>/take-back", views.take_back, name="take-back-review"),
    ],
    navigation=NavigationEntry(
        title="Doubts about identity", route_name="reviews", permission=Permission.REVIEW_LINKS, position=30
    ),
)
