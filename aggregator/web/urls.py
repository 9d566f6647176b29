"""Routes of the pages: those of every area. Each needs a signed-in user unless its view says otherwise."""

from __future__ import annotations

from aggregator.web.areas import AREAS

urlpatterns = [route for area in AREAS for route in area.routes]
