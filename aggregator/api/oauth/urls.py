"""Routes of the door for tokens."""

from __future__ import annotations

from django.urls import path

from aggregator.api.oauth.token import Token

urlpatterns = [path("token", Token.as_view(), name="token")]
