"""Makes config a Django app, for its commands and so that every process knows the queue."""

from __future__ import annotations

from django.apps import AppConfig


class Config(AppConfig):
    """Imports the Celery application in every process; otherwise `shared_task` would send to a broker on localhost."""

    name = "config"
    verbose_name = "How the service starts"

    def ready(self) -> None:
        """Bind shared tasks to our queue, and register the checks."""
        import config.celery
        import config.checks  # noqa: F401
