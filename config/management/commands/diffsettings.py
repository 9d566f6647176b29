"""Django's diffsettings without secrets: its output is copied into tickets and messages."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.commands import diffsettings
from django.core.management.commands.diffsettings import Command as DiffSettings
from django.views.debug import SafeExceptionReporterFilter


class _Filter(SafeExceptionReporterFilter):
    """Django's own list of names that hold secrets, and those that hold addresses with passwords in them."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|URL|LOCATION|ENVIRONMENT|DATABASES|CACHES",
        flags=re.IGNORECASE,
    )


class Command(DiffSettings):
    """`manage.py diffsettings`."""

    def handle(self, **options: Any) -> str:
        """Return the settings that differ, what is secret masked."""
        shown = diffsettings.module_to_dict
        clean = _Filter().cleanse_setting

        def masked(module: Any, omittable: Any = lambda name: name.startswith("_")) -> dict[str, str]:
            names = [name for name in dir(module) if not omittable(name)]
            return {name: repr(clean(name, getattr(module, name))) for name in names}

        diffsettings.module_to_dict = masked
        try:
            return str(super().handle(**options))
        finally:
            diffsettings.module_to_dict = shown
