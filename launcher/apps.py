"""Makes the launcher an app of local settings, for the sake of its commands."""

from __future__ import annotations

from django.apps import AppConfig


class Launcher(AppConfig):
    """Adds `manage.py demo` and `manage.py services`."""

    name = "launcher"
    verbose_name = "How a developer's machine starts"
