"""What an area of the pages declares about itself, and how the areas are discovered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from django.urls import URLPattern

from aggregator.accounts.roles import Permission


@dataclass(frozen=True, kw_only=True)
class NavigationEntry:
    """A link in the bar of every page, for users with the permission. Entries are ordered by `position`."""

    title: str
    route_name: str
    permission: Permission
    position: int


@dataclass(frozen=True, kw_only=True)
class Area:
    """One folder of pages: its routes and, if it has one, its link in the bar."""

    routes: Sequence[URLPattern]
    navigation: NavigationEntry | None = None


def find_areas(*, package: str, path: Sequence[str]) -> tuple[Area, ...]:
    """Return the `AREA` of every folder of the package `package`, which lies at `path`."""
    folders = sorted(module.name for module in iter_modules(path) if module.ispkg)
    return tuple(import_module(f"{package}.{folder}.area").AREA for folder in folders)
