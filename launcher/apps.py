"""Makes the launcher a Django app in local settings, for its commands."""

from __future__ import annotations

from django.apps import AppConfig


class Launcher(AppConfig):
    """Adds `manage.py demo` and `manage.py services`."""

    name = "launcher"
    verbose_name = "How a developer's machine starts"
