"""Routes of this door."""

from __future__ import annotations

urlpatterns: list[object] = []
