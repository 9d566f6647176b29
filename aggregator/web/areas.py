"""The areas of the pages, discovered in this folder, and the links in the bar of every page."""

from __future__ import annotations

from aggregator import web
from aggregator.accounts.requester import Requester
from aggregator.web.area import Area, NavigationEntry, find_areas

AREAS: tuple[Area, ...] = find_areas(package=web.__name__, path=web.__path__)
_NAVIGATION = sorted(
    (area.navigation for area in AREAS if area.navigation is not None), key=lambda entry: entry.position
)


def navigation_for(requester: Requester) -> list[NavigationEntry]:
    """Return the links that a requester may follow."""
    return [entry for entry in _NAVIGATION if requester.may(entry.permission)]
