"""Lets a process that has read its settings already use services that it started itself."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.cache import caches
from django.db import connections

from config.celery import app
from config.embedded import Services
from config.settings.base import cache, database


def adopt_services(*, services: Services) -> None:
    """Use these services from now on, here and in every child; nothing may have connected before."""
    os.environ.update(services.as_environment())
    settings.DATABASES = {"default": database(url=services.database_url)}
    settings.DATABASE_APP_ROLE = settings.DATABASES["default"]["USER"]
    settings.DATABASE_OWNER_URL = services.database_owner_url
    settings.REDIS_URL = settings.HELD_REDIS_URL = services.redis_url
    settings.CACHES = {"default": cache(url=services.redis_url)}
    for handler in (connections, caches):
        _ = handler["default"]
        del handler["default"]
        handler._settings = None  # read anew at the next use, as at the first
        handler.__dict__.pop("settings", None)
    app.conf.broker_url = services.redis_url


def adopt_public_url(*, address: str) -> None:
    """Say to every child under which address users reach the service."""
    os.environ["PUBLIC_URL"] = settings.PUBLIC_URL = address
