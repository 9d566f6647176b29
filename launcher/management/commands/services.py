"""Run the private PostgreSQL and Redis of the data folder until Ctrl-C; other commands find them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from launcher.handover import hand_over


class Command(BaseCommand):
    """`manage.py services`."""

    help = __doc__
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Become the launcher."""
        hand_over("services")
